"""HTTP: the rules from payments to scenarios, read and changed by operators."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Request
from msgspec import Meta
from starlette.responses import Response

from services.personal import rules
from services.personal.api import wording
from services.personal.api.wording import NamedReason, NamedScenario
from services.personal.classification import Held, Rule, Version, earliest, timeline
from shared.auth.principal import Principal, require, require_city
from shared.events.errors import FieldError
from shared.events.meaning import YEARS
from shared.events.words import Channel, PaymentKind
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Listing,
    Timestamp,
    answers,
    sample,
)
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import listing
from shared.http.parameters import DayAsked
from shared.http.problems import Problem, invalid, not_found
from shared.methodology import methodology
from shared.methodology.classification import MCC, RULE_ID
from shared.methodology.rows import Confidence

router = APIRouter(tags=["classifications"])
Reader = Annotated[Principal, Depends(require("personal:read"))]
Writer = Annotated[Principal, Depends(require_city("classifications:write"))]
PRIORITIES = range(1, 100_001)
LAST_DAY = date(YEARS[-1], 12, 31)
Id = Annotated[str, Path(description="The rule's name", examples=["mcc_bus"])]
Priority = Annotated[
    int, Meta(extra_json_schema={"minimum": PRIORITIES[0], "maximum": PRIORITIES[-1]})
]
Mcc = Annotated[
    str,
    Meta(
        extra_json_schema={"pattern": f"^{MCC.pattern}$"},
        description="Merchant category (ISO 18245)",
        examples=["4131"],
    ),
]
EXAMPLE = {
    "priority": 300,
    "valid_from": "2026-07-01",
    "kind": "purchase",
    "mcc_from": "4131",
    "scenario": "BUS_RIDE",
}


class RuleBody(Body, frozen=True, kw_only=True):
    """What is left out fits every payment; either `scenario` or `reason`."""

    priority: Priority
    valid_from: date
    kind: PaymentKind | None = None
    channel: Channel | None = None
    mcc_from: Mcc | None = None
    mcc_to: Mcc | None = None
    with_quantity: bool = False
    scenario: str | None = None
    reason: str | None = None


class RuleVersion(Answer, frozen=True, kw_only=True):
    """What a rule says from a day on, and where that is from."""

    id: Annotated[str, sample("mcc_bus")]
    rule: Annotated[str, sample("mcc_bus@2018-01-01", "As an entry names it")]
    priority: Annotated[int, sample(500)]
    kind: PaymentKind | None
    channel: Channel | None
    mcc_from: Mcc | None
    mcc_to: Mcc | None
    with_quantity: bool
    scenario: NamedScenario | None
    reason: NamedReason | None
    valid_from: date
    valid_until: date | None
    default: Annotated[bool, Meta(description="Not said by an operator")]
    source: Annotated[str, sample("ISO 18245:2023, 4131 bus lines")] | None
    confidence: Confidence | None
    changed_by: Annotated[str, sample("operator")] | None
    changed_at: Timestamp | None


class RuleVersions(Answer, frozen=True, kw_only=True):
    """The versions of one rule."""

    id: Annotated[str, sample("mcc_bus")]
    versions: list[RuleVersion]


@router.get(
    "/v1/classifications",
    summary="The rules from payments to scenarios, all versions",
    responses=answers(Listing[RuleVersion]),
)
async def classifications(
    request: Request,
    who: Reader,
    on: Annotated[
        DayAsked | None, Query(description="Only what holds on this day", examples=["2026-06-01"])
    ] = None,
) -> Response:
    held = timeline(await rules.versions(request.app.state.pool))
    chosen = [rule for rule in held if on is None or rule.holds(on)]
    return json_response(listing(_listed(chosen)))


@router.get(
    "/v1/classifications/{id}",
    summary="The versions of one rule",
    responses=answers(RuleVersions, NOT_FOUND),
)
async def classification(id: Id, request: Request, who: Reader) -> Response:
    held = timeline(await rules.versions(request.app.state.pool))
    own = [rule for rule in held if rule.id == id]
    if not own:
        raise not_found("classification", id)
    return json_response(RuleVersions(id=id, versions=_listed(own)))


@router.put(
    "/v1/classifications/{id}",
    summary="Say what a rule is from a day on",
    openapi_extra=accepts(RuleBody, EXAMPLE),
    responses=answers(RuleVersion),
)
async def put_classification(
    id: Annotated[Id, Path(json_schema_extra={"pattern": f"^{RULE_ID.pattern}$"})],
    request: Request,
    who: Writer,
    b: Annotated[RuleBody, Depends(body(RuleBody))],
) -> Response:
    state = request.app.state
    now = state.clock()
    _check(id, b)
    _check_day("/valid_from", b.valid_from, _first_day(request))
    rule = Rule(
        b.priority, b.kind, b.channel, b.mcc_from, b.mcc_to, b.with_quantity, b.scenario, b.reason
    )
    version = Version(id, b.valid_from, rule, who.client, now)
    async with state.pool.acquire() as connection, connection.transaction():
        await rules.say(connection, version)
        held = timeline(await rules.versions(connection))
    stored = next(r for r in held if (r.id, r.valid_from, r.version) == (id, b.valid_from, version))
    return json_response(_rule(stored))


@router.delete(
    "/v1/classifications/{id}",
    status_code=204,
    summary="End a rule from a day on",
    responses=answers(None, 204, NOT_FOUND),
)
async def end_classification(
    id: Id,
    request: Request,
    who: Writer,
    first: Annotated[
        DayAsked | None,
        Query(
            alias="from",
            description="First day without it; default: the earliest",
            examples=["2026-07-01"],
        ),
    ] = None,
) -> Response:
    state = request.app.state
    soonest = _first_day(request)
    day = soonest if first is None else first
    _check_day("/query/from", day, soonest)
    async with state.pool.acquire() as connection, connection.transaction():
        held = timeline(await rules.versions(connection))
        if not any(rule.id == id and rule.ends > day for rule in held):
            raise not_found(f"classification on {day} or later:", id)
        await rules.end(connection, Version(id, day, None, who.client, state.clock()))
    return Response(status_code=204)


def _first_day(request: Request) -> date:
    state = request.app.state
    return earliest(state.clock(), ZoneInfo(state.settings.tanzhang_zone))


def _check_day(pointer: str, day: date, soonest: date) -> None:
    """Payments may be 24 h ahead: a rule never changes for days that one may have already."""
    if not soonest <= day <= LAST_DAY:
        name = "invalid-body" if pointer == "/valid_from" else "invalid-parameter"
        detail = f"expected {soonest} to {LAST_DAY}: payments of earlier days may be here already"
        raise invalid(pointer, detail, name)


def _check(id: str, b: RuleBody) -> None:
    if not RULE_ID.fullmatch(id):
        expected = f"expected 2 to 40 of a-z, 0-9 and _, a letter first, got {id!r}"
        raise invalid("/path/id", expected, "invalid-parameter")
    faults = list(_faults(b))
    if faults:
        first = faults[0]
        raise Problem("invalid-body", 422, f"{first.pointer}: {first.detail}", faults)


def _faults(b: RuleBody) -> Iterable[FieldError]:
    if b.priority not in PRIORITIES:
        yield FieldError("/priority", f"expected {PRIORITIES[0]} to {PRIORITIES[-1]}")
    for name in ("mcc_from", "mcc_to"):
        code = getattr(b, name)
        if code is not None and not MCC.fullmatch(code):
            yield FieldError(f"/{name}", f"expected four digits, got {code!r}")
    if b.mcc_to is not None and (b.mcc_from is None or b.mcc_to < b.mcc_from):
        yield FieldError("/mcc_to", "expected mcc_from too, and not after it")
    if (b.scenario is None) == (b.reason is None):
        yield FieldError("/scenario", "expected either scenario or reason")
    yield from _unknown("/scenario", b.scenario, [s.code for s in methodology().scenarios()])
    chosen = [word for word, row in methodology().reasons().items() if row.for_rules]
    yield from _unknown("/reason", b.reason, chosen)


def _unknown(pointer: str, word: str | None, known: list[str]) -> Iterable[FieldError]:
    if word is not None and word not in known:
        yield FieldError(pointer, f"expected one of {', '.join(known)}, got {word!r}")


def _listed(held: Iterable[Held]) -> list[RuleVersion]:
    """In the order in which they are asked."""
    ordered = sorted(held, key=lambda h: (h.rule.priority, h.id, h.begins))
    return [_rule(rule) for rule in ordered]


def _rule(held: Held) -> RuleVersion:
    rule, version, default = held.rule, held.version, held.default
    scenario = next((s for s in methodology().scenarios() if s.code == rule.scenario), None)
    return RuleVersion(
        id=held.id,
        rule=held.label,
        priority=rule.priority,
        kind=rule.kind,
        channel=rule.channel,
        mcc_from=rule.mcc_from,
        mcc_to=rule.mcc_to or rule.mcc_from,
        with_quantity=rule.with_quantity,
        scenario=NamedScenario(**wording.named(scenario.number)) if scenario else None,
        reason=NamedReason(**wording.reason(rule.reason)) if rule.reason else None,
        valid_from=held.valid_from,
        valid_until=None if held.ends == date.max else held.ends,
        default=default is not None,
        source=default.source if default else None,
        confidence=default.confidence if default else None,
        changed_by=version.changed_by if version else None,
        changed_at=version.changed_at if version else None,
    )
