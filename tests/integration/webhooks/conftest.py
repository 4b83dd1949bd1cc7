"""Webhooks of the points service: its tables, its API, a sender with a clock set by hand."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.points import telling
from services.points.app import create
from shared.auth.keys import create_keys, issue
from shared.database import Pool, open_pool
from shared.events.envelope import Event, Origin, decode
from shared.settings import Settings
from shared.webhooks.addresses import guard
from shared.webhooks.fanout import Fanout, Reading
from shared.webhooks.sender import Sender
from shared.webhooks.signing import Vault
from tanzhang.stack.postgres import Postgres
from tests.integration.databases import emptied, migrated
from tests.integration.webhooks.receiver import Receiver, receiving

CREDITED = "cn.tanzhang.points.credited.v1"
ALICE, BOB = "jsrcb:token-alice", "jsrcb:token-bob00"
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def credit(
    id: str,
    subject: str = ALICE,
    points: str = "23.096",
    at: datetime = START,
    cause: str = "p",
) -> Event:
    """A credit as it is read from the topic, sent at that time."""
    data = {"epoch": 1, "sequence": 1, "points": points, "balance": points, "cause": cause}
    document = {
        "specversion": "1.0",
        "id": id,
        "source": "urn:tanzhang:points",
        "type": CREDITED,
        "subject": subject,
        "time": at,
        "data": data,
    }
    origin = Origin("point-credits", 0, 0, int(at.timestamp() * 1000))
    return decode(msgspec.json.encode(document), strict=False, origin=origin)


@dataclass(slots=True)
class Hooks:
    """A service that has webhooks; `now` is its clock."""

    settings: Settings
    pool: Pool
    key: Path
    now: datetime = START
    _app: FastAPI | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """The API of all the clients."""
        self._app = create(self.settings, "api", clock=lambda: self.now)
        async with self._app.router.lifespan_context(self._app):
            yield

    async def tell(self, *events: Event) -> int:
        """Fan out; how many deliveries that made."""
        fanout = Fanout(
            Reading("points-webhooks", ("point-credits",)),
            str,
            partial(telling.permit, self.settings),
        )
        async with self.pool.acquire() as connection, connection.transaction():
            return (await fanout.post(connection, events, self.now)).posted

    @asynccontextmanager
    async def telling(self, *events: Event) -> AsyncIterator[asyncio.Task[int]]:
        """The same, while the test does something else."""
        task = asyncio.create_task(self.tell(*events))
        try:
            yield task
        finally:
            await task

    async def know(self, *subjects: str) -> None:
        """These persons have accounts."""
        for number, subject in enumerate(subjects, 1):
            await self.pool.execute("insert into account (number) values ($1)", number)
            await self.pool.execute("insert into subject values ($1, $2)", subject, number)

    @asynccontextmanager
    async def sending(self, answer_seconds: float = 15.0) -> AsyncIterator[Sender]:
        """A sender at work, as its process has it."""
        sender = Sender(
            "points",
            self.pool,
            Vault(self.settings),
            guard(self.settings),
            lambda: self.now,
            consented=telling.consented,
            chance=lambda: 1.0,
            idle_seconds=0.02,
            answer_seconds=answer_seconds,
        )
        stop = asyncio.Event()
        working = asyncio.create_task(sender.run(stop))
        try:
            yield sender
        finally:
            stop.set()
            await working

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    @asynccontextmanager
    async def client(
        self,
        name: str = "platform",
        subjects: Sequence[str] = ("jsrcb:*",),
        scopes: Sequence[str] = ("subscriptions:read", "subscriptions:write"),
        bank: str | None = None,
    ) -> AsyncIterator[httpx.AsyncClient]:
        """The service's API for a client with such a token."""
        assert self._app is not None, "it is serving"
        hour = timedelta(hours=1)
        token = issue(
            self.key, name, scopes, (), subjects, hour, "tanzhang", "tanzhang",
            datetime.now(UTC), bank=bank,
        )  # fmt: skip
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self._app),
            base_url="http://points",
            headers={"authorization": f"Bearer {token}"},
        ) as http:
            yield http

    async def subscribe(self, receiver: Receiver, **changes: Any) -> str:
        """A subscription of the usual client; its id."""
        async with self.client() as http:
            answer = await http.post("/v1/subscriptions", json=wish(receiver.url, **changes))
            assert answer.status_code == 201, answer.text
            found = answer.json()
        receiver.secret = found["secret"]
        return str(found["id"])

    async def subscription(self, id: str) -> dict[str, Any]:
        async with self.client() as http:
            found: dict[str, Any] = (await http.get(f"/v1/subscriptions/{id}")).json()
            return found

    async def deliveries(self, id: str, **query: str) -> list[dict[str, Any]]:
        async with self.client() as http:
            answer = await http.get(f"/v1/subscriptions/{id}/deliveries", params=query)
            found: list[dict[str, Any]] = answer.json()["items"]
            return found

    async def do(self, path: str, **body: Any) -> httpx.Response:
        """POST as the usual client."""
        async with self.client() as http:
            return await http.post(f"/v1/subscriptions/{path}", json=body)


def wish(url: str, **changes: Any) -> dict[str, Any]:
    return {"url": url, "types": [CREDITED]} | changes


@pytest.fixture(scope="module")
def points_url(postgres: Postgres) -> Iterator[str]:
    with migrated(postgres, "points") as url:
        yield url


@pytest.fixture
async def hooks(points_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    key, key_set = create_keys(tmp_path)
    settings = Settings(
        database_url=points_url,
        tanzhang_jwks=str(key_set),
        tanzhang_erasure_key="of this test",
        tanzhang_webhook_key="of this test",
        tanzhang_webhook_allow="127.0.0.0/8",
    )
    pool = await open_pool(await emptied(points_url, "points"), "points", size=16)
    found = Hooks(settings, pool, key)
    try:
        async with found.serving():
            yield found
    finally:
        await pool.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def other() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found
