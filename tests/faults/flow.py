"""How far the events have come: what nobody has read yet, and what nobody has sent on."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared import kafka
from shared.settings import DOMAIN_SERVICES
from tests.faults.stage import Stage

POSITIONS = 'select topic, partition, next_offset from "{schema}".consumer_offset'
OUTBOX = 'select coalesce(sum(rows), 0)::bigint from "{schema}".outbox'
DRAIN_SECONDS = 180
LOOK_SECONDS = 0.3


async def behind(stage: Stage) -> list[str]:
    """What is on its way, as lines; none when everything has arrived.

    Services are looked at in the direction of the flow, so that nothing slips between two looks.
    """
    services = [service for service in DOMAIN_SERVICES if service in stage.urls]
    async with _asking(stage) as consumer:
        found = []
        for service in services:
            found += await _unread(stage, service, consumer) + await _unsent(stage, service)
        return found


async def unread(stage: Stage, service: str) -> list[str]:
    """What the service has still to read, as lines."""
    async with _asking(stage) as consumer:
        return await _unread(stage, service, consumer)


async def drained(stage: Stage) -> float:
    """Wait until everything has arrived; the seconds that took."""
    return await _none_left(stage, lambda: behind(stage))


async def read(stage: Stage, service: str) -> float:
    """Wait until the service has read everything; the seconds that took."""
    return await _none_left(stage, lambda: unread(stage, service))


async def _none_left(stage: Stage, look: Callable[[], Awaitable[list[str]]]) -> float:
    """Look until nothing is left; AssertionError says what was."""
    began = time.monotonic()
    while True:
        try:
            left = await look()
        except (KafkaError, OSError, asyncpg.PostgresError) as error:
            left = [repr(error)]
        if not left:
            return time.monotonic() - began
        assert time.monotonic() - began < DRAIN_SECONDS, (
            f"left after {DRAIN_SECONDS} s: {left}; {stage.deaths}; logs: {stage.directory}"
        )
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def _asking(stage: Stage) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**kafka.connection_options(stage.settings))
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def _unread(stage: Stage, service: str, consumer: AIOKafkaConsumer) -> list[str]:
    topics = import_module(f"services.{service}.app").service(stage.settings).topics
    count = range(stage.settings.tanzhang_partitions)
    partitions = [TopicPartition(stage.settings.topic(t), n) for t in topics for n in count]
    ends = await consumer.end_offsets(partitions)
    rows = await _rows(stage, service, POSITIONS)
    at = {TopicPartition(row[0], row[1]): row[2] for row in rows}
    lag = {p: end - at.get(p, 0) for p, end in ends.items()}
    return [f"{service} has {n} of {p.topic}/{p.partition} to read" for p, n in lag.items() if n]


async def _unsent(stage: Stage, service: str) -> list[str]:
    ((waiting,),) = await _rows(stage, service, OUTBOX)
    return [f"{service} has {waiting} events to send"] if waiting else []


async def _rows(stage: Stage, service: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(stage.urls[service])
    try:
        return await connection.fetch(query.format(schema=service))
    finally:
        await connection.close()
