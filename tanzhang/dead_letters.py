"""Dead letters of all services: listed without their contents, shown whole, sent again."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from shared.database import Connection, Pool, open_pool
from shared.events.envelope import EventError, decode
from shared.events.types import TYPES
from shared.publishing import Message, Producer, connect
from shared.settings import Settings

# A listing never reads what arrived, only why it was set aside.
LIST = """
select digest, reason, detail, topic, partition, "offset", first_seen, seen, replayed_at
from dead_letter
where $1::text is null or reason = $1
order by first_seen desc, digest
limit $2
"""
COUNT = """
select reason, count(*), count(replayed_at) from dead_letter
where $1::text is null or reason = $1 group by reason order by reason
"""
FIND = """
select digest, reason, raw from dead_letter where encode(digest, 'hex') like $1 || '%'
"""
# As they came: of one key, that is the order of the partition that they were read from.
WAITING = """
select digest, reason, raw from dead_letter
where reason = $1 and (replayed_at is null or $2)
order by topic, partition, "offset", first_seen, digest
"""
REPLAYED = "update dead_letter set replayed_at = $2 where digest = any($1::bytea[])"

LETTERS_AT_A_TIME = 500
# A personal account id inside a sentence.
_ACCOUNT = re.compile(r"(?<![\w:-])[a-z0-9-]{2,32}:[A-Za-z0-9_-]{8,64}(?![\w:-])")


@dataclass(slots=True, frozen=True)
class Listed:
    """A dead letter without its contents; `origin` is topic/partition@offset."""

    service: str
    digest: str
    reason: str
    detail: str
    origin: str
    first_seen: datetime
    seen: int
    replayed_at: datetime | None


@dataclass(slots=True, frozen=True)
class Count:
    """How many letters a service has for a reason, and how many of them were sent again."""

    service: str
    reason: str
    letters: int
    replayed: int


@dataclass(slots=True, frozen=True)
class Letter:
    """A dead letter with what arrived."""

    service: str
    digest: bytes
    reason: str
    raw: bytes


@dataclass(slots=True)
class Replayed:
    """How many letters were sent, and which could not be: (digest, why)."""

    sent: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


async def listed(
    settings: Settings, services: Sequence[str], reason: str | None, limit: int
) -> list[Listed]:
    """The newest dead letters of these services; account ids in their details are masked."""
    found: list[Listed] = []
    for service in services:
        async with _database(settings, service) as pool:
            found += [_listed(service, *row) for row in await pool.fetch(LIST, reason, limit)]
    return sorted(found, key=lambda letter: letter.first_seen, reverse=True)[:limit]


async def counted(settings: Settings, services: Sequence[str], reason: str | None) -> list[Count]:
    """Dead letters by service and reason."""
    found: list[Count] = []
    for service in services:
        async with _database(settings, service) as pool:
            found += [Count(service, *row) for row in await pool.fetch(COUNT, reason)]
    return found


async def found(settings: Settings, services: Sequence[str], digest: str) -> list[Letter]:
    """The letters whose digest begins so; the same event may be one in several services."""
    letters: list[Letter] = []
    for service in services:
        async with _database(settings, service) as pool:
            letters += [Letter(service, *row) for row in await pool.fetch(FIND, digest)]
    return letters


async def replay(settings: Settings, letters: Sequence[Letter], now: datetime) -> Replayed:
    """Publish these letters' events again, in this order."""
    outcome = Replayed()
    async with _producer(settings) as producer:
        for letter in letters:
            async with _database(settings, letter.service) as pool:
                await _send(settings, producer, pool, [letter], now, outcome)
    return outcome


async def replay_reason(
    settings: Settings, services: Sequence[str], reason: str, *, again: bool, now: datetime
) -> Replayed:
    """Publish all events that were set aside for a reason, in the order in which they came.

    Those that were sent before only when asked for again.
    """
    outcome = Replayed()
    async with _producer(settings) as producer:
        for service in services:
            async with (
                _database(settings, service) as pool,
                pool.acquire() as connection,
                connection.transaction(readonly=True),
            ):
                async for letters in _waiting(connection, service, reason, again):
                    await _send(settings, producer, pool, letters, now, outcome)
    return outcome


async def _waiting(
    connection: Connection, service: str, reason: str, again: bool
) -> AsyncIterator[list[Letter]]:
    cursor = await connection.cursor(WAITING, reason, again)
    while rows := await cursor.fetch(LETTERS_AT_A_TIME):
        yield [Letter(service, *row) for row in rows]


async def _send(
    settings: Settings,
    producer: Producer,
    pool: Pool,
    letters: Sequence[Letter],
    now: datetime,
    outcome: Replayed,
) -> None:
    """Send a service's letters; marked as sent once Kafka has acknowledged all of them."""
    sent: list[bytes] = []
    messages: list[Message] = []
    for letter in letters:
        try:
            event = decode(letter.raw, strict=False)
        except EventError as error:
            outcome.refused.append((letter.digest.hex(), f"{error.name}: {error.detail}"))
            continue
        topic = settings.topic(TYPES[event.type][0])
        messages.append((topic, event.subject.encode(), letter.raw))
        sent.append(letter.digest)
    await producer.publish(messages)
    await pool.execute(REPLAYED, sent, now)
    outcome.sent += len(sent)


def _listed(
    service: str,
    digest: bytes,
    reason: str,
    detail: str,
    topic: str | None,
    partition: int | None,
    offset: int | None,
    first_seen: datetime,
    seen: int,
    replayed_at: datetime | None,
) -> Listed:
    origin = "-" if topic is None else f"{topic}/{partition}@{offset}"
    masked = _ACCOUNT.sub("<account>", detail)
    return Listed(service, digest.hex(), reason, masked, origin, first_seen, seen, replayed_at)


@asynccontextmanager
async def _database(settings: Settings, service: str) -> AsyncIterator[Pool]:
    pool = await open_pool(settings.database(service), service, size=2)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[Producer]:
    producer = await connect(settings)
    try:
        yield producer
    finally:
        await producer.close()
