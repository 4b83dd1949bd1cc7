"""Reading accounts: sums, and entries with their lineage."""

from datetime import date

import asyncpg

from services.industrial.domain.years import YEAR_FIELDS, Year
from shared.database import Connection

Cursor = tuple[date, bytes, int]
START: Cursor = (date(1, 1, 1), b"", -1)

SUMS = f"select {', '.join(YEAR_FIELDS)} from account_year where account = $1 and year = $2"
YEARS = "select year from account_year where account = $1 order by year"

# The page first, then the events of its entries only.
ENTRIES = """
select e.*, f.source, f.event_id, f.starts, f.ends, f.kind, f.state,
    f.value, f.unit as reported_unit, f.data,
    c.source as cause_source, c.event_id as cause_id,
    coalesce(o.posted_at, e.posted_at) as computed_at
from (
    select * from ledger_entry
    where account = $1 and month between $2 and $3 and (month, event_key, line) > ($4, $5, $6)
    order by month, event_key, line
    limit $7
) e
join fact f on f.account = e.account and f.event_key = e.event_key
join fact c on c.account = e.account and c.event_key = e.caused_by
left join ledger_entry o on o.account = e.account and o.event_key = e.event_key
    and o.line = e.reverses
order by e.month, e.event_key, e.line
"""


async def sums_of(connection: Connection, account: int, year: int) -> Year:
    """One account's year."""
    row = await connection.fetchrow(SUMS, account, year)
    return Year(*row) if row else Year()


async def years_of(connection: Connection, account: int) -> list[int]:
    """The years that have sums, in their order."""
    return [row[0] for row in await connection.fetch(YEARS, account)]


async def entries(
    connection: Connection, account: int, year: int | None, after: Cursor, limit: int
) -> list[asyncpg.Record]:
    """Entries in the order of (month, event, line), with the events behind them."""
    first, last = _span(year) if year else (date(1, 1, 1), date(9999, 1, 1))
    return await connection.fetch(ENTRIES, account, max(first, after[0]), last, *after, limit)


def _span(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 1)
