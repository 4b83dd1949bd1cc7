"""A consumer is stopped while its broker is away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared import kafka
from shared.settings import Settings
from tanzhang import topics
from tanzhang.stack import broker as embedded
from tanzhang.stack.broker import Broker


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test alone."""
    started = embedded.start(tmp_path, log=tmp_path / "broker.log")
    yield started
    started.stop()


async def test_a_consumer_in_its_pause_after_a_failed_fetch_is_stopped(
    mortal: Broker, open_settings: Settings, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """aiokafka cancels such a fetch and waits for it: its caller was cancelled, not the consumer."""
    settings = msgspec.structs.replace(open_settings, kafka_bootstrap_servers=mortal.bootstrap)
    await topics.create(settings)
    others = asyncio.all_tasks()
    consumer = AIOKafkaConsumer(
        **kafka.connection_options(settings), auto_offset_reset="earliest", retry_backoff_ms=60_000
    )
    await consumer.start()
    consumer.assign([TopicPartition(settings.topic("payments"), 0)])
    await consumer.getmany(timeout_ms=100)
    await asyncio.to_thread(mortal.stop)

    async def pauses() -> bool:
        return "Failed fetch messages" in caplog.text

    await eventually(pauses)

    await kafka.stop(consumer)

    async def gone() -> bool:
        return asyncio.all_tasks() <= others

    await eventually(gone)


async def test_a_consumer_whose_tasks_have_not_begun_is_stopped(open_settings: Settings) -> None:
    consumer = AIOKafkaConsumer(**kafka.connection_options(open_settings))
    await consumer.start()
    await kafka.stop(consumer)
