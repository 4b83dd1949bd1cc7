"""Carbon passports: what the city knows about one account, gathered from its services."""

import asyncio
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from services.grading.api.labels import chosen, held_of
from services.grading.api.views import Kind, LabelShown, PolicyFacts, label_view
from services.grading.domain.grades import UNGRADED
from shared.auth import consent
from shared.auth.consent import NO_CONSENT, Consent
from shared.auth.principal import Principal, require, require_subject
from shared.events.identifiers import bank_of
from shared.http.answers import NOT_FOUND, Answer, Timestamp, answers, sample
from shared.http.app import json_response
from shared.http.city import today
from shared.http.client import Unavailable, ask
from shared.http.problems import Problem, forbidden, not_found, unavailable
from shared.settings import Settings

router = APIRouter(tags=["passports"])
Part = Literal["account", "evidence", "tier"]
Parts = dict[str, Any]
Elsewhere = Annotated[
    dict[str, Any], Meta(description="As its own service answers", examples=[{"year": 2020}])
]
NO_TIER = "none"
ENTRIES_LOOKED_AT = 1000


class Evidence(Answer, frozen=True, kw_only=True):
    """Where an account's entries are, and the documents that the first of them name."""

    entries: Annotated[str, sample("http://industrial:8102/v1/enterprises/ent:1/entries?year=2020")]
    count: int
    more: bool
    documents: list[Annotated[str, sample("https://works.example/invoice-1.pdf")]]


class Passport(Answer, frozen=True, kw_only=True):
    """What the city knows of an account. Of an enterprise or a farm: its label. Of a person: tier
    and points; to a bank no more than tier and policy, with the `consent` it has them by."""

    kind: Literal["industrial", "agri", "personal"]
    id: Annotated[str, sample("91330800704206161W")]
    issued_at: Timestamp
    label: LabelShown | UnsetType | None = UNSET
    tier: Annotated[str, sample("medium")] | UnsetType | None = UNSET
    points: Elsewhere | UnsetType | None = UNSET
    account: Elsewhere | UnsetType | None = UNSET
    policy: PolicyFacts | None
    evidence: Evidence | UnsetType | None = UNSET
    consent: Consent | UnsetType | None = UNSET
    partial: bool
    missing: list[Part]


@router.get(
    "/v1/passports/{kind}/{id}",
    summary="Label or tier, account, policy and evidence",
    responses=answers(Passport, NOT_FOUND, NO_CONSENT),
)
async def get_passport(
    request: Request,
    kind: Annotated[
        Literal["industrial", "agri", "personal"], Path(description="What kind of account")
    ],
    id: Annotated[
        str,
        Path(
            description="The account", examples=["91330800704206161W", "farm:sanyi", "icbc:token-1"]
        ),
    ],
    who: Annotated[Principal, Depends(require("labels:read"))],
) -> Response:
    """A part whose service is away is null and named in `missing`; then `partial` is true.

    A bank sees a person's tier and policy, and these only under the person's consent. The policy is
    that of the bank that asks, or of the person's own bank, where it has put one in the default's place.
    """
    gathering = Gathering(request)
    if kind == "personal":
        parts = await _of_consenting(request, gathering, id, who)
    else:
        require_subject(who, id)
        parts = await _of_account(request, gathering, kind, id, who.bank)
    missing, at = sorted(gathering.missing), request.app.state.clock()
    passport = Passport(
        kind=kind, id=id, issued_at=at, **parts, partial=bool(missing), missing=missing
    )
    return json_response(passport)


class Gathering:
    """Questions to other services on behalf of a caller; remembers the parts that are missing."""

    def __init__(self, request: Request) -> None:
        self.settings: Settings = request.app.state.settings
        self.missing: set[Part] = set()
        self._request = request

    async def ask(self, part: Part, url: str, path: str, **params: str | int) -> Any:
        """The answer, or None: there is none, or the service is away."""
        try:
            return await ask(self._request, url, path, **params)
        except Unavailable:
            self.missing.add(part)
            return None


