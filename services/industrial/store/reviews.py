"""Readings held for review: those of a batch, lists of them, and decisions."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.industrial.domain.arrivals import YEARS
from services.industrial.domain.reviews import (
    OPEN,
    RELEASED,
    Known,
    Review,
    Settled,
    waits_for_review,
)
from services.industrial.domain.state import Key
from shared.database import Connection
from shared.events.envelope import Event
from shared.events.types import MeterReading

Cursor = tuple[datetime, str]

ANY = "select exists (select from review)"

KNOWN = """
select r.account, r.event_key, r.content_hash, r.id, r.state, r.note
from unnest($1::bigint[], $2::bytea[]) k(account, event_key)
join review r using (account, event_key)
"""

OPENED = f"""
insert into review ({", ".join(Review._fields)})
select * from unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[], $5::text[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::timestamptz[])
on conflict (account, id) do nothing
"""

SETTLED = f"""
update review r set state = s.state, note = s.note, decided_at = s.decided_at
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    s(account, id, state, note, decided_at)
where r.account = s.account and r.id = s.id and r.state = '{OPEN}'
"""

HELD = f"""
select event_key from review where account = $1 and meter_id = $2 and state = '{OPEN}'
"""

# What readings of a counter may explain: the open reviews of its meter, when they tell of an
# exchange or a correction, were held themselves and are released, or come before or beside others,
# posted or held. The latest reading explains nothing: after a fall all are held, and each would
# try all the others again. When a held one was read stands in its JSON only; searched as text,
# since times that Python takes (an offset of -18:00) may be none for the database.
WOKEN = f"""
select o.account, o.event_key
from (
    select a.account, a.meter_id, min(a.ends) as ends, bool_or(a.tells
        or exists (select from review r where r.account = a.account
            and r.event_key = a.event_key and r.state = '{RELEASED}')) as tells
    from unnest($1::bigint[], $2::bytea[], $3::text[], $4::timestamptz[], $5::boolean[])
        a(account, event_key, meter_id, ends, tells)
    group by a.account, a.meter_id
) a
cross join lateral (
    select max(f.ends) as latest from fact f
    where f.account = a.account and f.slot = 'meter:' || a.meter_id
) posted
join review o using (account, meter_id)
left join parked p on p.account = o.account and p.event_key = o.event_key
cross join lateral (
    select substring(encode(p.raw, 'escape') from '"end"[[:space:]]*:[[:space:]]*"([^"]+)"') as ends
) held
where o.state = '{OPEN}' and (a.tells
    or posted.latest >= a.ends
    or case when pg_input_is_valid(held.ends, 'timestamptz')
        then held.ends::timestamptz >= a.ends end)
order by o.account, o.opened_at, o.id
"""

# An open review of which nothing is held any more has lapsed: its event is a dead letter.
_SHOWN = """
select * from (
    select r.*, s.subject, case when r.state = 'open' and p.account is null then 'lapsed'
        else r.state end as shown
    from review r
    join subject s on s.account = r.account
    left join parked p on p.account = r.account and p.event_key = r.event_key
        and p.content_hash = r.content_hash
) r
"""
LISTED = f"""
{_SHOWN}
where ($1::text is null or r.subject = $1) and ($2::text is null or r.shown = $2)
    and (r.opened_at, r.id) > ($3, $4)
order by r.opened_at, r.id
limit $5
"""
ONE = f"{_SHOWN} where r.id = $1"

DECIDED = """
update review set state = $3, note = $4, decided_at = $5, decided_by = $6
where account = $1 and id = $2
"""


class Decided(NamedTuple):
    """What an operator decided of a review."""

    account: int
    id: str
    state: str
    note: str
    decided_at: datetime
    decided_by: str


async def known_of(connection: Connection, keys: Collection[Key]) -> dict[Key, list[Known]]:
    """The reviews of these events, by account and event key."""
    found: dict[Key, list[Known]] = {}
    if not keys or not await connection.fetchval(ANY):
        return found
    in_order = sorted(keys)
    rows = await connection.fetch(KNOWN, [key[0] for key in in_order], [key[1] for key in in_order])
    for row in rows:
        known = Known(*row)
        found.setdefault((known.account, known.event_key), []).append(known)
    return found


async def held_of(connection: Connection, account: int, meter_id: str) -> list[str]:
    """What the held readings of a meter wait for."""
    rows = await connection.fetch(HELD, account, meter_id)
    return [waits_for_review(row[0]) for row in rows]


async def open_reviews(connection: Connection, reviews: Sequence[Review]) -> None:
    """Store new reviews; one that is known stays as it is."""
    if reviews:
        await connection.execute(OPENED, *map(list, zip(*reviews, strict=True)))


async def settle(connection: Connection, settled: Sequence[Settled]) -> None:
    """Close reviews that need no decision any more."""
    if settled:
        await connection.execute(SETTLED, *map(list, zip(*settled, strict=True)))


async def woken(
    connection: Connection, arriving: Sequence[tuple[int, Event]]
) -> Sequence[tuple[int, str]]:
    """What held readings wait for, where these events (by account) replace or may explain them."""
    named = [
        (account, waits_for_review(target))
        for account, event in arriving
        if (target := event.target()) is not None
    ]
    readings = [
        (account, event.key, data.meter_id, data.end, bool(data.exchange or data.replaces))
        for account, event in arriving
        if isinstance(data := event.data, MeterReading) and _may_explain(data)
    ]
    if not readings:
        return named
    rows = await connection.fetch(WOKEN, *map(list, zip(*readings, strict=True)))
    return [*named, *((account, waits_for_review(key)) for account, key in rows)]


def _may_explain(data: MeterReading) -> bool:
    """A counter's reading that the database can be asked about; others are refused anyway."""
    return data.kind == "register" and data.end.year in YEARS and "\x00" not in data.meter_id


async def listed(
    connection: Connection, subject: str | None, state: str | None, after: Cursor, limit: int
) -> list[asyncpg.Record]:
    """Reviews of one enterprise or of all, in one state or in any, oldest first."""
    return await connection.fetch(LISTED, subject, state, *after, limit)


async def one(connection: Connection, id: str) -> asyncpg.Record | None:
    """A review with the enterprise it is about."""
    return await connection.fetchrow(ONE, id)


async def decide(connection: Connection, decided: Decided) -> None:
    """Store a decision."""
    await connection.execute(DECIDED, *decided)
