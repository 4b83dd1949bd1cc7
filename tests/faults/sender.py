"""Sends a workload as clients do: batches over HTTP, again and again until they are acknowledged."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared import kafka
from shared.events.kafka import HEADERS
from tanzhang.posting import MEDIA_TYPE, Patience, Posted, send
from tests.faults.stage import Stage
from tests.faults.workload import Sent, Workload

BATCH_EVENTS = 100
LANES = 3
# Shorter than the door's own: some requests are given up while they are still under way.
TIMEOUT_SECONDS = 12
PATIENCE = Patience(total=300, first=0.1, longest=1.0)


@dataclass(slots=True)
class Sender:
    """`acknowledged` in the order of the answers; `posted.retries` counts requests sent again."""

    stage: Stage
    workload: Workload
    acknowledged: list[Sent] = field(default_factory=list)
    rejected: list[tuple[Sent, dict[str, Any]]] = field(default_factory=list)
    posted: Posted = field(default_factory=Posted)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def register(self) -> None:
        """PUT the registry's records."""
        async with self._client() as client:
            for service, path, body in self.workload.registrations():
                request = client.build_request("PUT", self.stage.url(service) + path, json=body)
                answer = await send(client, request, PATIENCE)
                assert answer.is_success, f"PUT {path}: {answer.status_code} {answer.text}"

    async def send(self, count: int) -> None:
        """Send so many events and wait until all are acknowledged."""
        async with self._client() as client, asyncio.TaskGroup() as lanes:
            for _ in range(0, count, BATCH_EVENTS):
                await self._next_lane(lanes, client)

    async def keep_sending(self, stop: asyncio.Event, rate: float) -> None:
        """Send `rate` events a second, or as many as are taken, until told to stop; then as `send`."""
        async with self._client() as client, asyncio.TaskGroup() as lanes:
            due = time.monotonic()
            while not stop.is_set():
                await self._next_lane(lanes, client)
                due = max(due + BATCH_EVENTS / rate, time.monotonic())
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await stop.wait()

    async def _next_lane(self, lanes: asyncio.TaskGroup, client: httpx.AsyncClient) -> None:
        while len(self._under_way) >= LANES:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        taken = self.workload.take(BATCH_EVENTS)
        plain = [event for event in taken if not event.contradicts()]
        earlier = list(self._under_way)
        sending = lanes.create_task(self._deliver(client, plain))
        self._under_way.add(sending)
        sending.add_done_callback(self._under_way.discard)
        late = [event for event in taken if event.contradicts()]
        if late:
            lanes.create_task(self._contradict(client, late, [*earlier, sending]))

    async def _contradict(
        self, client: httpx.AsyncClient, late: Sequence[Sent], earlier: list[asyncio.Task[None]]
    ) -> None:
        """Only after what they contradict has been acknowledged, or they would be the first."""
        await asyncio.wait(earlier)
        await self._deliver(client, late)

    async def _deliver(self, client: httpx.AsyncClient, events: Sequence[Sent]) -> None:
        poison = [event for event in events if event.kind == "poison"]
        batch = [event for event in events if event.kind != "poison"]
        if batch:
            await self._post(client, batch)
        if poison:
            await self._produce(poison)
        self.acknowledged += events

    async def _post(self, client: httpx.AsyncClient, batch: Sequence[Sent]) -> None:
        url = f"{self.stage.url('ingest')}/v1/events"
        content = b"[" + b",".join(event.raw for event in batch) + b"]"
        request = client.build_request(
            "POST", url, content=content, headers={"content-type": MEDIA_TYPE}
        )
        answer = await send(client, request, PATIENCE, self.posted)
        found = answer.json()
        assert found["accepted"] + len(found["rejected"]) == len(batch), answer.text
        self.posted.sent += len(batch)
        self.rejected += [(batch[item["index"]], item["problem"]) for item in found["rejected"]]

    async def _produce(self, records: Sequence[Sent]) -> None:
        """Past the door, straight to Kafka, until it has acknowledged."""
        settings = self.stage.settings
        deadline = time.monotonic() + PATIENCE.total
        while True:
            producer = AIOKafkaProducer(**kafka.producer_options(settings))
            try:
                await producer.start()
                for record in records:
                    await producer.send_and_wait(
                        settings.topic(record.topic),
                        record.raw,
                        key=record.subject.encode(),
                        headers=HEADERS,
                    )
                return
            except (KafkaError, OSError):
                assert time.monotonic() < deadline, "Kafka took no poison"
                await asyncio.sleep(PATIENCE.first)
            finally:
                with suppress(KafkaError, OSError):
                    await producer.stop()

    @staticmethod
    def _client() -> httpx.AsyncClient:
        return httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS, trust_env=False, limits=httpx.Limits(max_connections=2 * LANES)
        )


@asynccontextmanager
async def sending(sender: Sender, rate: float) -> AsyncIterator[Sender]:
    """Events come for the length of the block; at its end all that were sent are acknowledged.

    A sender that fails ends the block.
    """
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sender.keep_sending(stop, rate))
        yield sender
        stop.set()
