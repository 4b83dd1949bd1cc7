"""Reduction points, ranked, with their evidence; and what acting on them saved."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial import reducing
from services.industrial.api.accounts import (
    Reader,
    YearQuery,
    account_of,
    latest_year,
    zone_of,
)
from services.industrial.domain.findings.finding import Finding
from services.industrial.domain.findings.ranking import RULES, Saving, identity
from services.industrial.domain.tariffs import Tariffs, parse
from services.industrial.store import comparisons
from services.industrial.store.comparisons import Adoption
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.problems import conflict, invalid, not_found
from shared.units.amount import ratio_text, tonnes_text
from shared.units.calendar import local_date

NOTE_MAX = 1000
router = APIRouter(prefix="/v1/enterprises/{id}/opportunities", tags=["comparisons"])
Registrar = Annotated[Principal, Depends(require("registry:write"))]


class AdoptionBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which day a reduction point was acted on, and how."""

    from_: date = msgspec.field(name="from")
    note: Annotated[str, msgspec.Meta(max_length=NOTE_MAX)] = ""


@router.get("", summary="Where the enterprise could use less, greatest first")
async def get_opportunities(
    request: Request, id: str, who: Reader, year: YearQuery = None
) -> Response:
    """Tonnes and yuan: of loads for a whole year, of what is seen beside output for the months that
    were. Those that do not add up look at the same use from another side. `adopted` has what was
    acted on, with the saving since then."""
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        one, wanted = await _enterprise(request, connection, id, year)
        found = await reducing.opportunities(connection, one, *_span(wanted))
        adoptions = await comparisons.adoptions(connection, one.account)
        measured = await reducing.savings(connection, one, adoptions, _today(request))
    adopted = {adoption.opportunity for adoption in adoptions}
    return json_response(
        {
            "enterprise_id": id,
            "year": wanted,
            "items": [_item(rank, id, each, adopted) for rank, each in enumerate(found, 1)],
            "next": None,
            "adopted": [_adopted(*each) for each in measured],
            "tariffs": one.tariffs.shown(),
        }
    )


@router.post(
    "/{opportunity_id}/adopt",
    summary="Record that a reduction point was acted on",
    openapi_extra=accepts(AdoptionBody),
)
async def post_adoption(
    request: Request,
    id: str,
    opportunity_id: str,
    given: Annotated[AdoptionBody, Depends(body(AdoptionBody))],
    who: Registrar,
    year: YearQuery = None,
) -> Response:
    """Freezes the figures of the year before `from` (those of its days before, when `from` lies in
    it). Once: 409 when it was adopted with another day or note."""
    require_subject(who, id)
    state = request.app.state
    async with state.pool.acquire() as connection, connection.transaction():
        one, wanted = await _enterprise(request, connection, id, year)
        adoption = await _known(connection, one, opportunity_id)
        created = False
        if adoption is None:
            finding = await _found(connection, one, opportunity_id, wanted, given.from_)
            frozen, now = reducing.frozen(finding), state.clock()
            new = Adoption(opportunity_id, given.from_, given.note, frozen, who.client, now)
            await state.poster.lock(connection, [id])
            created = await comparisons.adopt(connection, one.account, new)
            adoption = new if created else await _known(connection, one, opportunity_id) or new
    if (adoption.since, adoption.note) != (given.from_, given.note):
        raise conflict(f"{opportunity_id} is adopted from {adoption.since} on and stays so")
    return json_response(_adoption(adoption), 201 if created else 200)


async def _enterprise(
    request: Request, connection: Connection, id: str, year: int | None
) -> tuple[reducing.Enterprise, int]:
    _, account = await account_of(connection, id)
    wanted = year or await latest_year(connection, account, request)
    return reducing.Enterprise(id, account, zone_of(request), tariffs_of(request)), wanted


def tariffs_of(request: Request) -> Tariffs:
    """The tariffs of this service."""
    return parse(request.app.state.settings.tanzhang_tariffs)


async def _found(
    connection: Connection, one: reducing.Enterprise, id: str, year: int, since: date
) -> Finding:
    """The finding of this id in the part of the year before a day."""
    first, until = _span(year)
    if since <= first:
        raise invalid("/from", f"expected a day after {first}, as {year} is compared with")
    for finding in await reducing.opportunities(connection, one, first, min(until, since)):
        if identity(one.id, finding.kind, finding.scope) == id:
            return finding
    raise not_found(f"opportunity of {year} before {since}", id)


async def _known(connection: Connection, one: reducing.Enterprise, id: str) -> Adoption | None:
    adoptions = await comparisons.adoptions(connection, one.account)
    return next((adoption for adoption in adoptions if adoption.opportunity == id), None)


def _span(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year + 1, 1, 1)


def _today(request: Request) -> date:
    return local_date(request.app.state.clock(), zone_of(request))


def _item(rank: int, enterprise_id: str, finding: Finding, adopted: set[str]) -> dict[str, Any]:
    id, rule, scope = (
        identity(enterprise_id, finding.kind, finding.scope),
        RULES[finding.kind],
        finding.scope,
    )
    return {
        "rank": rank,
        "id": id,
        "finding": finding.kind,
        "asset_id": scope.asset_id,
        "meter_id": scope.meter_id,
        "carrier": scope.carrier,
        "avoidable": ratio_text(finding.avoidable),
        "unit": finding.unit,
        "avoidable_t": tonnes_text(finding.avoidable_mg),
        "avoidable_yuan": yuan_text(finding.yuan),
        "adds_up": rule.adds_up,
        "confidence": finding.confidence,
        "adopted": id in adopted,
        "reason": dict(finding.reason),
        "formula": dict(rule.formula),
        "evidence": _evidence(finding),
    }


def _evidence(finding: Finding) -> dict[str, Any]:
    figures: Mapping[str, str] = {
        "level": ratio_text(finding.level),
        "target": ratio_text(finding.target),
        "level_unit": finding.level_unit,
        "mg_per_unit": ratio_text(finding.mg_per_unit),
    }
    return {
        "period": {"from": finding.first.isoformat(), "to": finding.last.isoformat()},
        "figures": {**figures, **finding.figures},
        "series": list(finding.series),
    }


def _adoption(adoption: Adoption) -> dict[str, Any]:
    baseline = adoption.baseline
    return {
        "id": adoption.opportunity,
        "finding": baseline["finding"],
        **{name: baseline[name] for name in ("asset_id", "meter_id", "carrier")},
        "from": adoption.since.isoformat(),
        "note": adoption.note,
        "recorded_by": adoption.recorded_by,
        "recorded_at": adoption.recorded_at.isoformat(),
        "baseline": reducing.shown_baseline(baseline),
    }


def _adopted(adoption: Adoption, until: date, saving: Saving | None) -> dict[str, Any]:
    shown = None
    if saving is not None:
        shown = {
            "period": {"from": adoption.since.isoformat(), "until": until.isoformat()},
            "level": ratio_text(saving.level),
            "over": ratio_text(saving.weight),
            "saved": ratio_text(saving.quantity),
            "saved_t": tonnes_text(saving.amount_mg),
            "saved_yuan": yuan_text(saving.yuan),
        }
    return _adoption(adoption) | {"measured": shown}


def yuan_text(value: Fraction | None) -> str | None:
    """Yuan to the fen; None when there is no tariff."""
    if value is None:
        return None
    fen = round(value * 100)
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
