"""HTTP of the agricultural service: the registry of farms, their accounts, the region."""

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.agri import handler
from services.agri.domain import straw
from services.agri.domain.account import Totals
from services.agri.domain.farms import ALWAYS, TYPE_NAMES, FarmType, Version, in_force, in_year
from services.agri.store import accounts, registry
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.events.identifiers import FARM_FORM, is_farm, personal_identifier
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.problems import Problem, invalid, not_found
from shared.stream.accounts import find
from shared.units.amount import decimal_text, ratio_text, tonnes_text
from shared.units.calendar import Zone, local_date

YEAR_FIRST, YEAR_LAST = 1990, 2100
NAME_LENGTH_MAX = 200

Year = Annotated[int | None, Query(ge=YEAR_FIRST, le=YEAR_LAST)]
Reader = Annotated[Principal, Depends(require("agri:read"))]
Registrar = Annotated[Principal, Depends(require("registry:write"))]
router = APIRouter(prefix="/v1", tags=["agri"])


class Farm(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A farm's registration; without `valid_from` the first holds always, a later one from today."""

    name: str
    type: FarmType
    district: str
    valid_from: date | None = None


@router.put("/farms/{farm_id}", summary="Register a farm", openapi_extra=accepts(Farm))
async def put_farm(
    request: Request,
    farm_id: str,
    farm: Annotated[Farm, Depends(body(Farm))],
    who: Registrar,
) -> Response:
    require_subject(who, farm_id)
    _check_farm(farm_id, farm)
    state = request.app.state
    now = state.clock()
    async with state.pool.acquire() as connection, connection.transaction():
        # The lock first: a worker that parks a record of this farm does so before us or sees it.
        locked = await state.poster.lock(connection, [farm_id])
        known = (await registry.farms(connection, [farm_id])).get(farm_id, [])
        version = _version(farm, known, _today(request))
        if version not in known:
            await registry.put(connection, farm_id, version, now)
            await _announce(connection, request, farm_id, locked[farm_id], now)
        await state.poster.release(connection, farm_id, handler.WAITS_FOR_FARM, now)
        versions = (await registry.farms(connection, [farm_id]))[farm_id]
    state.relay.wake()
    return json_response(_farm(farm_id, versions, _today(request)), 200 if known else 201)


@router.get("/farms/{farm_id}", summary="A farm and its versions")
async def get_farm(request: Request, farm_id: str, who: Reader) -> Response:
    require_subject(who, farm_id)
    state = request.app.state
    async with state.pool.acquire() as connection:
        versions = await _versions(connection, farm_id)
    return json_response(_farm(farm_id, versions, _today(request)))


@router.get("/farms/{farm_id}/account", summary="What a farm neutralised and emitted in a year")
async def get_account(request: Request, farm_id: str, who: Reader, year: Year = None) -> Response:
    require_subject(who, farm_id)
    state = request.app.state
    async with (
        state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        versions = await _versions(connection, farm_id)
        account = await find(connection, farm_id)
        wanted = year or await _latest_year(connection, account, _today(request))
        answer = _account(farm_id, wanted, versions)
        if account is not None:
            answer |= await _figures(connection, account, wanted)
    return json_response(answer)


@router.get("/farms/{farm_id}/entries", summary="Ledger entries, each with its lineage")
async def get_entries(
    request: Request,
    farm_id: str,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    year: Year = None,
) -> Response:
    require_subject(who, farm_id)
    after = page.after(tuple[int, str, int])
    start = (after[0], _key(after[1]), after[2]) if after else None
    async with request.app.state.pool.acquire() as connection:
        await _versions(connection, farm_id)
        account = await find(connection, farm_id)
        rows: Sequence[Any] = ()
        if account is not None:
            rows = await accounts.entries(connection, account, year, start, page.limit + 1)
    return json_response(page.listing(rows, _entry, _cursor))


@router.get("/region/summary", summary="Totals and coverage by farm type and district")
async def get_region(request: Request, who: Reader, year: Year = None) -> Response:
    state = request.app.state
    wanted = year or _today(request).year
    async with state.pool.acquire() as connection:
        rows = await accounts.region(connection, wanted)
    sums = {(row["type"], row["district"]): _sums(row) for row in rows}
    return json_response(
        {
            "year": wanted,
            **sums[(None, None)],
            "by_type": {
                kind: {"name": TYPE_NAMES[kind], **found}
                for (kind, _), found in sums.items()
                if kind
            },
            "by_district": {place: found for (_, place), found in sums.items() if place},
        }
    )


def _today(request: Request) -> date:
    state = request.app.state
    return local_date(state.clock(), Zone(state.settings.tanzhang_zone))


async def _versions(connection: Connection, farm_id: str) -> list[Version]:
    found = (await registry.farms(connection, [farm_id])).get(farm_id)
    if not found:
        raise not_found("farm", farm_id)
    return found


async def _announce(
    connection: Connection, request: Request, farm_id: str, account: Any, now: datetime
) -> None:
    """Re-emit the account's years: their type or district may have changed."""
    versions = (await registry.farms(connection, [farm_id]))[farm_id]
    years = await accounts.totals_by_year(connection, account.number)
    states = [
        handler.account_state(account, account.next_sequence(), year, totals, versions, now)
        for year, totals in years.items()
    ]
    await request.app.state.poster.save(connection, [account], states, now)


async def _latest_year(connection: Connection, account: int | None, today: date) -> int:
    years = await accounts.totals_by_year(connection, account) if account is not None else {}
    return max(years, default=today.year)


async def _figures(connection: Connection, account: int, year: int) -> dict[str, Any]:
    totals = (await accounts.totals_by_year(connection, account, year)).get(year, Totals())
    penalty = straw.paddy_penalty(await accounts.paddy_straw(connection, account, year), year)
    sets = await accounts.factor_sets(connection, account, year)
    return _tonnes(totals) | {"paddy_penalty_t": tonnes_text(penalty), "factor_sets": sets}


def _account(farm_id: str, year: int, versions: Sequence[Version]) -> dict[str, Any]:
    farm = in_year(versions, year)
    head = {
        "farm_id": farm_id,
        "year": year,
        "type": farm.type,
        "type_name": TYPE_NAMES[farm.type],
        "district": farm.district,
    }
    return head | _tonnes(Totals()) | {"paddy_penalty_t": "0", "factor_sets": []}


def _tonnes(totals: Totals) -> dict[str, str | None]:
    return {
        "straw_t": tonnes_text(totals.straw),
        "soil_t": tonnes_text(totals.soil),
        "manure_t": tonnes_text(totals.manure),
        "neutralised_t": tonnes_text(totals.neutralised),
        "gross_t": tonnes_text(totals.gross),
        "ratio": None if totals.ratio is None else ratio_text(totals.ratio),
    }


def _sums(row: Any) -> dict[str, Any]:
    totals = Totals(row["straw"], row["soil"], row["manure"], row["gross"])
    farms, covered = row["farms"], row["covered"]
    coverage = ratio_text(Fraction(covered, farms)) if farms else None
    return {"farms": farms, "with_account": covered, "coverage": coverage} | _tonnes(totals)


def _version(farm: Farm, known: Sequence[Version], today: date) -> Version:
    if farm.valid_from is None and known:
        current = in_force(known, today)
        same = (farm.name, farm.type, farm.district) == (
            current.name,
            current.type,
            current.district,
        )
        starts = current.valid_from if same else today
    else:
        starts = farm.valid_from or ALWAYS
    return Version(starts, farm.name, farm.type, farm.district)


def _check_farm(farm_id: str, farm: Farm) -> None:
    if not is_farm(farm_id) or personal_identifier(farm_id):
        raise Problem("invalid-parameter", 422, f"farm id: expected {FARM_FORM}")
    for field in ("name", "district"):
        text = getattr(farm, field)
        if not 1 <= len(text.strip()) <= NAME_LENGTH_MAX:
            raise invalid(f"/{field}", f"expected 1 to {NAME_LENGTH_MAX} characters")
        if found := personal_identifier(text):
            raise invalid(f"/{field}", f"looks like a {found}; expected no identifier of a person")


def _farm(farm_id: str, versions: Sequence[Version], today: date) -> dict[str, Any]:
    current = in_force(versions, today)
    return {"id": farm_id, **_fields(current), "versions": [_fields(v) for v in versions]}


def _fields(version: Version) -> dict[str, Any]:
    starts = None if version.valid_from == ALWAYS else version.valid_from.isoformat()
    return {
        "name": version.name,
        "type": version.type,
        "district": version.district,
        "valid_from": starts,
    }


def _entry(row: Any) -> dict[str, Any]:
    return {
        "event": {"source": row["source"], "id": row["event_id"]},
        "line": row["line"],
        "year": row["year"],
        "month": row["month"].strftime("%Y-%m"),
        "pathway": row["pathway"],
        "parcel_id": row["parcel_id"],
        "quantity": decimal_text(row["quantity"]),
        "unit": row["unit"],
        "factor_mg_per_unit": decimal_text(row["factor"]),
        "factor_set": row["factor_set"],
        "factor_version": row["factor_version"],
        "rule": row["rule"],
        "amount_t": tonnes_text(row["amount_mg"]),
        "reverses": row["reverses"],
        "cause": {"source": row["cause_source"], "id": row["cause_id"]},
        "sequence": row["sequence"],
        "posted_at": row["posted_at"].isoformat(),
    }


def _cursor(row: Any) -> tuple[int, str, int]:
    return (row["sequence"], row["event_key"].hex(), row["line"])


def _key(text: str) -> bytes:
    return bytes.fromhex(text)
