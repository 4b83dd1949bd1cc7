"""HTTP about one account: what it has saved, its entries and statement, its erasure."""

import re
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

from asyncpg import Record
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.personal import erasure, statements
from services.personal.api import wording
from shared.auth.consent import over_http, require_account, require_person
from shared.auth.principal import Principal, require
from shared.database import Connection, Pool
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.http.problems import Problem, invalid, not_found
from shared.units.amount import grams_text

router = APIRouter()
Reader = Annotated[Principal, Depends(require("personal:read"))]
MONTH = re.compile("[0-9]{4}-[0-9]{2}")


class Cursor(NamedTuple):
    """Where a listing of entries goes on."""

    occurred_at: datetime
    event_key: str
    line: int


@router.get("/v1/accounts/{id}", summary="Grams saved, by scenario and month")
async def account(id: str, request: Request, who: Reader) -> Response:
    await require_account(who, id, over_http(request))
    pool: Pool = request.app.state.pool
    async with pool.acquire() as snapshot, snapshot.transaction(**statements.SNAPSHOT):
        number, balance = await _found(snapshot, id)
        scenarios = await snapshot.fetch(statements.BY_SCENARIO, number)
        months = await snapshot.fetch(statements.BY_MONTH, number)
        not_counted = await snapshot.fetch(statements.NOT_COUNTED, number, wording.savings())
    return json_response(
        {
            "account_id": id,
            "reduction_g": grams_text(balance),
            "trees": wording.trees(balance),
            "scenarios": [
                {**wording.named(row[0]), "reduction_g": grams_text(row[1]), "payments": row[2]}
                for row in scenarios
            ],
            "months": [
                {"month": wording.month(row[0]), "reduction_g": grams_text(row[1])}
                for row in months
            ],
            "not_counted": [{**wording.reason(row[0]), "payments": row[1]} for row in not_counted],
        }
    )


@router.get("/v1/accounts/{id}/entries", summary="Every entry with its cause")
async def entries(
    id: str, request: Request, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    await require_account(who, id, over_http(request))
    pool: Pool = request.app.state.pool
    number, _ = await _found(pool, id)
    after = page.after(Cursor) or statements.START
    rows = await pool.fetch(statements.ENTRIES, number, *after, page.limit + 1)
    return json_response(page.listing(rows, _entry, lambda r: (r[4], r[0].hex(), r[1])))


@router.get("/v1/accounts/{id}/statement", summary="Grams and payments by month and scenario")
async def statement(
    id: str,
    request: Request,
    who: Reader,
    first: Annotated[str | None, Query(alias="from", description="First month, YYYY-MM")] = None,
    until: Annotated[str | None, Query(description="Last month, YYYY-MM")] = None,
) -> Response:
    await require_account(who, id, over_http(request))
    begin, end = _months(first, until)
    pool: Pool = request.app.state.pool
    async with pool.acquire() as snapshot, snapshot.transaction(**statements.SNAPSHOT):
        number, balance = await _found(snapshot, id)
        rows = await snapshot.fetch(statements.BY_MONTH_AND_SCENARIO, number, begin, end)
    months: dict[date, list[Record]] = {}
    for row in rows:
        months.setdefault(row["month"], []).append(row)
    return json_response(
        {
            "account_id": id,
            "from": None if begin == date.min else wording.month(begin),
            "until": None if end == date.max else wording.month(end),
            **_sums(rows),
            "account_reduction_g": grams_text(balance),
            "months": [
                {"month": wording.month(month), **_sums(own), "scenarios": list(map(_line, own))}
                for month, own in months.items()
            ],
        }
    )


@router.delete("/v1/accounts/{id}", status_code=204, summary="Erase who an account is")
async def erase(
    id: str, request: Request, who: Annotated[Principal, Depends(require("personal:erase"))]
) -> Response:
    require_person(who, id)
    state = request.app.state
    if not await erasure.erase(state.pool, state.poster, state.settings, id, state.clock()):
        raise not_found("account", id)
    state.relay.wake()
    return Response(status_code=204)


async def _found(connection: Connection | Pool, id: str) -> tuple[int, int]:
    found = await statements.balance(connection, id)
    if found is None:
        raise not_found("account", id)
    return found


def _months(first: str | None, until: str | None) -> tuple[date, date]:
    """The first days of the first and the last month; all of them when none is given."""
    begin, end = _month("from", first, date.min), _month("until", until, date.max)
    if end < begin:
        raise _wrong("until", f"expected {first} or a later month, got {until}")
    return begin, end


def _month(name: str, text: str | None, default: date) -> date:
    if text is None:
        return default
    try:
        if not MONTH.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise _wrong(name, f"expected a month such as 2026-03, got {text!r}") from None


def _wrong(name: str, detail: str) -> Problem:
    return invalid(f"/query/{name}", detail, "invalid-parameter")


def _sums(rows: list[Record]) -> dict[str, Any]:
    total = sum(row["amount_mg"] for row in rows)
    return {
        "reduction_g": grams_text(total),
        "payments": sum(row["payments"] for row in rows),
        "trees": wording.trees(total),
        "tree_equivalent": wording.tree_equivalent(total),
    }


def _line(row: Record) -> dict[str, Any]:
    return {**wording.named(row["scenario"]), **_sums([row])}


def _entry(row: Record) -> dict[str, Any]:
    return {
        "entry_id": f"{row['event_key'].hex()}-{row['line']}",
        "source": row["source"],
        "event_id": row["event_id"],
        "occurred_at": row["occurred_at"],
        "day": row["day"],
        "scenario": wording.named(row["scenario"])["code"] if row["scenario"] else None,
        "quantity": row["quantity"],
        "credited": row["credited"],
        "reduction_g": grams_text(row["amount_mg"]),
        "cause": row["cause"],
        "cause_key": row["cause_key"].hex() if row["cause_key"] else None,
        "reason": row["reason"],
        "rule": row["rule"],
        "factor_set": row["factor_set"],
        "posted_at": row["posted_at"],
    }
