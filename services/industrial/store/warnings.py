"""Days above the usual band: which accounts are to be looked at, and what was told."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import asyncpg

from services.industrial.domain.bands import Above
from services.industrial.domain.entries import decimal_of
from shared.database import Connection

# Longest not looked at first, so that none is passed over for others.
DUE = """
select a.number, s.subject, w.day from account a join subject s on s.account = a.number
left join watched w on w.account = a.number
where w.day is null or w.day < $1
order by w.day nulls first, a.number
limit $2
"""
WATCHED = """
insert into watched (account, day) select unnest($1::bigint[]), $2
on conflict (account) do update set day = excluded.day
"""
TOLD = "select day, asset_id, carrier from warning where account = any($1::bigint[]) and day >= $2"
TELL = """
insert into warning (account, day, asset_id, carrier, unit, value, median, band, days, epoch,
    sequence, told_at)
select * from unnest($1::bigint[], $2::date[], $3::text[], $4::text[], $5::text[], $6::numeric[],
    $7::numeric[], $8::numeric[], $9::integer[], $10::integer[], $11::bigint[],
    $12::timestamptz[])
"""
_COLUMNS = """account, day, asset_id, carrier, unit, value, median, band, days, epoch, sequence,
    told_at"""
WARNINGS = f"""
select {_COLUMNS} from warning
where account = $1 and (day, asset_id, carrier) < ($2, $3, $4)
order by day desc, asset_id desc, carrier desc
limit $5
"""
SINCE = f"""
select {_COLUMNS} from warning where account = any($1::bigint[]) and told_at >= $2
order by account, sequence
"""

Cursor = tuple[date, str, str]
START: Cursor = (date(9999, 1, 1), "", "")


class ToldDay(NamedTuple):
    """A day that was told, with the place of its event in the account's sequence."""

    account: int
    day: date
    asset_id: str
    carrier: str
    unit: str
    value: Decimal
    median: Decimal
    band: Decimal
    days: int
    epoch: int
    sequence: int
    told_at: datetime


def warning(found: Above, account: int, epoch: int, sequence: int, now: datetime) -> ToldDay:
    """The row of a day above its band."""
    return ToldDay(
        account,
        found.day,
        found.asset_id,
        found.carrier,
        found.unit,
        decimal_of(found.value),
        decimal_of(found.median),
        decimal_of(found.band),
        found.days,
        epoch,
        sequence,
        now,
    )


async def due(connection: Connection, day: date, limit: int) -> list[tuple[int, str, date | None]]:
    """Accounts (number, enterprise, up to which day) that were not compared up to this day."""
    return [(row[0], row[1], row[2]) for row in await connection.fetch(DUE, day, limit)]


async def watch(connection: Connection, accounts: Sequence[int], day: date) -> None:
    """Remember that these accounts were compared up to this day."""
    await connection.execute(WATCHED, list(accounts), day)


async def told(connection: Connection, account: int, first: date) -> set[tuple[date, str, str]]:
    """(day, asset, carrier) of what was told of an account since a day."""
    return {tuple(row) for row in await connection.fetch(TOLD, [account], first)}


async def tell(connection: Connection, warnings: Sequence[ToldDay]) -> None:
    """Store what is told; each day of an asset and carrier once."""
    await connection.execute(TELL, *map(list, zip(*warnings, strict=True)))


async def warnings(
    connection: Connection, account: int, after: Cursor, limit: int
) -> list[ToldDay]:
    """What was told of an account, the newest day first."""
    rows = await connection.fetch(WARNINGS, account, *after, limit)
    return [ToldDay(*row) for row in rows]


async def told_since(
    connection: Connection, accounts: Sequence[int], since: datetime
) -> list[ToldDay]:
    """What was told of these accounts since then, in order."""
    rows: list[asyncpg.Record] = await connection.fetch(SINCE, list(accounts), since)
    return [ToldDay(*row) for row in rows]
