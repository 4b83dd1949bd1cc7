"""Accounts of enterprises: the year, its entries, comparisons and reduction points."""

from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.industrial.domain.opportunities import Opportunity, rank
from services.industrial.domain.registry import Enterprise, on_date
from services.industrial.domain.years import Year
from services.industrial.store import accounts, registry
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.http.problems import invalid, not_found
from shared.methodology import CARRIERS
from shared.stream.accounts import find
from shared.units.amount import decimal_text, ratio_text, tonnes_text
from shared.units.calendar import Zone, local_date

YEAR_FIRST, YEAR_LAST = 1990, 2100
DIMENSIONS = ("asset", "carrier", "month")

YearQuery = Annotated[int | None, Query(ge=YEAR_FIRST, le=YEAR_LAST)]
Reader = Annotated[Principal, Depends(require("industrial:read"))]
router = APIRouter(prefix="/v1/enterprises/{id}", tags=["accounts"])


@router.get("/account", summary="What an enterprise emitted in a year, and its intensity")
async def get_account(request: Request, id: str, who: Reader, year: YearQuery = None) -> Response:
    require_subject(who, id)
    async with (
        request.app.state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        versions, account = await _account(connection, id)
        wanted = year or await _latest_year(connection, account, request)
        sums = await accounts.sums_of(connection, account, wanted)
    return json_response(_sums(on_date(versions, date(wanted, 12, 31)), wanted, sums))


@router.get("/entries", summary="Every entry with its lineage")
async def get_entries(
    request: Request,
    id: str,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    year: YearQuery = None,
) -> Response:
    require_subject(who, id)
    after = page.after(tuple[date, str, int])
    start = (after[0], bytes.fromhex(after[1]), after[2]) if after else accounts.START
    async with request.app.state.pool.acquire() as connection:
        _, account = await _account(connection, id)
        rows = await accounts.entries(connection, account, year, start, page.limit + 1)
    return json_response(page.listing(rows, _entry, _cursor))


@router.get("/breakdown", summary="A year by asset, carrier and month")
async def get_breakdown(
    request: Request,
    id: str,
    who: Reader,
    year: YearQuery = None,
    by: Annotated[str, Query(description="Any of asset, carrier, month, with commas")] = "carrier",
) -> Response:
    require_subject(who, id)
    dimensions = by.split(",")
    if not set(dimensions) <= set(DIMENSIONS):
        raise invalid("/query/by", f"any of: {', '.join(DIMENSIONS)}", "invalid-parameter")
    async with request.app.state.pool.acquire() as connection:
        _, account = await _account(connection, id)
        wanted = year or await _latest_year(connection, account, request)
        rows = await accounts.breakdown(connection, account, wanted, dimensions)
    items = sorted((_part(row, dimensions) for row in rows), key=_place)
    return json_response({"enterprise_id": id, "year": wanted, "items": items, "next": None})


@router.get("/opportunities", summary="Where the enterprise could use less, greatest first")
async def get_opportunities(
    request: Request, id: str, who: Reader, year: YearQuery = None
) -> Response:
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        _, account = await _account(connection, id)
        wanted = year or await _latest_year(connection, account, request)
        found = rank(await accounts.uses(connection, account, wanted))
    items = [_opportunity(place, one) for place, one in enumerate(found, 1)]
    return json_response({"enterprise_id": id, "year": wanted, "items": items, "next": None})


async def _account(connection: Connection, id: str) -> tuple[list[Enterprise], int]:
    """The versions of an enterprise and its account number (0: none, no sums yet)."""
    versions = (await registry.enterprises_of(connection, [id])).get(id)
    if not versions:
        raise not_found("enterprise", id)
    return versions, await find(connection, id) or 0


async def _latest_year(connection: Connection, account: int, request: Request) -> int:
    """The last year with sums, else this one."""
    now: datetime = request.app.state.clock()
    zone = Zone(request.app.state.settings.tanzhang_zone)
    years = await accounts.years_of(connection, account)
    return max(years, default=local_date(now, zone).year)


def _sums(enterprise: Enterprise, year: int, sums: Year) -> dict[str, Any]:
    intensity = Fraction(sums.total_mg, 10**9) / Fraction(sums.output) if sums.output else None
    return {
        "enterprise_id": enterprise.id,
        "year": year,
        "sector": enterprise.sector,
        "district": enterprise.district,
        "energy_t": tonnes_text(sums.energy_mg),
        "process_t": tonnes_text(sums.process_mg),
        "avoided_t": tonnes_text(sums.avoided_mg),
        "total_t": tonnes_text(sums.total_mg),
        "avoided_pv_t": tonnes_text(sums.pv_mg),
        "product": enterprise.product,
        "output": decimal_text(sums.output),
        "product_unit": enterprise.product_unit,
        "value_added_1e4cny": decimal_text(sums.value_added),
        "intensity": None if intensity is None else ratio_text(intensity),
        "months_energy": sums.months_energy,
        "months_output": sums.months_output,
        "factor_sets": sums.standing_sets(),
        "quality": {name: ratio_text(share) for name, share in sums.quality().items()},
    }


def _entry(row: Any) -> dict[str, Any]:
    return {
        "event": {"source": row["source"], "id": row["event_id"]},
        "line": row["line"],
        "month": row["month"].strftime("%Y-%m"),
        "category": row["category"],
        "activity": row["activity"],
        "meter_id": row["meter_id"],
        "asset_id": row["asset_id"],
        "quantity": decimal_text(row["quantity"]),
        "unit": row["unit"],
        "quality": row["quality"],
        "factor_mg_per_unit": decimal_text(row["factor"]),
        "factor_id": row["factor_id"],
        "factor_set": row["factor_set"],
        "factor_version": row["factor_version"],
        "fallback": row["fallback"],
        "rule": row["rule"],
        "amount_t": tonnes_text(row["amount_mg"]),
        "amount_mg": row["amount_mg"],
        "reverses": row["reverses"],
        "reason": row["cause"],
        "cause": {"source": row["cause_source"], "id": row["cause_id"]},
        "sequence": row["sequence"],
        "posted_at": row["posted_at"].isoformat(),
    }


def _cursor(row: Any) -> tuple[date, str, int]:
    return row["month"], row["event_key"].hex(), row["line"]


def _part(row: Any, dimensions: list[str]) -> dict[str, Any]:
    part: dict[str, Any] = {}
    if "asset" in dimensions:
        part["asset_id"] = row["asset_id"]
    if "carrier" in dimensions:
        part |= {
            "carrier": row["carrier"],
            "quantity": decimal_text(row["quantity"]),
            "unit": row["unit"],
        }
    if "month" in dimensions:
        part["month"] = row["month"].strftime("%Y-%m")
    total = row["energy_mg"] + row["process_mg"] - row["avoided_mg"]
    return part | {
        "energy_t": tonnes_text(row["energy_mg"]),
        "process_t": tonnes_text(row["process_mg"]),
        "avoided_t": tonnes_text(row["avoided_mg"]),
        "total_t": tonnes_text(total),
        "avoided_pv_t": tonnes_text(row["pv_mg"]),
    }


def _place(part: dict[str, Any]) -> tuple[str, str, str, str]:
    texts = (part.get(name) or "" for name in ("month", "asset_id", "carrier", "unit"))
    month, asset, carrier, unit = texts
    return month, asset, carrier, unit


def _opportunity(place: int, one: Opportunity) -> dict[str, Any]:
    carrier = CARRIERS[one.carrier]
    en, zh = one.asset_id or "the enterprise", one.asset_id or "企业"
    return {
        "rank": place,
        "asset_id": one.asset_id,
        "carrier": one.carrier,
        "unit": one.unit,
        "emitted_t": tonnes_text(one.amount_mg),
        "avoidable_t": tonnes_text(one.avoidable_mg),
        "avoidable_share": ratio_text(Fraction(one.avoidable_mg, one.amount_mg)),
        "specific_median": ratio_text(one.median),
        "specific_latest": ratio_text(one.latest),
        "rising_months": one.rising_months,
        "reason": {
            "en": f"{carrier.name_en} per unit of output of {en} was above its median for months",
            "zh": f"{zh}有若干月的单位产量{carrier.name_zh}用量高于本年中位数",
        },
    }
