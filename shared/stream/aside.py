"""Events set aside: dead letters (never to be posted) and parked ones (not yet)."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from shared.database import Connection
from shared.events.envelope import Event, Origin

PARKED_FOR = timedelta(days=90)
UNEXPECTED = "unexpected"
# Of a parameter, as asyncpg says it; of what PostgreSQL added up itself.
_OVERFLOW = re.compile("value out of int64 range|bigint out of range")

BURY = """
insert into dead_letter
    (digest, account, reason, detail, source, event_id, topic, partition, "offset", raw, seen,
    first_seen)
select *, $12 from unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::int[], $9::bigint[], $10::bytea[], $11::int[])
on conflict (digest) do update set seen = dead_letter.seen + excluded.seen
"""

PARK = """
insert into parked (account, event_key, content_hash, waits_for, source, raw, parked_at, until)
select a, k, c, w, s, r, $7::timestamptz + n * interval '1 microsecond', $8
from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::bytea[])
    with ordinality u(a, k, c, w, s, r, n)
on conflict (account, event_key) do update set waits_for = excluded.waits_for
"""

UNPARK = """
delete from parked where (account, event_key) in (select * from unnest($1::bigint[], $2::bytea[]))
"""

WAITING_FOR = """
select p.account, p.raw from parked p
join unnest($1::bigint[], $2::text[]) w(account, waits_for) using (account, waits_for)
order by p.account, p.parked_at, p.event_key
"""

COUNT_BY_SOURCE = """
select source, count(*) from parked where source = any($1::text[]) group by source
"""

WAITING_KEYS = """
select event_key from parked where account = $1 and waits_for = any($2::text[])
order by parked_at, event_key
"""

PARKED_EVENTS = """
select raw from parked
where account = $1 and waits_for = any($2::text[]) and event_key = any($3::bytea[])
order by parked_at, event_key
"""

OVERDUE = "select account, event_key from parked where until < $1 order by until limit $2"

EXPIRE = """
delete from parked where (account, event_key) in (select * from unnest($1::bigint[], $2::bytea[]))
returning account, waits_for, raw
"""


@dataclass(slots=True, frozen=True)
class DeadLetter:
    """What can never be posted, and why; `raw` is what arrived."""

    digest: bytes
    account: int | None
    reason: str
    detail: str
    source: str | None
    event_id: str | None
    origin: Origin | None
    raw: bytes


def dead_letter(event: Event, account: int, reason: str, detail: str) -> DeadLetter:
    """The dead letter of a decoded event; the same event makes the same one, however often."""
    digest = hashlib.blake2b(
        event.key + event.content + event.subject.encode(), digest_size=16
    ).digest()
    return DeadLetter(
        digest, account, reason, detail, event.source, event.id, event.origin, event.raw
    )


def why(error: Exception) -> tuple[str, str]:
    """Reason and detail of an event that failed alone. One that is too large for the sums of its
    account is a wrong event, and no failure of ours: its sender must not stop everybody's."""
    if isinstance(error, asyncpg.DataError) and _OVERFLOW.search(str(error)):
        return "out_of_range", "/data: with it a sum of the account is past 2^63, as stored"
    return UNEXPECTED, repr(error)[:500]


def poison(raw: bytes, origin: Origin, reason: str, detail: str) -> DeadLetter:
    """The dead letter of a record that could not be decoded."""
    digest = hashlib.blake2b(origin.topic.encode() + b"\x1f" + raw, digest_size=16).digest()
    return DeadLetter(digest, None, reason, detail, None, None, origin, raw)


async def bury(connection: Connection, letters: Iterable[DeadLetter], now: datetime) -> None:
    """Store dead letters; one seen before is counted."""
    arrived = list(letters)
    if not arrived:
        return
    seen = Counter(letter.digest for letter in arrived)
    by_digest = {letter.digest: letter for letter in arrived}
    # Sorted: two transactions that bury the same letters must not wait for each other.
    unique = [by_digest[digest] for digest in sorted(by_digest)]
    origins = [letter.origin for letter in unique]
    await connection.execute(
        BURY,
        [letter.digest for letter in unique],
        [letter.account for letter in unique],
        [letter.reason for letter in unique],
        [letter.detail for letter in unique],
        [letter.source for letter in unique],
        [letter.event_id for letter in unique],
        [origin.topic if origin else None for origin in origins],
        [origin.partition if origin else None for origin in origins],
        [origin.offset if origin else None for origin in origins],
        [letter.raw for letter in unique],
        [seen[letter.digest] for letter in unique],
        now,
    )


@dataclass(slots=True, frozen=True)
class Parked:
    """An event that waits: for a registration, another event, an open year."""

    account: int
    event: Event
    waits_for: str


async def park(connection: Connection, parked: Sequence[Parked], now: datetime) -> None:
    """Keep events, in this order, until what they wait for comes, 90 days at the most."""
    parked = list({(item.account, item.event.key): item for item in parked}.values())
    if parked:
        await connection.execute(
            PARK,
            [item.account for item in parked],
            [item.event.key for item in parked],
            [item.event.content for item in parked],
            [item.waits_for for item in parked],
            [item.event.source for item in parked],
            [item.event.raw for item in parked],
            now,
            now + PARKED_FOR,
        )


async def unpark(connection: Connection, keys: Sequence[tuple[int, bytes]]) -> None:
    """Remove events that are parked no longer."""
    if keys:
        await connection.execute(UNPARK, [key[0] for key in keys], [key[1] for key in keys])


async def any_parked(connection: Connection) -> bool:
    """Is anything parked? Usually not, which saves asking for whom."""
    found: bool = await connection.fetchval("select exists (select from parked)")
    return found


async def waiting_for(
    connection: Connection, waits: Sequence[tuple[int, str]]
) -> list[tuple[int, bytes]]:
    """The parked events (account, raw) that wait for any of these (account, what)."""
    rows = await connection.fetch(WAITING_FOR, [w[0] for w in waits], [w[1] for w in waits])
    return [(row[0], row[1]) for row in rows]


async def keys_waiting_for(
    connection: Connection, account: int, waits_for: Sequence[str]
) -> list[bytes]:
    """The parked events of an account that wait for these, longest parked first."""
    return [row[0] for row in await connection.fetch(WAITING_KEYS, account, waits_for)]


async def still_waiting(
    connection: Connection, account: int, waits_for: Sequence[str], keys: Sequence[bytes]
) -> list[bytes]:
    """The JSON of those events that (still) wait for these."""
    return [row[0] for row in await connection.fetch(PARKED_EVENTS, account, waits_for, keys)]


async def overdue(connection: Connection, now: datetime, rows_max: int) -> list[tuple[int, bytes]]:
    """The parked events (account, key) whose time is up; takes no lock."""
    rows = await connection.fetch(OVERDUE, now, rows_max)
    return [(row[0], row[1]) for row in rows]


async def expire(
    connection: Connection, keys: Sequence[tuple[int, bytes]]
) -> list[tuple[int, str, bytes]]:
    """Remove parked events of locked accounts: (account, what it waited for, JSON) of each."""
    rows = await connection.fetch(EXPIRE, [key[0] for key in keys], [key[1] for key in keys])
    return [(row[0], row[1], row[2]) for row in rows]


async def parked_by_source(connection: Connection, sources: Iterable[str]) -> dict[str, int]:
    """How many events of each source are parked."""
    rows = await connection.fetch(COUNT_BY_SOURCE, sorted(set(sources)))
    return {row[0]: row[1] for row in rows}
