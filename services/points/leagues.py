"""League tables, taken once a day in one look at the ledger: asking for them costs nothing."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from asyncpg import Record

from services.points.domain import Moment
from services.points.standings import Group, standings
from shared.database import Connection
from shared.stream.poster import Poster
from shared.units.calendar import CITY, Zone

Kind = Literal["banks", "villages"]

IS_TAKEN = "select exists (select from league_taken where day = $1)"
LEAD = "select pg_try_advisory_xact_lock(hashtext('points.leagues'))"
# A city's ledger in one statement: longer than any other may take, with room to add up in.
ROOM = ("set local statement_timeout = '30min'", "set local work_mem = '64MB'")
# What was credited less what was taken back, as it happened. Who was erased has no name left
# and counts among the others: the sum of all lines stays that of the ledger.
SUMS = """
with earned as (
    select account, extract(year from occurred_at at time zone $1)::int as year,
        sum(case kind when 'credited' then points else -points end) as points
    from posting where kind in ('credited', 'reversed')
    group by 1, 2
    having sum(case kind when 'credited' then points else -points end) <> 0
)
select case grouping(v.village) when 1 then 'banks' else 'villages' end as kind, e.year,
    coalesce(v.village, s.bank) as name, count(*) as people, sum(e.points)::bigint as points
from earned e
left join (select account, split_part(subject, ':', 1) as bank from subject) s using (account)
left join residence v using (account)
group by grouping sets ((e.year, s.bank), (e.year, v.village))
"""
CLEAR = ("delete from league", "delete from league_taken")
TAKEN = "insert into league_taken (day, taken_at) values ($1, $2)"
TAKEN_AT = "select taken_at from league_taken"
OTHERS = "select people, points from league where kind = $1 and year = $2 and rank is null"
TABLE = """
select rank, name, people, points from league
where kind = $1 and year = $2 and rank is not null and (rank, name) > ($3, $4)
order by rank, name limit $5
"""


async def tick(
    connection: Connection, poster: Poster[Any, Any], now: datetime, *, zone: Zone = CITY
) -> None:
    """Take the tables when a day has begun."""
    at = Moment(now, zone)
    if not await connection.fetchval(IS_TAKEN, at.today):
        await take(connection, at)


async def take(connection: Connection, at: Moment) -> bool:
    """Take the tables of every year anew; False while another transaction does."""
    if not await connection.fetchval(LEAD):
        return False
    for setting in ROOM:
        await connection.execute(setting)
    rows = await connection.fetch(SUMS, at.zone.key)
    for statement in CLEAR:
        await connection.execute(statement)
    await connection.copy_records_to_table("league", records=_lines(rows))
    await connection.execute(TAKEN, at.today, at.now)
    return True


def _lines(rows: Iterable[Record]) -> list[tuple[str, int, str, int | None, int, int]]:
    """Rows of `league`: only what may be shown is kept."""
    groups: dict[tuple[str, int], list[Group]] = defaultdict(list)
    for kind, year, name, people, points in rows:
        groups[kind, year].append(Group(name, people, points))
    return [
        (kind, year, group.name or "", rank, group.people, group.points)
        for (kind, year), found in groups.items()
        for rank, group in standings(found)
    ]
