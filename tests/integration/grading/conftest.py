"""Grading on a real database: its HTTP, and states posted as its worker posts them."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.grading import app as grading_app
from services.grading.audit import audit
from shared.events.envelope import Event, Outgoing, decode, encode
from shared.events.types import AgriAccount, Data, IndustrialAccount
from shared.ledger import Finding
from shared.settings import Settings
from shared.stream import outbox
from shared.stream.tick import Tick
from tanzhang.stack.postgres import Postgres
from tests.integration.databases import emptied, migrated

ENTERPRISE = "91330800704206161W"
BENCHMARK = {
    "product": "xylitol",
    "unit": "t",
    "benchmark": "0.1100",
    "cuts": {"deep_green": "0.80", "light_green": "1.00", "yellow": "1.20"},
    "kind": "published",
    "source": "a city notice",
}
AWAY = "http://127.0.0.1:9"


@dataclass
class Time:
    """The clock of a test."""

    now: datetime = field(default_factory=lambda: datetime(2021, 6, 15, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Grading:
    """The service under test."""

    app: FastAPI
    http: httpx.AsyncClient
    time: Time

    async def post(self, *events: Event) -> None:
        """Post a batch, as the worker does."""
        state = self.app.state
        async with state.pool.acquire() as connection, connection.transaction():
            await state.poster.post(connection, events, self.time.now)

    async def put(self, year: int = 2020, **changes: Any) -> dict[str, Any]:
        answer = await self.http.put(f"/v1/benchmarks/1495/{year}", json=BENCHMARK | changes)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def label(self, kind: str = "industrial", id: str = ENTERPRISE) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/labels/{kind}/{id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def sent(self) -> list[Event]:
        """What waits in the outbox, oldest first."""
        async with self.app.state.pool.acquire() as connection:
            rows = await outbox.waiting(connection, 1000)
        return [decode(raw, strict=False) for row in rows for _, raw in row[2]]

    async def findings(self) -> list[Finding]:
        async with self.app.state.pool.acquire() as connection:
            return await audit(connection)

    async def tick(self) -> None:
        state = self.app.state
        assert await Tick(state.poster, state.pool, lambda: self.time.now).once()


@pytest.fixture(scope="session")
def migrated_url(postgres: Postgres) -> Iterator[str]:
    """One database for the tests of this service."""
    with migrated(postgres, "grading") as url:
        yield url


@pytest.fixture
async def grading(migrated_url: str) -> AsyncIterator[Grading]:
    settings = Settings(
        database_url=await emptied(migrated_url, "grading"),
        tanzhang_auth="off",
        tanzhang_industrial_url=AWAY,
        tanzhang_agri_url=AWAY,
        tanzhang_personal_url=AWAY,
        tanzhang_points_url=AWAY,
    )
    time = Time()
    app = grading_app.create(settings, "api", clock=time)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://grading") as http,
    ):
        yield Grading(app, http, time)


def event_of(type: str, subject: str, data: Data) -> Event:
    """An event as a consumer reads it."""
    sent = Outgoing(type, subject, "", "urn:test", datetime(2021, 1, 1, tzinfo=UTC), data)
    sequence = f"{getattr(data, 'year', 0)}-{getattr(data, 'sequence', 0)}"
    named = Outgoing(type, subject, f"{subject}-{sequence}", sent.source, sent.time, data)
    return decode(encode(named), strict=False)


@pytest.fixture
def enterprise() -> Callable[..., Event]:
    """The state event of the golden enterprise, with changes."""

    def _enterprise(id: str = ENTERPRISE, **changes: Any) -> Event:
        fields: dict[str, Any] = {
            "epoch": 1,
            "sequence": 1,
            "year": 2020,
            "sector": "1495",
            "district": "kaihua",
            "product": "xylitol",
            "product_unit": "t",
            "energy_t": Decimal("11659.61"),
            "process_t": Decimal("2491.14"),
            "avoided_t": Decimal("275.51"),
            "total_t": Decimal("13875.24"),
            "output": Decimal(137120),
            "value_added_1e4cny": Decimal(0),
            "months_energy": 12,
            "months_output": 12,
            "quality": {"actual": Decimal(1)},
            "factor_sets": ["direct@1"],
        }
        data = msgspec.convert(fields | changes, IndustrialAccount, strict=False)
        return event_of("cn.tanzhang.industrial.account.v1", id, data)

    return _enterprise


@pytest.fixture
def farm() -> Callable[..., Event]:
    """The state event of a farm, with changes."""

    def _farm(id: str = "farm:sanyi", **changes: Any) -> Event:
        fields: dict[str, Any] = {
            "epoch": 1,
            "sequence": 1,
            "year": 2020,
            "type": "breeding",
            "district": "kaihua",
            "straw_t": Decimal("613.506"),
            "soil_t": Decimal("246.991"),
            "manure_t": Decimal("238.611"),
            "neutralised_t": Decimal("1099.108"),
            "gross_t": Decimal(1000),
        }
        data = msgspec.convert(fields | changes, AgriAccount, strict=False)
        return event_of("cn.tanzhang.agri.account.v1", id, data)

    return _farm


@pytest.fixture
def shuffled() -> Callable[[Sequence[Event], int], list[list[Event]]]:
    """Events in an order of their own, some twice, cut into batches; by seed."""
    from random import Random

    def _shuffled(events: Sequence[Event], seed: int) -> list[list[Event]]:
        random = Random(seed)
        order = [*events, *random.sample(list(events), len(events) // 2)]
        random.shuffle(order)
        size = random.randint(1, 4)
        return [order[at : at + size] for at in range(0, len(order), size)]

    return _shuffled
