"""HTTP about one account: what it has saved, its entries and statement, its erasure."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from asyncpg import Record
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.personal import erasure, statements
from services.personal.api import wording
from services.personal.api.wording import NamedReason, NamedScenario, Trees
from shared.auth.consent import NO_CONSENT, over_http, require_account, require_person
from shared.auth.principal import Principal, require
from shared.database import Connection, Pool
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Grams,
    Listing,
    Month,
    Ratio,
    Timestamp,
    answers,
    sample,
)
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.http.parameters import PersonalAccount
from shared.http.problems import Problem, invalid, not_found
from shared.units.amount import grams_text

router = APIRouter(tags=["accounts"])
Reader = Annotated[Principal, Depends(require("personal:read"))]
MONTH = re.compile("(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])")
AccountId = Annotated[str, sample("jsrcb:token-0001")]
EventKey = Annotated[str, sample("5f0c1b9c8d7e4f3a2b1c0d9e8f7a6b5c", "Of the payment, hexadecimal")]
Cause = Literal["payment", "reversal", "reversed", "displaced", "counted", "cap"]
_MONTH_FORM = {"examples": ["2026-03"], "json_schema_extra": {"pattern": f"^{MONTH.pattern}$"}}
FirstMonth = Annotated[
    str | None, Query(alias="from", description="First month, YYYY-MM", **_MONTH_FORM)
]
LastMonth = Annotated[str | None, Query(description="Last month, YYYY-MM", **_MONTH_FORM)]


class ScenarioSum(NamedScenario, frozen=True, kw_only=True):
    """What one scenario has saved."""

    reduction_g: Grams
    payments: int


class MonthSum(Answer, frozen=True, kw_only=True):
    """What one month has saved."""

    month: Month
    reduction_g: Grams


class NotCounted(NamedReason, frozen=True, kw_only=True):
    """Payments that earn nothing, for one reason."""

    payments: int


class Account(Answer, frozen=True, kw_only=True):
    """What an account has saved."""

    account_id: AccountId
    reduction_g: Grams
    trees: Trees
    scenarios: list[ScenarioSum]
    months: list[MonthSum]
    not_counted: list[NotCounted]


class Entry(Answer, frozen=True, kw_only=True):
    """A line of the ledger: what a payment gave, or what was taken back or given later."""

    entry_id: Annotated[str, sample("5f0c1b9c8d7e4f3a2b1c0d9e8f7a6b5c-0")]
    source: Annotated[str, sample("urn:bank:jsrcb")] | None
    event_id: Annotated[str, sample("p-1")] | None
    occurred_at: Timestamp
    day: date | None
    scenario: Annotated[str, sample("BUS_RIDE")] | None
    quantity: Decimal | None
    credited: Decimal
    reduction_g: Grams
    cause: Cause
    cause_key: EventKey | None
    reason: Annotated[str, sample("capped")] | None
    rule: Annotated[str, sample("bus_ride@1")] | None
    factor_set: Annotated[str, sample("scenarios@1")] | None
    posted_at: Timestamp


class Sums(Answer, frozen=True, kw_only=True):
    """What was saved, and by how many payments."""

    reduction_g: Grams
    payments: int
    trees: Trees
    tree_equivalent: Annotated[Ratio, sample("0.005250", "Trees, to six places")]


class StatementLine(Sums, frozen=True, kw_only=True):
    """A month's sums of a scenario."""

    code: Annotated[str, sample("BUS_RIDE")]
    name: Annotated[str, sample("bus ride")]
    name_zh: Annotated[str, sample("公交出行")]


class StatementMonth(Sums, frozen=True, kw_only=True):
    """A month's sums, whole and by scenario."""

    month: Month
    scenarios: list[StatementLine]


class Statement(Sums, frozen=True, kw_only=True, rename={"first": "from"}):
    """The sums of the months asked for; `account_reduction_g` is that of all months."""

    account_id: AccountId
    first: Month | None
    until: Month | None
    account_reduction_g: Grams
    months: list[StatementMonth]


class Cursor(NamedTuple):
    """Where a listing of entries goes on."""

    occurred_at: datetime
    event_key: str
    line: int


