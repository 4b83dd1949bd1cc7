"""Services as they run, inside the test's process, on the real broker and database."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from importlib import import_module
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import FastAPI

from shared import kafka
from shared.database.migrations import migrate
from shared.events.kafka import HEADERS
from shared.settings import Settings
from tanzhang import topics

DEADLINE_SECONDS = 60.0

Start = Callable[..., Awaitable[FastAPI]]
Publish = Callable[[str, Iterable[dict[str, Any]]], Awaitable[None]]


class Eventually:
    """Waits for a condition, with a deadline."""

    async def __call__(
        self, condition: Callable[[], Awaitable[Any]], seconds: float = DEADLINE_SECONDS
    ) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            found = await condition()
            if found:
                return found
            assert time.monotonic() < deadline, f"not within {seconds} s; last: {found!r}"
            await asyncio.sleep(0.05)


@pytest.fixture
def eventually() -> Eventually:
    return Eventually()


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    """Without authentication: this test is about something else."""
    return msgspec.structs.replace(settings, tanzhang_auth="off", tanzhang_host="127.0.0.1")


@pytest.fixture
async def start(open_settings: Settings) -> AsyncIterator[Start]:
    """`app = await start("personal")`: migrated, topics made, API and worker running."""
    async with AsyncExitStack() as stack:
        await topics.create(open_settings)

        async def _start(name: str, role: str = "all", **create: Any) -> FastAPI:
            await migrate(open_settings.database(name), name)
            module = import_module(f"services.{name}.app")
            app: FastAPI = module.create(open_settings, role, **create)
            await stack.enter_async_context(app.router.lifespan_context(app))
            return app

        yield _start


@pytest.fixture
async def publish(open_settings: Settings) -> AsyncIterator[Publish]:
    """`await publish("payments", events)`: CloudEvent dicts onto a topic, acknowledged."""
    producer = AIOKafkaProducer(**kafka.producer_options(open_settings))
    await producer.start()

    async def _publish(topic: str, events: Iterable[dict[str, Any]]) -> None:
        sent = [
            await producer.send(
                open_settings.topic(topic),
                msgspec.json.encode(event),
                key=str(event["subject"]).encode(),
                headers=HEADERS,
            )
            for event in events
        ]
        await asyncio.gather(*sent)

    yield _publish
    await producer.stop()


@pytest.fixture
def client() -> Callable[[FastAPI], httpx.AsyncClient]:
    """An HTTP client of an app in this process."""

    def _client(app: FastAPI) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=app)
        return httpx.AsyncClient(transport=transport, base_url="http://service")

    return _client


@pytest.fixture
def read_topic(open_settings: Settings) -> Callable[[str], Awaitable[list[dict[str, Any]]]]:
    """Everything on a topic so far, in order per partition."""

    async def _read(topic: str) -> list[dict[str, Any]]:
        name = open_settings.topic(topic)
        options = kafka.connection_options(open_settings)
        consumer = AIOKafkaConsumer(**options, auto_offset_reset="earliest")
        await consumer.start()
        try:
            count = open_settings.tanzhang_partitions
            consumer.assign([TopicPartition(name, n) for n in range(count)])
            found: list[dict[str, Any]] = []
            while records := await consumer.getmany(timeout_ms=400):
                found += [msgspec.json.decode(r.value) for rs in records.values() for r in rs]
            return found
        finally:
            await consumer.stop()

    return _read
