"""The industrial service on a real database: posted into, asked over HTTP, audited."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.industrial import app as industrial
from services.industrial.audit import audit
from services.industrial.tables import metadata
from shared.events.envelope import decode
from shared.ledger import Finding
from shared.settings import Settings
from shared.stream import outbox
from shared.stream.poster import Outcome
from tanzhang.stack.postgres import Postgres
from tests.integration.databases import emptied, migrated

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ENTERPRISE = "91330800704205947U"
NAMES = {
    "reading": "cn.tanzhang.meter.reading.v1",
    "production": "cn.tanzhang.production.report.v1",
    "economy": "cn.tanzhang.economic.report.v1",
    "activity": "cn.tanzhang.process.activity.v1",
}


def event(what: str, id: str, /, subject: str = ENTERPRISE, **data: Any) -> dict[str, Any]:
    """A CloudEvent; `time` moves out of the data."""
    found = {
        "specversion": "1.0",
        "type": NAMES[what],
        "source": "urn:utility:test",
        "id": id,
        "subject": subject,
        "time": data.pop("time", "2026-01-01T00:00:00Z"),
        "data": data,
    }
    return {name: value for name, value in found.items() if value is not None}


def interval(id: str, start: str, end: str, value: str, **more: Any) -> dict[str, Any]:
    data = {"meter_id": "m1", "unit": "kWh", "quality": "actual"} | more
    return event("reading", id, kind="interval", start=start, end=end, value=value, **data)


def register(id: str, end: str, value: str, **more: Any) -> dict[str, Any]:
    data = {"meter_id": "r1", "unit": "kWh", "quality": "actual"} | more
    return event("reading", id, kind="register", end=end, value=value, **data)


@dataclass
class Desk:
    """The service at work."""

    app: FastAPI
    http: httpx.AsyncClient

    enterprise = ENTERPRISE
    event = staticmethod(event)
    interval = staticmethod(interval)
    register = staticmethod(register)

    async def post(self, *events: dict[str, Any]) -> Outcome:
        """Post events in one batch."""
        decoded = [decode(msgspec.json.encode(e), strict=False) for e in events]
        async with self.app.state.pool.acquire() as connection, connection.transaction():
            outcome: Outcome = await self.app.state.poster.post(connection, decoded, NOW)
        return outcome

    async def put(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.put(f"/v1/{path}", json=body)

    async def _put(self, path: str, body: dict[str, Any], ok: bool) -> httpx.Response:
        answer = await self.put(path, **body)
        assert not ok or answer.status_code in (200, 201), answer.text
        return answer

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(f"/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def register_enterprise(
        self, id: str = ENTERPRISE, ok: bool = True, **changes: Any
    ) -> httpx.Response:
        body = {
            "name": "华康药业",
            "sector": "1495",
            "district": "开化县",
            "grid_region": "zhejiang",
            "product": "xylitol",
            "product_unit": "t",
        }
        return await self._put(f"enterprises/{id}", body | changes, ok)

    async def register_meter(
        self, id: str = "m1", ok: bool = True, **changes: Any
    ) -> httpx.Response:
        body = {
            "enterprise_id": ENTERPRISE,
            "carrier": "electricity",
            "unit": "kWh",
            "kind": "register" if id.startswith("r") else "interval",
        }
        return await self._put(f"meters/{id}", body | changes, ok)

    async def account(self, year: int, id: str = ENTERPRISE) -> Any:
        return await self.get(f"enterprises/{id}/account", year=year)

    async def entries(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(f"enterprises/{ENTERPRISE}/entries", limit=1000, **query)
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def states(self) -> list[dict[str, Any]]:
        """The account states in the outbox, oldest first."""
        rows = await outbox.waiting(self.app.state.pool, 1000)
        return [msgspec.json.decode(value) for _, _, rest in rows for _, value in rest]

    async def refusals(self) -> dict[str, tuple[str, str]]:
        """Reason and detail by event id."""
        rows = await self.app.state.pool.fetch("select event_id, reason, detail from dead_letter")
        return {row[0]: (row[1], row[2]) for row in rows}

    async def parked(self) -> dict[str, str]:
        """What each parked event waits for, by event id."""
        rows = await self.app.state.pool.fetch("select raw, waits_for from parked")
        return {msgspec.json.decode(row[0])["id"]: row[1] for row in rows}

    async def audit(self) -> Sequence[Finding]:
        async with (
            self.app.state.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await audit(connection)

    async def forget(self) -> None:
        """Empty everything but the registry."""
        await self.app.state.pool.execute(empty("enterprise", "asset", "meter"))


def empty(*but: str) -> str:
    """Statements that empty the service's tables, except some."""
    tables = [table.name for table in metadata.tables.values() if table.name not in but]
    return ";".join(f"delete from industrial.{name}" for name in tables)


@pytest.fixture(scope="session")
def migrated_url(postgres: Postgres) -> Iterator[str]:
    """One database for the tests of this service."""
    with migrated(postgres, "industrial") as url:
        yield url


@pytest.fixture
async def empty_url(migrated_url: str) -> str:
    """A migrated database without a row."""
    return await emptied(migrated_url, "industrial")


@pytest.fixture
async def desk(empty_url: str) -> AsyncIterator[Desk]:
    app = industrial.create(Settings(database_url=empty_url, tanzhang_auth="off"), "api")
    async with app.router.lifespan_context(app):
        app.state.clock = lambda: NOW
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://industrial") as http:
            yield Desk(app, http)
