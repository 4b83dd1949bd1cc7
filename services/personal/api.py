"""The personal service's HTTP: accounts, entries, scenarios, the city, erasure."""

from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any, NamedTuple

from asyncpg import Record
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.personal import erasure, statements
from services.personal.domain import scenario_of
from shared.auth.principal import Principal, require, require_subject
from shared.database import Pool
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.http.problems import not_found
from shared.methodology import Scenario, methodology
from shared.units.amount import MG_PER_G, grams_text, round_half_even, tonnes_text

router = APIRouter()
Reader = Annotated[Principal, Depends(require("personal:read"))]


class Cursor(NamedTuple):
    """Where a listing of entries goes on."""

    occurred_at: datetime
    event_key: str
    line: int


@router.get("/v1/accounts/{id}", summary="Grams saved, by scenario and month")
async def account(id: str, request: Request, who: Reader) -> Response:
    require_subject(who, id)
    pool: Pool = request.app.state.pool
    number, balance = await _found(pool, id)
    scenarios = await pool.fetch(statements.BY_SCENARIO, number)
    months = await pool.fetch(statements.BY_MONTH, number)
    return json_response(
        {
            "account_id": id,
            "reduction_g": grams_text(balance),
            "trees": _trees(balance),
            "scenarios": [
                {**_named(row[0]), "reduction_g": grams_text(row[1]), "payments": row[2]}
                for row in scenarios
            ],
            "months": [
                {"month": _month(row[0]), "reduction_g": grams_text(row[1])} for row in months
            ],
        }
    )


@router.get("/v1/accounts/{id}/entries", summary="Every entry with its cause")
async def entries(
    id: str, request: Request, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    require_subject(who, id)
    pool: Pool = request.app.state.pool
    number, _ = await _found(pool, id)
    after = page.after(Cursor) or statements.START
    rows = await pool.fetch(statements.ENTRIES, number, *after, page.limit + 1)
    return json_response(page.listing(rows, _entry, lambda r: (r[4], r[0].hex(), r[1])))


@router.get("/v1/scenarios", summary="The 18 everyday scenarios and their factors")
async def scenarios(who: Reader) -> Response:
    return json_response({"items": [_scenario(s) for s in methodology().scenarios()], "next": None})


@router.get("/v1/region/summary", summary="Customers, tonnes and trees of the city")
async def region(request: Request, who: Reader) -> Response:
    pool: Pool = request.app.state.pool
    customers, total = (await pool.fetch(statements.CITY))[0]
    rows = await pool.fetch(statements.CITY_BY_SCENARIO)
    residents = methodology().region().residents
    return json_response(
        {
            "customers": customers,
            "residents": residents,
            "reduction_t": tonnes_text(total),
            "trees": _trees(total),
            "scenarios": [{**_named(r[0]), "reduction_g": grams_text(r[1])} for r in rows],
        }
    )


@router.delete("/v1/accounts/{id}", status_code=204, summary="Erase who an account is")
async def erase(
    id: str, request: Request, who: Annotated[Principal, Depends(require("personal:erase"))]
) -> Response:
    require_subject(who, id)
    state = request.app.state
    if not await erasure.erase(state.pool, state.poster, state.settings, id, state.clock()):
        raise not_found("account", id)
    state.relay.wake()
    return Response(status_code=204)


async def _found(pool: Pool, id: str) -> tuple[int, int]:
    found = await statements.balance(pool, id)
    if found is None:
        raise not_found("account", id)
    return found


def _entry(row: Record) -> dict[str, Any]:
    return {
        "entry_id": f"{row['event_key'].hex()}-{row['line']}",
        "source": row["source"],
        "event_id": row["event_id"],
        "occurred_at": row["occurred_at"],
        "day": row["day"],
        "scenario": _named(row["scenario"])["code"] if row["scenario"] else None,
        "quantity": row["quantity"],
        "credited": row["credited"],
        "reduction_g": grams_text(row["amount_mg"]),
        "cause": row["cause"],
        "cause_key": row["cause_key"].hex() if row["cause_key"] else None,
        "reason": row["reason"],
        "factor_set": row["factor_set"],
        "posted_at": row["posted_at"],
    }


def _named(number: int) -> dict[str, str]:
    scenario = scenario_of(number)
    return {"code": scenario.code, "name": scenario.name_en, "name_zh": scenario.name_zh}


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "number": scenario.number,
        "code": scenario.code,
        "kind": scenario.kind,
        "name": scenario.name_en,
        "name_zh": scenario.name_zh,
        "factor_g": grams_text(round_half_even(scenario.factor_mg)),
        "unit": scenario.unit,
        "cap": scenario.cap,
        "cap_period": scenario.cap_period,
        "factor_set": scenario.label,
        "source": scenario.source,
        "confidence": scenario.confidence,
    }


def _trees(mg: int) -> int:
    return methodology().tree_equivalent(Fraction(mg, MG_PER_G))


def _month(day: date) -> str:
    return day.strftime("%Y-%m")
