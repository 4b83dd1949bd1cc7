"""SQL of closed years."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.industrial.domain.closing import waits_for_year
from shared.database import Connection

CLOSED, REOPENED = "closed", "reopened"

# Whoever posts holds the first until the commit, whoever closes or opens a year the second.
YEARS_STAND = "select pg_advisory_xact_lock_shared(hashtext('industrial.years'), 1)"
YEARS_CHANGE = "select pg_advisory_xact_lock(hashtext('industrial.years'), 1)"

CLOSED_YEARS = f"""
select year from (
    select distinct on (year) year, action from year_change order by year, n desc
) latest where action = '{CLOSED}'
"""
CHANGE = """
insert into year_change (year, n, action, reason, by, at)
select $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5 from year_change where year = $1
"""
CHANGES = "select year, action, reason, by, at from year_change order by year, n"
WAITING = "select count(*) from parked where waits_for = $1"
WAITING_ACCOUNTS = """
select distinct s.subject from parked p join subject s using (account)
where p.waits_for = $1 order by s.subject
"""
SUMS = """
select count(*)::bigint, coalesce(sum(energy_mg + process_mg - avoided_mg), 0)::bigint
from account_year where year = $1
"""
YEARS = """
select y.year, count(a.account) as accounts,
    coalesce(sum(a.energy_mg + a.process_mg - a.avoided_mg), 0)::bigint as total_mg,
    (select count(*) from parked p where p.waits_for = 'year:' || y.year) as waiting
from (select year from account_year union select year from year_change) y
left join account_year a using (year)
group by y.year order by y.year
"""


class YearChange(NamedTuple):
    """A year was closed, or opened again."""

    year: int
    action: str
    reason: str | None
    by: str
    at: datetime


async def closed_years(connection: Connection) -> frozenset[int]:
    """The closed years."""
    return frozenset(row[0] for row in await connection.fetch(CLOSED_YEARS))


async def standing_years(connection: Connection) -> frozenset[int]:
    """The closed years; none is closed or opened before this transaction ends."""
    await connection.execute(YEARS_STAND)
    return await closed_years(connection)


async def changing_years(connection: Connection) -> frozenset[int]:
    """The closed years, once no posting is under way: those that begin wait for this one."""
    await connection.execute(YEARS_CHANGE)
    return await closed_years(connection)


async def change(connection: Connection, made: YearChange) -> None:
    """Close a year or open it, under the lock of `changing_years`."""
    await connection.execute(CHANGE, made.year, made.action, made.reason, made.by, made.at)


async def changes(connection: Connection) -> list[YearChange]:
    """All changes, by year and in their order."""
    return [YearChange(*row) for row in await connection.fetch(CHANGES)]


async def waiting(connection: Connection, year: int) -> int:
    """How many events wait for a year to be opened."""
    count: int = await connection.fetchval(WAITING, waits_for_year(year))
    return count


async def waiting_accounts(connection: Connection, year: int) -> list[str]:
    """The accounts of those events."""
    return [row[0] for row in await connection.fetch(WAITING_ACCOUNTS, waits_for_year(year))]


async def sums(connection: Connection, year: int) -> tuple[int, int]:
    """How many accounts have a year, and their total in mg."""
    row = await connection.fetchrow(SUMS, year)
    assert row is not None
    return row[0], row[1]


async def years(connection: Connection) -> list[asyncpg.Record]:
    """Every year with accounts or changes, its total, and what waits for it."""
    return await connection.fetch(YEARS)
