"""Services posted into directly: what they send is read from their outboxes, byte by byte."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from shared.database.migrations import migrate
from shared.events.envelope import decode
from shared.settings import Settings
from shared.stream import outbox
from shared.stream.tick import Tick
from tanzhang.re_emission import re_emit

START = datetime.fromisoformat("2026-03-01T08:00:00+08:00")
ROWS_MAX = 10_000


@dataclass
class Desk:
    """A service with its API, without worker and relay; its clock is set by hand."""

    name: str
    settings: Settings
    app: FastAPI
    http: httpx.AsyncClient
    now: datetime = START

    def clock(self) -> datetime:
        return self.now

    def later(self) -> datetime:
        """An hour passes; gives the time it is then."""
        self.now += timedelta(hours=1)
        return self.now

    async def post(self, messages: Iterable[bytes]) -> Any:
        """Post in one batch, as the worker does."""
        events = [decode(message, strict=False) for message in messages]
        async with self.app.state.pool.acquire() as connection, connection.transaction():
            return await self.app.state.poster.post(connection, events, self.now)

    async def tick(self) -> None:
        poster, pool = self.app.state.poster, self.app.state.pool
        assert await Tick(poster, pool, lambda: self.now).once()

    async def sent(self) -> list[bytes]:
        """What waits in the outbox, oldest first; the outbox is empty then."""
        async with self.app.state.pool.acquire() as connection:
            rows = await outbox.waiting(connection, ROWS_MAX)
            await outbox.remove(connection, [row[0] for row in rows])
        return [value for row in rows for _, value in row[2]]

    async def sent_again(self, since: datetime, **options: Any) -> list[bytes]:
        """What `re_emit` puts into the empty outbox."""
        assert await self.sent() == []
        count = await re_emit(self.settings, self.name, since, self.now, **options)
        sent = await self.sent()
        assert len(sent) == count
        return sent

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """A table's rows without what says when they were written."""
        found = await self.app.state.pool.fetch(f"select * from {table} order by 1, 2, 3")
        return [{k: v for k, v in row.items() if k != "posted_at"} for row in found]


OpenDesk = Callable[[str], Awaitable[Desk]]


@pytest.fixture
async def desk(open_settings: Settings) -> AsyncIterator[OpenDesk]:
    """`personal = await desk("personal")`."""
    async with AsyncExitStack() as stack:

        async def _desk(name: str) -> Desk:
            await migrate(open_settings.database(name), name)
            app: FastAPI = import_module(f"services.{name}.app").create(open_settings, "api")
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app=app)
            http = httpx.AsyncClient(transport=transport, base_url="http://service")
            await stack.enter_async_context(http)
            made = Desk(name, open_settings, app, http)
            app.state.clock = made.clock
            return made

        yield _desk


def event(type: str, id: str, subject: str, time: str, **data: Any) -> bytes:
    """A CloudEvent of a type without its `cn.tanzhang.` and `.v1`."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "type": f"cn.tanzhang.{type}.v1",
            "source": "urn:test",
            "id": id,
            "subject": subject,
            "time": time,
            "data": data,
        }
    )


def payment(id: str, subject: str, hour: int = 10, kind: str = "transfer", **data: Any) -> bytes:
    """An online payment on 1 March 2026, in Beijing time."""
    given = {"kind": kind, "channel": "mobile", "amount": "10", "currency": "CNY"} | data
    return event("payment", id, subject, f"2026-03-01T{hour:02}:00:00+08:00", **given)
