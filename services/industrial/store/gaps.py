"""Where the readings of a meter leave something out."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from shared.database import Connection

METERS = """
select id, min(kind) as kind, min(valid_from) as since from meter
where enterprise_id = $1 and id collate "C" >= $2
group by id order by id collate "C" limit $3
"""

_STANDING = """
select starts, ends, data->>'exchange' as exchange,
    data->>'exchange' is not distinct from 'initial' as initial
from fact
where account = $1 and slot = 'meter:' || $2::text and state = 'posted'
"""

# Standing readings of a time, the one before them and the one after.
_AROUND = f"""
(
    ({_STANDING} and starts is %(not)s null and ends <= $3
        order by ends desc, 4 desc limit 1)
    union all
    ({_STANDING} and starts is %(not)s null and ends > $3 and ends <= $4)
    union all
    ({_STANDING} and starts is %(not)s null and ends > $4 order by ends, 4 limit 1)
) f
"""

# Between standing intervals: they are disjoint, so in the order of their ends.
STRETCHES = f"""
select ended, starts from (
    select lag(ends) over (order by ends) as ended, starts
    from {_AROUND % {"not": "not"}}
) pair
where ended < starts and ended < $4 and starts > $3
order by ended
"""

# Where one counter is taken away and another is put in its place.
EXCHANGES = f"""
select begun, ends from (
    select lag(ends) over place as begun, lag(exchange) over place as before, ends, exchange
    from {_AROUND % {"not": ""}}
    window place as (order by ends, initial)
) pair
where begun < ends and begun < $4 and ends > $3 and (before = 'final' or exchange = 'initial')
order by begun
"""

# A month is empty when no interval reaches into it, and no use of a counter.
EMPTY_INTERVAL_MONTHS = f"""
select q.starts, q.ends from unnest($3::timestamptz[], $4::timestamptz[]) q(starts, ends)
left join lateral (
    {_STANDING} and fact.starts is not null and fact.ends > q.starts order by fact.ends limit 1
) n on true
where n.starts is null or n.starts >= q.ends
order by 1
"""
EMPTY_REGISTER_MONTHS = f"""
select q.starts, q.ends from unnest($3::timestamptz[], $4::timestamptz[]) q(starts, ends)
left join lateral (
    {_STANDING} and fact.starts is null and fact.ends > q.starts order by fact.ends, 4 limit 1
) n on true
left join lateral (
    {_STANDING} and fact.starts is null and fact.ends <= q.starts
    order by fact.ends desc, 4 desc limit 1
) p on true
where n.ends is null or (n.ends >= q.ends and (p.ends is null
    or p.exchange is not distinct from 'final' or n.exchange is not distinct from 'initial'))
order by 1
"""

Span = tuple[datetime, datetime]


class Meter(NamedTuple):
    """A meter, and since when it is registered."""

    id: str
    kind: str
    since: date


class Gap(NamedTuple):
    """[start, end) of which a meter tells nothing. `kind`: interval, exchange or month."""

    start: datetime
    end: datetime
    kind: str


async def meters(connection: Connection, enterprise: str, first: str, limit: int) -> list[Meter]:
    """The meters of an enterprise, from this id on."""
    return [Meter(*row) for row in await connection.fetch(METERS, enterprise, first, limit)]


async def gaps(
    connection: Connection, account: int, meter: Meter, year: Span, months: Sequence[Span]
) -> list[Gap]:
    """The gaps of one meter that reach into a year, and those of these months that are empty; in
    the order of start and kind, by which pages go on."""
    register = meter.kind == "register"
    name = "exchange" if register else "interval"
    rows = await connection.fetch(EXCHANGES if register else STRETCHES, account, meter.id, *year)
    found = [Gap(row[0], row[1], name) for row in rows]
    empty = EMPTY_REGISTER_MONTHS if register else EMPTY_INTERVAL_MONTHS
    spans = [month[0] for month in months], [month[1] for month in months]
    rows = await connection.fetch(empty, account, meter.id, *spans)
    found += [Gap(row[0], row[1], "month") for row in rows]
    return sorted(found, key=lambda gap: (gap.start, gap.kind))
