"""The personal service on a real database: posted into, asked over HTTP, audited."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.personal import app as personal
from services.personal import city
from services.personal.audit import audit
from shared.events.envelope import decode
from shared.ledger import Finding
from shared.settings import Settings
from shared.stream.poster import Outcome
from tanzhang.stack.postgres import Postgres
from tests.integration.databases import emptied, migrated

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ACCOUNT = "jsrcb:token-0001"


def payment(
    id: str, subject: str = ACCOUNT, time: str = "2026-03-01T10:00:00+08:00", **data: Any
) -> dict[str, Any]:
    paid = {"kind": "transfer", "channel": "online", "amount": "10.00", "currency": "CNY"}
    return {
        "specversion": "1.0",
        "type": "cn.tanzhang.payment.v1",
        "source": "urn:bank:jsrcb",
        "id": id,
        "subject": subject,
        "time": time,
        "data": paid | data,
    }


@dataclass
class Desk:
    """The service at work; `now` is its clock."""

    app: FastAPI
    http: httpx.AsyncClient
    now: datetime = NOW

    payment = staticmethod(payment)

    async def post(self, *events: dict[str, Any]) -> Outcome:
        """Post events in one batch."""
        decoded = [decode(msgspec.json.encode(e), strict=False) for e in events]
        async with self.app.state.pool.acquire() as connection, connection.transaction():
            outcome: Outcome = await self.app.state.poster.post(connection, decoded, self.now)
        return outcome

    async def fold(self) -> None:
        """What the tick does with the city's sums."""
        async with self.app.state.pool.acquire() as connection, connection.transaction():
            await city.fold(connection, self.app.state.poster, self.now)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(f"/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, **request: Any) -> tuple[int, list[Any]]:
        """Status of an answer that must be a problem, and its errors."""
        answer = await self.http.request(method, f"/v1/{path}", **request)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["errors"]

    async def account(self, id: str = ACCOUNT) -> Any:
        return await self.get(f"accounts/{id}")

    async def entries(self, id: str = ACCOUNT) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.get(f"accounts/{id}/entries", limit=1000))[
            "items"
        ]
        return items

    async def audit(self) -> Sequence[Finding]:
        async with (
            self.app.state.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await audit(connection)


@pytest.fixture(scope="session")
def migrated_url(postgres: Postgres) -> Iterator[str]:
    """One database for the tests of this service."""
    with migrated(postgres, "personal") as url:
        yield url


@pytest.fixture
async def empty_url(migrated_url: str) -> str:
    """A migrated database without a row."""
    return await emptied(migrated_url, "personal")


@pytest.fixture
async def desk(empty_url: str) -> AsyncIterator[Desk]:
    """The service with its API on an empty database; no broker."""
    settings = Settings(database_url=empty_url, tanzhang_auth="off", tanzhang_host="127.0.0.1")
    app = personal.create(settings, "api")
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://personal") as http,
    ):
        found = Desk(app, http)
        app.state.clock = lambda: found.now
        yield found
