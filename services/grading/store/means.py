"""The city's means: sums over the accounts of a year, each taking a version of its own."""

from collections.abc import Collection, Iterable
from datetime import datetime

import asyncpg

from services.grading.domain.city import CityMean
from shared.database import Connection

COLUMNS = "year, version, accounts, total_t, value_added, taken_at"
NEWEST = f"""
select distinct on (year) {COLUMNS} from city_mean where year = any($1::int[])
order by year, version desc
"""
ALL_NEWEST = f"select distinct on (year) {COLUMNS} from city_mean order by year, version desc"
# A sum that is not the newest version's; the first is taken once there are enough accounts.
MOVED = """
with sums as (
    select year, count(*) as accounts, sum(total_t) as total_t, sum(value_added) as value_added
    from account_state
    where kind = 'industrial' and value_added > 0 and ($1::int[] is null or year = any($1))
        and year < $2
    group by year
), newest as (
    select distinct on (year) year, version, accounts, total_t, value_added
    from city_mean order by year, version desc
), known as (
    select coalesce(s.year, n.year) as year, coalesce(n.version, 0) as version,
        coalesce(s.accounts, 0) as accounts, coalesce(s.total_t, 0) as total_t,
        coalesce(s.value_added, 0) as value_added, n.year is null as first,
        (n.accounts, n.total_t, n.value_added) is distinct from
            (coalesce(s.accounts, 0), coalesce(s.total_t, 0), coalesce(s.value_added, 0)) as moved
    from sums s full join newest n using (year)
    where ($1::int[] is null or coalesce(s.year, n.year) = any($1))
        and coalesce(s.year, n.year) < $2
)
select year, version + 1 as version, accounts, total_t, value_added, first from known
where moved order by year
"""
ADD = """
insert into city_mean (year, version, accounts, total_t, value_added, taken_at, taken_by)
values ($1, $2, $3, $4, $5, $6, $7)
"""
SUBJECTS = """
select distinct s.subject from account_state a join subject s on s.account = a.account
where a.kind = 'industrial' and (a.year >= $1 or a.year = any($2::int[]))
"""


async def newest(connection: Connection, years: Iterable[int]) -> dict[int, CityMean]:
    """The newest mean of each of these years that has one."""
    rows = await connection.fetch(NEWEST, sorted(set(years)))
    return {row["year"]: _mean_of(row, row["taken_at"]) for row in rows}


async def all_newest(connection: Connection) -> dict[int, CityMean]:
    """The newest mean of every year."""
    return {
        row["year"]: _mean_of(row, row["taken_at"]) for row in await connection.fetch(ALL_NEWEST)
    }


async def moved(
    connection: Connection, years: Collection[int] | None, before: int, now: datetime
) -> list[tuple[CityMean, bool]]:
    """What a mean of these years (None: of all before `before`) would be now, where it differs.

    The flag is true for the first of its year.
    """
    wanted = None if years is None else sorted(years)
    rows = await connection.fetch(MOVED, wanted, before)
    return [(_mean_of(row, now), row["first"]) for row in rows]


async def add(connection: Connection, mean: CityMean, client: str) -> None:
    """Append a version."""
    sums = mean.accounts, mean.total_t, mean.value_added
    await connection.execute(ADD, mean.year, mean.version, *sums, mean.taken_at, client)


async def subjects(connection: Connection, since: int, years: Collection[int]) -> set[str]:
    """The enterprises with an account from a year on, or of one of these years."""
    return {row[0] for row in await connection.fetch(SUBJECTS, since, sorted(years))}


def _mean_of(row: asyncpg.Record, taken_at: datetime) -> CityMean:
    sums = row["total_t"], row["value_added"]
    return CityMean(row["year"], row["version"], row["accounts"], *sums, taken_at)
