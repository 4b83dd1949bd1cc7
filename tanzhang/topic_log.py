"""What a topic holds, read from its log up to its end now.

KafkaError when the log cannot be read to its end: nobody waits for ever for a broker that has gone.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared import kafka
from shared.settings import Settings

POLL_MS = 500
# Longer than another broker takes to lead the partitions of one that has died.
SILENT_SECONDS_MAX = 60.0
Values = list[bytes]


async def beyond(
    settings: Settings, topic: str, reached: Mapping[int, int]
) -> AsyncIterator[Values]:
    """The values at or after these offsets by partition (none: from its beginning), in order per
    partition. `topic` is a whole name, with its prefix."""
    partitions = await _partitions(settings, topic)
    async with _reading(settings) as consumer:
        begins = await consumer.beginning_offsets(partitions)
        starts = {p: max(reached.get(p.partition, 0), begins[p]) for p in partitions}
        async for values in _from(consumer, starts):
            yield values


async def since(settings: Settings, topic: str, begin: datetime) -> AsyncIterator[Values]:
    """The values that came at or after a time by the broker's clock, in order per partition.

    A broker that is not exact about times gives more rather than less.
    """
    partitions = await _partitions(settings, topic)
    async with _reading(settings) as consumer:
        milliseconds = int(begin.timestamp() * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, milliseconds))
        # Of a partition without anything so new brokers say nothing, or a time of -1.
        starts = {p: at.offset for p, at in found.items() if at is not None and at.timestamp >= 0}
        async for values in _from(consumer, starts):
            yield values


@asynccontextmanager
async def _reading(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **kafka.connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await kafka.stop(consumer)


async def _from(
    consumer: AIOKafkaConsumer, starts: Mapping[TopicPartition, int]
) -> AsyncIterator[Values]:
    ends = await consumer.end_offsets(list(starts))
    unread = {p for p in starts if starts[p] < ends[p]}
    consumer.assign(unread)
    for partition in unread:
        consumer.seek(partition, starts[partition])
    heard = time.monotonic()
    while unread:
        fetched = await consumer.getmany(*unread, timeout_ms=POLL_MS)
        yield [r.value for records in fetched.values() for r in records if r.value is not None]
        if fetched:
            heard = time.monotonic()
        reached = {p: await consumer.position(p) for p in unread}
        unread = {p for p in unread if reached[p] < ends[p]}
        if unread and time.monotonic() - heard > SILENT_SECONDS_MAX:
            places = ", ".join(f"{p.topic}/{p.partition}@{reached[p]}" for p in sorted(unread))
            raise KafkaError(f"nothing has come for {SILENT_SECONDS_MAX:.0f} s from {places}")


async def _partitions(settings: Settings, topic: str) -> list[TopicPartition]:
    """All of the topic. A consumer knows only those of topics that it subscribes to."""
    admin = kafka.admin_client(settings)
    try:
        await admin.start()
        described = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return [TopicPartition(topic, p["partition"]) for t in described for p in t["partitions"]]
