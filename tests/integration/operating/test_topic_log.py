"""A topic's log, read from somewhere up to its end."""

import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from shared import kafka
from shared.settings import Settings
from tanzhang import topic_log, topics
from tanzhang.stack import broker

COUNT, PARTITIONS = 10, 2
# More than is fetched at once.
PARTS, PART_BYTES = 40, 200_000


@pytest.fixture
async def topic(open_settings: Settings) -> str:
    """Ten records, one after the other in two partitions."""
    await topics.create(open_settings)
    name = open_settings.topic("payments")
    producer = AIOKafkaProducer(**kafka.producer_options(open_settings))
    await producer.start()
    for n in range(COUNT):
        await producer.send_and_wait(name, str(n).encode(), partition=n % PARTITIONS)
    await producer.stop()
    return name


@pytest.fixture
async def times(open_settings: Settings, topic: str) -> list[datetime]:
    """When each came, by the broker's clock."""
    consumer = AIOKafkaConsumer(
        **kafka.connection_options(open_settings), auto_offset_reset="earliest"
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    found: dict[int, datetime] = {}
    while len(found) < COUNT:
        record = await consumer.getone()
        found[int(record.value or b"")] = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    await consumer.stop()
    return [found[n] for n in range(COUNT)]


async def all_of(values: AsyncIterator[list[bytes]]) -> list[int]:
    return sorted([int(value) async for part in values for value in part])


async def test_since_a_time(open_settings: Settings, topic: str, times: list[datetime]) -> None:
    """All that came since, and little before: the embedded broker may give one more."""
    for time in (times[0], times[5], times[-1], times[-1] + timedelta(seconds=1)):
        since = [n for n, at in enumerate(times) if at >= time]
        found = await all_of(topic_log.since(open_settings, topic, time))
        assert found[len(found) - len(since) :] == since
        assert len(found) <= len(since) + PARTITIONS


async def test_beyond_positions_and_from_the_beginning_where_there_is_none(
    open_settings: Settings, topic: str
) -> None:
    assert await all_of(topic_log.beyond(open_settings, topic, {})) == list(range(COUNT))
    assert await all_of(topic_log.beyond(open_settings, topic, {1: 5})) == [0, 2, 4, 6, 8]


async def test_a_broker_that_falls_silent_is_not_waited_for_for_ever(
    open_settings: Settings, stack_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = broker.start(stack_directory, log=stack_directory / "silent.log")
    settings = msgspec.structs.replace(
        open_settings, kafka_bootstrap_servers=server.bootstrap, kafka_idempotence=False
    )
    monkeypatch.setattr(topic_log, "SILENT_SECONDS_MAX", 2.0)
    await topics.create(settings)
    name = settings.topic("payments")
    producer = AIOKafkaProducer(**kafka.producer_options(settings))
    await producer.start()
    for n in range(PARTS):
        await producer.send_and_wait(name, os.urandom(PART_BYTES), partition=n % PARTITIONS)
    await producer.stop()
    read = 0
    try:
        with pytest.raises(KafkaError, match=f"nothing has come for 2 s from {name}/"):
            async for values in topic_log.beyond(settings, name, {}):
                read += len(values)
                os.kill(server.child.pid, signal.SIGSTOP)
    finally:
        os.kill(server.child.pid, signal.SIGCONT)
        server.stop()
    assert read < PARTS
