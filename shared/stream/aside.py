"""Events set aside: dead letters (never to be posted) and parked ones (not yet)."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.database import Connection
from shared.events.envelope import Event, Origin

PARKED_FOR = timedelta(days=90)

BURY = """
insert into dead_letter
    (digest, account, reason, detail, source, event_id, topic, partition, "offset", raw, first_seen)
select *, $11 from unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::int[], $9::bigint[], $10::bytea[])
on conflict (digest) do update set seen = dead_letter.seen + 1
"""

PARK = """
insert into parked (account, event_key, content_hash, waits_for, source, raw, parked_at, until)
select a, k, c, w, s, r, $7, $8
from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::bytea[])
    u(a, k, c, w, s, r)
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

OVERDUE = """
delete from parked where (account, event_key) in (
    select account, event_key from parked where until < $1 order by until limit 1000)
returning account, event_key, waits_for, source, raw
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


def poison(raw: bytes, origin: Origin, reason: str, detail: str) -> DeadLetter:
    """The dead letter of a record that could not be decoded."""
    digest = hashlib.blake2b(origin.topic.encode() + b"\x1f" + raw, digest_size=16).digest()
    return DeadLetter(digest, None, reason, detail, None, None, origin, raw)


async def bury(connection: Connection, letters: Iterable[DeadLetter], now: datetime) -> None:
    """Store dead letters; one seen before is counted."""
    unique = list({letter.digest: letter for letter in letters}.values())
    if not unique:
        return
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
        now,
    )


@dataclass(slots=True, frozen=True)
class Parked:
    """An event that waits: for a registration, another event, an open year."""

    account: int
    event: Event
    waits_for: str


async def park(connection: Connection, parked: Sequence[Parked], now: datetime) -> None:
    """Keep events until what they wait for comes, 90 days at the most."""
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


async def waiting_for(
    connection: Connection, waits: Sequence[tuple[int, str]]
) -> list[tuple[int, bytes]]:
    """The parked events (account, raw) that wait for any of these (account, what)."""
    rows = await connection.fetch(WAITING_FOR, [w[0] for w in waits], [w[1] for w in waits])
    return [(row[0], row[1]) for row in rows]


async def parked_by_source(connection: Connection, sources: Iterable[str]) -> dict[str, int]:
    """How many events of each source are parked."""
    rows = await connection.fetch(COUNT_BY_SOURCE, sorted(set(sources)))
    return {row[0]: row[1] for row in rows}
