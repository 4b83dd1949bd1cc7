"""Filling a topic: what a bare producer sends, acknowledged by the broker."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from benchmarks.load import Record
from shared.events.kafka import HEADERS
from shared.kafka import producer_options
from shared.settings import Settings

IN_FLIGHT_MAX = 20_000


async def fill(settings: Settings, topic: str, records: Sequence[Record]) -> float:
    """Send all records in order and wait for every acknowledgement; records per second."""
    name = settings.topic(topic)
    producer = AIOKafkaProducer(**producer_options(settings))
    await producer.start()
    try:
        began = time.perf_counter()
        for at in range(0, len(records), IN_FLIGHT_MAX):
            part = records[at : at + IN_FLIGHT_MAX]
            sent = [await producer.send(name, v, key=k, headers=HEADERS) for k, v in part]
            await asyncio.gather(*sent)
        return len(records) / (time.perf_counter() - began)
    finally:
        await producer.stop()
