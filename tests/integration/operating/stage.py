"""Services that are stopped, backed up, restored and started, on the real broker and database."""

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from fastapi import FastAPI

from shared.database import open_pool
from shared.database.migrations import migrate
from shared.settings import Settings
from tanzhang.rebuilding import rebuild
from tanzhang.stack import postgres
from tests.integration.conftest import Eventually, Publish

# In the order of the events' way: those who send first.
WAY = ("industrial", "agri", "personal", "grading", "points")


@dataclass
class Stage:
    """The services of one test, in one database: a schema is a service's own."""

    settings: Settings
    publish: Publish
    eventually: Eventually
    directory: Path
    database: asyncpg.Connection
    consumer: AIOKafkaConsumer
    running: dict[str, tuple[FastAPI, AsyncExitStack]] = field(default_factory=dict)

    async def start(self, *names: str) -> None:
        """Migrated, with worker, relay and API."""
        for name in names:
            await migrate(self.settings.database(name), name)
        await asyncio.gather(*map(self._start, names))

    async def _start(self, name: str) -> None:
        stack = AsyncExitStack()
        app: FastAPI = import_module(f"services.{name}.app").create(self.settings, "all")
        await stack.enter_async_context(app.router.lifespan_context(app))
        self.running[name] = app, stack

    async def stop(self, *names: str) -> None:
        """As on SIGTERM: the batch in hand is finished, the outbox published."""
        for name in names:
            _, stack = self.running.pop(name)
            await stack.aclose()

    async def put(self, name: str, path: str, body: Mapping[str, Any]) -> None:
        await self._ask(name, "PUT", path, json=dict(body))

    async def delete(self, name: str, path: str) -> None:
        await self._ask(name, "DELETE", path)

    async def _ask(self, name: str, method: str, path: str, **given: Any) -> None:
        transport = httpx.ASGITransport(app=self.running[name][0])
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            answer = await http.request(method, f"/v1/{path}", **given)
        assert answer.is_success, answer.text

    async def pour(self, topic: str, events: Sequence[dict[str, Any]], parts: int) -> None:
        """Publish in so many parts, each taken in by all before the next."""
        size = -(-len(events) // parts)
        for at in range(0, len(events), size):
            await self.publish(topic, events[at : at + size])
            await self.quiet()

    async def quiet(self) -> None:
        """Until the services have taken in all that is in Kafka and sent all that they had to."""
        for name in sorted(self.running, key=WAY.index):
            await self.eventually(partial(self._is_quiet, name))

    async def _is_quiet(self, service: str) -> bool:
        assert getattr(self.running[service][0].state, "fatal", None) is None
        return await self.has_read_all(service)

    async def has_read_all(self, service: str) -> bool:
        """All that is in Kafka now is taken in, and what there was to send is sent."""
        described = import_module(f"services.{service}.app").service(self.settings)
        partitions = [
            TopicPartition(self.settings.topic(topic), n) for topic in described.topics
            for n in range(self.settings.tanzhang_partitions)
        ]  # fmt: skip
        ends = await self.consumer.end_offsets(partitions)
        rows = await self.database.fetch(
            f"select topic, partition, next_offset from {service}.consumer_offset"
        )
        reached = {TopicPartition(row[0], row[1]): row[2] for row in rows}
        if any(reached.get(partition, 0) < end for partition, end in ends.items()):
            return False
        return not await self.database.fetchval(f"select exists (select from {service}.outbox)")

    def backup(self, service: str) -> Path:
        """`pg_dump` of one service, while it works."""
        file = self.directory / f"{service}.dump"
        url = self.settings.database(service)
        _run("pg_dump", "--format=custom", f"--schema={service}", f"--file={file}", url)
        return file

    async def restore(self, service: str, file: Path) -> None:
        """`pg_restore` in the place of what is there."""
        await self.database.execute(f"drop schema {service} cascade")
        url = self.settings.database(service)
        _run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={url}", str(file))

    async def rebuild(self, service: str, *, with_kafka: bool = True) -> int:
        """`tanzhang rebuild`."""
        pool = await open_pool(self.settings.database(service), service, size=1)
        try:
            return await rebuild(
                pool, self.settings, service, datetime.now(UTC), with_kafka=with_kafka
            )
        finally:
            await pool.close()


def _run(tool: str, *arguments: str) -> None:
    """A tool of the PostgreSQL that the tests run on."""
    command = [str(postgres.installation() / "bin" / tool), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
