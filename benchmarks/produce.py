"""Filling a topic: what a bare producer sends, acknowledged by the broker."""

import asyncio
import time
from collections.abc import Iterable
from itertools import islice

from aiokafka import AIOKafkaProducer

from benchmarks.load import Record
from shared.events.kafka import HEADERS
from shared.kafka import producer_options
from shared.settings import Settings

IN_FLIGHT_MAX = 20_000


async def fill(settings: Settings, topic: str, records: Iterable[Record]) -> float:
    """Send all records in order and wait for every acknowledgement; records per second."""
    name = settings.topic(topic)
    producer = AIOKafkaProducer(**producer_options(settings))
    await producer.start()
    try:
        began, count, coming = time.perf_counter(), 0, iter(records)
        while part := list(islice(coming, IN_FLIGHT_MAX)):
            count += len(part)
            sent = [await producer.send(name, v, key=k, headers=HEADERS) for k, v in part]
            await asyncio.gather(*sent)
        return count / (time.perf_counter() - began)
    finally:
        await producer.stop()
