"""Events to send and a client of a running door."""

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared.auth.keys import issue
from shared.kafka import connection_options
from shared.settings import Settings

SECONDS_MAX = 60
Opener = Callable[..., Any]
ENTERPRISE = "91350100M000100Y43"
PERSON = "jsrcb:a8f5f167f44f4964"
SOURCE = "urn:jsrcb:core"
EVENT = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
READING: dict[str, Any] = {
    "meter_id": "m-1",
    "kind": "interval",
    "start": "2020-01-01T00:00:00+08:00",
    "end": "2020-01-01T00:15:00+08:00",
    "value": "1.5",
    "unit": "kWh",
    "quality": "actual",
}
PAYMENT: dict[str, Any] = {
    "kind": "transfer",
    "channel": "mobile",
    "amount": "150.50",
    "currency": "CNY",
}


def payment(change: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """A payment; `change` replaces attributes and `data` fields, None takes one out."""
    made = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": SOURCE,
        "type": "cn.tanzhang.payment.v1",
        "subject": PERSON,
        "time": "2020-01-01T08:00:00+08:00",
        "data": _without_none(PAYMENT | data),
    }
    return _without_none(made | (change or {}))


def reading(change: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """A meter reading, changed like a payment."""
    attributes = {"type": "cn.tanzhang.meter.reading.v1", "subject": ENTERPRISE}
    made = payment(attributes) | {"data": _without_none(READING | data)}
    return _without_none(made | (change or {}))


def _without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in members.items() if v is not None}


@dataclass(slots=True)
class Door:
    """A client of a running door, with a token that may send everything unless told otherwise."""

    client: httpx.AsyncClient
    key_path: Path
    settings: Settings

    async def post(
        self, content: Any, media: str | None = EVENT, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Post JSON-able content or bytes to /v1/events."""
        sent = {"authorization": f"Bearer {self.token()}"}
        sent |= {"content-type": media} if media else {}
        sent |= headers or {}
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await self.client.post("/v1/events", content=raw, headers=sent)

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers={"authorization": f"Bearer {self.token()}"})

    def token(
        self,
        client: str = "bank",
        scopes: tuple[str, ...] = ("events:write:payments", "events:write:meter-readings"),
        sources: tuple[str, ...] = ("*",),
        subjects: tuple[str, ...] = ("*",),
    ) -> str:
        now, hour = datetime.now(UTC), timedelta(hours=1)
        return issue(
            self.key_path, client, scopes, sources, subjects, hour, "tanzhang", "tanzhang", now
        )

    async def stored(self, topic: str, ids: set[str]) -> list[ConsumerRecord]:
        """The records of a topic, once those with these ids are among them."""
        name = self.settings.topic(topic)
        options = connection_options(self.settings)
        consumer = AIOKafkaConsumer(**options, auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = range(self.settings.tanzhang_partitions)
            consumer.assign([TopicPartition(name, p) for p in partitions])
            return await _read(consumer, ids)
        finally:
            await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, ids: set[str]) -> list[ConsumerRecord]:
    found: list[ConsumerRecord] = []
    missing = set(ids)
    async with asyncio.timeout(SECONDS_MAX):
        while missing:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
                missing -= {json.loads(r.value)["id"] for r in records}
    # One more look: what was rejected would come with, or after, what was accepted.
    for records in (await consumer.getmany(timeout_ms=300)).values():
        found += records
    return found