@router.get(
    "/v1/accounts/{id}",
    summary="Grams saved, by scenario and month",
    responses=answers(Account, NO_CONSENT, NOT_FOUND),
)
async def account(id: PersonalAccount, request: Request, who: Reader) -> Response:
    await require_account(who, id, over_http(request))
    pool: Pool = request.app.state.pool
    async with pool.acquire() as snapshot, snapshot.transaction(**statements.SNAPSHOT):
        number, balance = await _found(snapshot, id)
        scenarios = await snapshot.fetch(statements.BY_SCENARIO, number)
        months = await snapshot.fetch(statements.BY_MONTH, number)
        not_counted = await snapshot.fetch(statements.NOT_COUNTED, number, wording.savings())
    found = Account(
        account_id=id,
        reduction_g=grams_text(balance),
        trees=wording.trees(balance),
        scenarios=[
            ScenarioSum(**wording.named(row[0]), reduction_g=grams_text(row[1]), payments=row[2])
            for row in scenarios
        ],
        months=[
            MonthSum(month=wording.month(row[0]), reduction_g=grams_text(row[1])) for row in months
        ],
        not_counted=[NotCounted(**wording.reason(row[0]), payments=row[1]) for row in not_counted],
    )
    return json_response(found)


@router.get(
    "/v1/accounts/{id}/entries",
    summary="Every entry with its cause",
    responses=answers(Listing[Entry], NO_CONSENT, NOT_FOUND),
)
async def entries(
    id: PersonalAccount, request: Request, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    await require_account(who, id, over_http(request))
    pool: Pool = request.app.state.pool
    number, _ = await _found(pool, id)
    after = page.after(Cursor) or statements.START
    rows = await pool.fetch(statements.ENTRIES, number, *after, page.limit + 1)
    return json_response(page.listing(rows, _entry, lambda r: (r[4], r[0].hex(), r[1])))


@router.get(
    "/v1/accounts/{id}/statement",
    summary="Grams and payments by month and scenario",
    responses=answers(Statement, NO_CONSENT, NOT_FOUND),
)
async def statement(
    id: PersonalAccount,
    request: Request,
    who: Reader,
    first: FirstMonth = None,
    until: LastMonth = None,
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
    found = Statement(
        account_id=id,
        first=None if begin == date.min else wording.month(begin),
        until=None if end == date.max else wording.month(end),
        **_sums(rows),
        account_reduction_g=grams_text(balance),
        months=[
            StatementMonth(month=wording.month(day), **_sums(own), scenarios=[*map(_line, own)])
            for day, own in months.items()
        ],
    )
    return json_response(found)


@router.delete(
    "/v1/accounts/{id}",
    status_code=204,
    summary="Erase who an account is",
    responses=answers(None, 204, NOT_FOUND),
)
async def erase(
    id: PersonalAccount,
    request: Request,
    who: Annotated[Principal, Depends(require("personal:erase"))],
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
    if not MONTH.fullmatch(text):
        raise _wrong(name, f"expected a month such as 2026-03, got {text!r}")
    return date.fromisoformat(f"{text}-01")


def _wrong(name: str, detail: str) -> Problem:
    return invalid(f"/query/{name}", detail, "invalid-parameter")


def _sums(rows: list[Record]) -> dict[str, Any]:
    """The fields of `Sums`."""
    total = sum(row["amount_mg"] for row in rows)
    return {
        "reduction_g": grams_text(total),
        "payments": sum(row["payments"] for row in rows),
        "trees": wording.trees(total),
        "tree_equivalent": wording.tree_equivalent(total),
    }


def _line(row: Record) -> StatementLine:
    return StatementLine(**wording.named(row["scenario"]), **_sums([row]))


def _entry(row: Record) -> Entry:
    return Entry(
        entry_id=f"{row['event_key'].hex()}-{row['line']}",
        source=row["source"],
        event_id=row["event_id"],
        occurred_at=row["occurred_at"],
        day=row["day"],
        scenario=wording.named(row["scenario"])["code"] if row["scenario"] else None,
        quantity=row["quantity"],
        credited=row["credited"],
        reduction_g=grams_text(row["amount_mg"]),
        cause=row["cause"],
        cause_key=row["cause_key"].hex() if row["cause_key"] else None,
        reason=row["reason"],
        rule=row["rule"],
        factor_set=row["factor_set"],
        posted_at=row["posted_at"],
    )
