"""Carbon passports: what the city knows about one account, gathered from its services."""

import asyncio
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.grading.api.labels import chosen, held_of
from services.grading.api.views import label_view
from services.grading.domain.grades import UNGRADED
from shared.auth import consent
from shared.auth.consent import Consent
from shared.auth.principal import Principal, require, require_subject
from shared.http.app import json_response
from shared.http.client import Unavailable, ask, open_client
from shared.http.problems import Problem, forbidden, not_found, unavailable
from shared.settings import Settings
from shared.units.calendar import local_date

router = APIRouter(tags=["passports"])
Answer = dict[str, Any]
NO_TIER = "none"
ENTRIES_LOOKED_AT = 1000


@router.get("/v1/passports/{kind}/{id}", summary="Label or tier, account, policy and evidence")
async def get_passport(
    request: Request,
    kind: Literal["industrial", "agri", "personal"],
    id: str,
    who: Annotated[Principal, Depends(require("labels:read"))],
) -> Response:
    """A part whose service is away is null and named in `missing`; then `partial` is true.

    A bank sees a person's tier and policy, and these only under the person's consent.
    """
    async with open_client() as client:
        gathering = Gathering(request.app.state.settings, consent.bearer(request), client)
        if kind == "personal":
            parts = await _of_consenting(request, gathering, id, who)
        else:
            require_subject(who, id)
            parts = await _of_account(request, gathering, kind, id)
    head = {"kind": kind, "id": id, "issued_at": request.app.state.clock()}
    rest = {"partial": bool(gathering.missing), "missing": sorted(gathering.missing)}
    return json_response(head | parts | rest)


class Gathering:
    """Questions to other services on behalf of a caller; remembers the parts that are missing."""

    def __init__(self, settings: Settings, token: str | None, client: httpx.AsyncClient) -> None:
        self.settings = settings
        self.missing: set[str] = set()
        self.client = client
        self._token = settings.tanzhang_service_token or token

    async def ask(self, part: str, url: str, path: str, **params: str | int) -> Any:
        """The answer, or None: there is none, or the service is away."""
        try:
            return await ask(url, path, self._token, params=params, client=self.client)
        except Unavailable:
            self.missing.add(part)
            return None


async def _of_account(request: Request, gathering: Gathering, kind: str, id: str) -> Answer:
    settings, rules = gathering.settings, request.app.state.regrader.rules
    label = await _label(request, kind, id)
    url, collection = {
        "industrial": (settings.tanzhang_industrial_url, "enterprises"),
        "agri": (settings.tanzhang_agri_url, "farms"),
    }[kind]
    path = f"/v1/{collection}/{quote(id, safe=':')}"
    year = label["year"] if label else _today(request).year
    account, evidence = await asyncio.gather(
        gathering.ask("account", url, f"{path}/account", year=year),
        _evidence(gathering, url, f"{path}/entries", year=year),
    )
    if label is None and account is None and not gathering.missing:
        raise not_found(f"{kind} account", id)
    held = rules.policy_held if label and _in_doubt(label) else rules.policy
    policy = held(kind, label["label"] if label else UNGRADED, _today(request))
    return {"label": label, "account": account, "policy": policy, "evidence": evidence}


async def _of_consenting(request: Request, gathering: Gathering, id: str, who: Principal) -> Answer:
    if not who.has("personal:read"):
        raise forbidden("The token lacks the scope personal:read", scope="personal:read")
    check = consent.over_http(request, gathering.client)
    given = await consent.require_passport(who, id, check)
    if given is not None:
        return await _for_bank(request, gathering, id, given)
    return await _of_person(request, gathering, id) | {"consent": None}


async def _for_bank(request: Request, gathering: Gathering, id: str, given: Consent) -> Answer:
    """Tier and policy, nothing else: that is what the person has consented to."""
    path = f"/v1/accounts/{quote(id, safe=':')}"
    points = await gathering.ask("tier", gathering.settings.tanzhang_points_url, path)
    if gathering.missing:
        raise unavailable("The person's tier cannot be asked at the moment")
    if points is None:
        raise not_found("personal account", id)
    policy = request.app.state.regrader.rules.policy("personal", points["tier"], _today(request))
    return {"tier": points["tier"], "policy": policy, "consent": given}


async def _of_person(request: Request, gathering: Gathering, id: str) -> Answer:
    settings, rules = gathering.settings, request.app.state.regrader.rules
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
        "policy": rules.policy("personal", tier, _today(request)) if known else None,
        "evidence": evidence,
    }


async def _evidence(gathering: Gathering, url: str, path: str, **params: int) -> Answer | None:
    """Where the entries are, and the documents that they name."""
    found = await gathering.ask("evidence", url, path, limit=ENTRIES_LOOKED_AT, **params)
    if found is None:
        return None
    items = found["items"]
    query = "&".join(f"{name}={value}" for name, value in params.items())
    return {
        "entries": f"{url.rstrip('/')}{path}" + (f"?{query}" if query else ""),
        "count": len(items),
        "more": found["next"] is not None,
        "documents": sorted({item["evidence"] for item in items if item.get("evidence")}),
    }


async def _label(request: Request, kind: str, id: str) -> Answer | None:
    try:
        held = await held_of(request, kind, id)
    except Problem:
        return None
    state = request.app.state
    return label_view(kind, id, chosen(kind, id, held, None), state.regrader.rules, state.clock())


def _in_doubt(label: Answer) -> bool:
    """Nobody lends by a label whose time is over or that an appeal has re-opened."""
    return bool(label["expired"] or label["suspended"])


def _today(request: Request) -> date:
    return local_date(request.app.state.clock(), request.app.state.regrader.zone)
