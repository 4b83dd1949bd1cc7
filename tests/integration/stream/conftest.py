"""The toy on a real database, with as many workers and relays as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition

from shared.database import Pool, open_pool
from shared.settings import Settings
from shared.stream import fence
from shared.stream.poster import Poster
from shared.stream.relay import Relay
from shared.stream.worker import Worker
from tanzhang import topics
from tests.integration.stream import toy

CLUSTER = "cluster-1"
Running = Callable[[Any], AbstractAsyncContextManager["asyncio.Task[None]"]]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """The toy's own database."""
    await toy.create_schema(database_url)
    pool = await open_pool(database_url, "toy", size=8)
    yield pool
    await pool.close()


@pytest.fixture
async def stream_settings(open_settings: Settings) -> Settings:
    """Settings whose topics exist."""
    await topics.create(open_settings)
    return open_settings


@pytest.fixture
def new_worker(pool: Pool) -> Callable[..., Worker]:
    """`new_worker(settings, ...)`: a worker of the toy that is not running yet."""

    def _new(settings: Settings, **options: Any) -> Worker:
        parked = options.pop("parked_per_source", 1000)
        poster = Poster(options.pop("service", toy.service()), parked_per_source=parked)
        return Worker(poster, settings, pool, options.pop("clock", lambda: toy.NOW), **options)

    return _new


@pytest.fixture
async def offline(pool: Pool, new_worker: Callable[..., Worker]) -> Any:
    """`await offline(partitions=2, ...)`: a worker that holds partitions without any broker."""

    async def _offline(partitions: int = 1, **options: Any) -> Worker:
        worker = new_worker(Settings(), cluster=CLUSTER, **options)
        begun = {TopicPartition("payments", n): 0 for n in range(partitions)}
        async with pool.acquire() as connection:
            await fence.begin(connection, CLUSTER, begun)
            worker.positions = await fence.positions(connection, CLUSTER, list(begun))
        return worker

    return _offline


@pytest.fixture
def running() -> Running:
    """`async with running(worker) as task`: runs until the block ends, then stops it cleanly."""

    @asynccontextmanager
    async def _running(thing: Worker | Relay) -> AsyncIterator["asyncio.Task[None]"]:
        stop = asyncio.Event()
        task = asyncio.create_task(thing.run(stop))
        try:
            yield task
        finally:
            stop.set()
            if isinstance(thing, Relay):
                thing.wake()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()

    return _running
