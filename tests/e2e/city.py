"""A client of a running stack: the door, the services' HTTP, the topics."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared.auth.principal import SCOPES
from shared.kafka import connection_options
from shared.settings import Settings
from tanzhang.stack import directory, local_keys, probes
from tests.e2e.events import Author, Event
from tests.e2e.up import Up

EVENT = "application/cloudevents+json; charset=UTF-8"
BATCH = "application/cloudevents-batch+json"
SECONDS_MAX = 60.0
WHOLE = ("*",)
ENTERPRISE = {
    "name": "示例企业",
    "sector": "1495",
    "district": "kaihua",
    "grid_region": "zhejiang",
    "product": "sugar_alcohol",
    "product_unit": "t",
}


@dataclass(slots=True)
class City:
    """Everything here goes over the network, with a token."""

    up: Up
    settings: Settings
    state: directory.StackState
    http: httpx.AsyncClient
    whole: str = field(init=False)

    def __post_init__(self) -> None:
        self.whole = self.token()

    def token(
        self,
        scopes: Sequence[str] = tuple(SCOPES),
        sources: Sequence[str] = WHOLE,
        subjects: Sequence[str] = WHOLE,
        client: str = "e2e",
    ) -> str:
        """A token of the stack's own key; for everything unless told otherwise."""
        return local_keys.token(
            self.up.data_dir,
            self.settings,
            client=client,
            scopes=scopes,
            sources=sources,
            subjects=subjects,
            lifetime=timedelta(hours=1),
        )

    async def post(
        self, content: Any, media: str | None = BATCH, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Post JSON-able content or bytes to the door; an empty header is not sent."""
        given = {"authorization": f"Bearer {self.whole}", "content-type": media or ""}
        sent = {name: value for name, value in (given | (headers or {})).items() if value}
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await self.http.post(self._url("ingest", "/v1/events"), content=raw, headers=sent)

    async def send(self, *events: Event) -> None:
        """Post a batch of which everything must be accepted."""
        answer = await self.post(list(events))
        assert answer.status_code == 202, answer.text
        assert answer.json() == {"accepted": len(events), "rejected": []}

    async def ask(self, service: str, path: str) -> httpx.Response:
        bearer = {"authorization": f"Bearer {self.whole}"}
        return await self.http.get(self._url(service, path), headers=bearer)

    async def get(self, service: str, path: str) -> dict[str, Any]:
        """The answer to a question; nothing while there is no such thing."""
        answer = await self.ask(service, path)
        assert answer.status_code in (200, 404), answer.text
        return dict(answer.json()) if answer.status_code == 200 else {}

    async def put(self, service: str, path: str, **body: Any) -> dict[str, Any]:
        bearer = {"authorization": f"Bearer {self.whole}"}
        answer = await self.http.put(self._url(service, path), json=body, headers=bearer)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def register_enterprise(self, author: Author, **changes: Any) -> None:
        path = f"/v1/enterprises/{author.enterprise}"
        await self.put("industrial", path, **(ENTERPRISE | changes))

    async def register_meter(self, author: Author, n: int = 0, **changes: Any) -> None:
        body = {"enterprise_id": author.enterprise, "carrier": "electricity", "unit": "kWh"}
        path = f"/v1/meters/{author.meter(n)}"
        await self.put("industrial", path, **(body | {"kind": "interval"} | changes))

    async def register_farm(self, author: Author) -> None:
        body = {"name": "示例农场", "type": "planting", "district": "kecheng"}
        await self.put("agri", f"/v1/farms/{author.farm}", **body)

    async def industrial(self, author: Author, year: int) -> dict[str, Any]:
        path = f"/v1/enterprises/{author.enterprise}/account?year={year}"
        return await self.get("industrial", path)

    async def agri(self, author: Author, year: int) -> dict[str, Any]:
        return await self.get("agri", f"/v1/farms/{author.farm}/account?year={year}")

    async def personal(self, account_id: str) -> dict[str, Any]:
        return await self.get("personal", f"/v1/accounts/{account_id}")

    async def points(self, account_id: str) -> dict[str, Any]:
        return await self.get("points", f"/v1/accounts/{account_id}")

    async def shows(
        self, ask: Callable[[], Awaitable[dict[str, Any]]], **expected: Any
    ) -> dict[str, Any]:
        """Ask until the answer has these values, half a minute at the most."""
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            found = await ask()
            if {name: found.get(name) for name in expected} == expected:
                return found
            assert time.monotonic() < deadline, f"expected {expected}, last: {found}"
            await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Wait until every service has worked off all that it was sent."""
        urls = {name: self.state.url(name) for name in self.state.ports if name != "ingest"}
        assert await probes.drained(urls, SECONDS_MAX) == []

    async def records(
        self, topic: str, key: str, enough: Callable[[list[ConsumerRecord]], bool]
    ) -> list[ConsumerRecord]:
        """The records of a key from the beginning of a topic, in order, until there are enough."""
        consumer = AIOKafkaConsumer(
            **connection_options(self.settings), auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            name = self.settings.topic(topic)
            partitions = range(self.settings.tanzhang_partitions)
            consumer.assign([TopicPartition(name, n) for n in partitions])
            return await _read(consumer, key.encode(), enough)
        finally:
            await consumer.stop()

    def _url(self, service: str, path: str) -> str:
        return f"{self.state.url(service)}{path}"


async def _read(
    consumer: AIOKafkaConsumer, key: bytes, enough: Callable[[list[ConsumerRecord]], bool]
) -> list[ConsumerRecord]:
    found: list[ConsumerRecord] = []
    async with asyncio.timeout(SECONDS_MAX):
        while not enough(found):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [record for record in records if record.key == key]
    return found


@asynccontextmanager
async def visiting(up: Up) -> AsyncIterator[City]:
    """A client of a started stack, until the block ends."""
    settings, state = directory.settings_of(up.data_dir, up.environment)
    assert state is not None
    async with httpx.AsyncClient(timeout=SECONDS_MAX, trust_env=False) as http:
        yield City(up, settings, state, http)
