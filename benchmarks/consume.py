"""Reading a topic and nothing else: no group, no positions kept."""

import time
from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from benchmarks import BenchmarkError
from shared.kafka import consumer_options
from shared.settings import Settings

PATIENCE_SECONDS = 120


class Reading(NamedTuple):
    """How many records were read, in what time."""

    records: int
    seconds: float


async def rate(settings: Settings, topic: str, records: int) -> float:
    """Read so many records of a topic and do nothing with them; records per second."""
    return records / (await read(settings, topic, records)).seconds


async def count(settings: Settings, topic: str, expected: int) -> int:
    """How many records a topic has; waits for more until there are as many as expected."""
    return (await read(settings, topic, expected, more=True)).records


async def read(
    settings: Settings,
    topic: str,
    expected: int,
    each: Callable[[ConsumerRecord[bytes, bytes]], None] | None = None,
    *,
    more: bool = False,
) -> Reading:
    """Read a topic from its beginning, outside any group, until `expected` records have come.

    `more` looks once again for records beyond those. BenchmarkError when they don't come.
    """
    options = consumer_options(settings, "bare") | {
        "group_id": None,
        "auto_offset_reset": "earliest",
    }
    consumer = AIOKafkaConsumer(**options)
    await consumer.start()
    try:
        name = settings.topic(topic)
        consumer.assign([TopicPartition(name, n) for n in range(settings.tanzhang_partitions)])
        await consumer.seek_to_beginning()
        began, found = time.monotonic(), 0
        while found < expected or more:
            more = more and found < expected
            fetched = await consumer.getmany(
                timeout_ms=1000, max_records=settings.tanzhang_batch_rows
            )
            found += sum(map(len, fetched.values()))
            if each is not None:
                for record in chain.from_iterable(fetched.values()):
                    each(record)
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise BenchmarkError(f"{found} of {expected} records could be read")
        return Reading(found, time.monotonic() - began)
    finally:
        await consumer.stop()