async def _of_account(
    request: Request, gathering: Gathering, kind: Kind, id: str, bank: str | None
) -> Parts:
    settings, rules = gathering.settings, request.app.state.regrader.rules
    label = await _label(request, kind, id)
    url, collection = {
        "industrial": (settings.tanzhang_industrial_url, "enterprises"),
        "agri": (settings.tanzhang_agri_url, "farms"),
    }[kind]
    path = f"/v1/{collection}/{quote(id, safe=':')}"
    year = label.year if label else today(request).year
    account, evidence = await asyncio.gather(
        gathering.ask("account", url, f"{path}/account", year=year),
        _evidence(gathering, url, f"{path}/entries", year=year),
    )
    if label is None and account is None and not gathering.missing:
        raise not_found(f"{kind} account", id)
    held = rules.policy_held if label and _in_doubt(label) else rules.policy
    word = label.label if label else UNGRADED
    policy = PolicyFacts(**held(kind, word, today(request), bank))
    return {"label": label, "account": account, "policy": policy, "evidence": evidence}


async def _of_consenting(request: Request, gathering: Gathering, id: str, who: Principal) -> Parts:
    if not who.has("personal:read"):
        raise forbidden("The token lacks the scope personal:read", scope="personal:read")
    given = await consent.require_passport(who, id, consent.over_http(request))
    if given is not None:
        return await _for_bank(request, gathering, id, who.bank, given)
    return await _of_person(request, gathering, id) | {"consent": None}


async def _for_bank(
    request: Request, gathering: Gathering, id: str, bank: str | None, given: Consent
) -> Parts:
    """Tier and policy, nothing else: that is what the person has consented to."""
    path = f"/v1/accounts/{quote(id, safe=':')}"
    points = await gathering.ask("tier", gathering.settings.tanzhang_points_url, path)
    if gathering.missing:
        raise unavailable("The person's tier cannot be asked at the moment")
    if points is None:
        raise not_found("personal account", id)
    policy = _policy(request, points["tier"], bank)
    return {"tier": points["tier"], "policy": policy, "consent": given}


async def _of_person(request: Request, gathering: Gathering, id: str) -> Parts:
    settings = gathering.settings
    path = f"/v1/accounts/{quote(id, safe=':')}"
    account, points, evidence = await asyncio.gather(
        gathering.ask("account", settings.tanzhang_personal_url, path),
        gathering.ask("tier", settings.tanzhang_points_url, path),
        _evidence(gathering, settings.tanzhang_personal_url, f"{path}/entries"),
    )
    if account is None and points is None and not gathering.missing:
        raise not_found("personal account", id)
    tier = (points or {}).get("tier") or NO_TIER
    known = "tier" not in gathering.missing
    return {
        "tier": tier if known else None,
        "points": points,
        "account": account,
        "policy": _policy(request, tier, bank_of(id)) if known else None,
        "evidence": evidence,
    }


async def _evidence(gathering: Gathering, url: str, path: str, **params: int) -> Evidence | None:
    """Where the entries are, and the documents that they name."""
    found = await gathering.ask("evidence", url, path, limit=ENTRIES_LOOKED_AT, **params)
    if found is None:
        return None
    items = found["items"]
    query = "&".join(f"{name}={value}" for name, value in params.items())
    return Evidence(
        entries=f"{url.rstrip('/')}{path}" + (f"?{query}" if query else ""),
        count=len(items),
        more=found["next"] is not None,
        documents=sorted({item["evidence"] for item in items if item.get("evidence")}),
    )


async def _label(request: Request, kind: Kind, id: str) -> LabelShown | None:
    try:
        held = await held_of(request, kind, id)
    except Problem:
        return None
    state = request.app.state
    return label_view(kind, id, chosen(kind, id, held, None), state.regrader.rules, state.clock())


def _policy(request: Request, tier: str, bank: str | None) -> PolicyFacts:
    rules = request.app.state.regrader.rules
    return PolicyFacts(**rules.policy("personal", tier, today(request), bank))


def _in_doubt(label: LabelShown) -> bool:
    """Nobody lends by a label whose time is over or that an appeal has re-opened."""
    return label.expired or label.suspended
