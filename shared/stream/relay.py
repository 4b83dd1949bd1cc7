"""The relay: publishes the outbox in order per key and removes what Kafka has acknowledged.

One relay per database, under an advisory lock: two would break the order per key. A crash
between acknowledgement and removal sends again; ids are derived, so that harms nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared import kafka, metrics
from shared.database import TRANSIENT, Connection, Pool
from shared.events.kafka import HEADERS
from shared.settings import Settings
from shared.stream import outbox

ROWS_PER_ROUND = 20
IDLE_SECONDS = 0.1
BACK_OFF_SECONDS = 1.0
LOCK = "select pg_try_advisory_lock(hashtext($1), 1)"
UNLOCK = "select pg_advisory_unlock(hashtext($1), 1)"

log = structlog.get_logger()


@dataclass(slots=True)
class Relay:
    """Runs beside the worker; `wake` makes it look at once instead of after the idle time."""

    service: str
    settings: Settings
    pool: Pool
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    idle: bool = False
    after_send: Callable[[], Awaitable[None]] | None = None

    def wake(self) -> None:
        self.awake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until stopped; a lost broker or database is waited for."""
        while not stop.is_set():
            try:
                await self._session(stop)
            except (*TRANSIENT, KafkaError) as error:
                self.idle = False
                log.warning("relay_waits", service=self.service, error=repr(error))
                await asyncio.sleep(BACK_OFF_SECONDS)

    async def _session(self, stop: asyncio.Event) -> None:
        """Hold the lock and a producer; a fatal producer error ends both (aiokafka#1017)."""
        async with self.pool.acquire() as connection:
            if not await connection.fetchval(LOCK, self.service):
                self.idle = True
                await self._rest()
                return
            producer = AIOKafkaProducer(**kafka.producer_options(self.settings))
            await producer.start()
            try:
                while not stop.is_set():
                    if not await self._round(connection, producer):
                        await self._rest()
                # A clean stop leaves nothing behind that could still be sent.
                while await self._round(connection, producer):
                    pass
            finally:
                await producer.stop()
                await connection.execute(UNLOCK, self.service)

    async def _round(self, connection: Connection, producer: AIOKafkaProducer) -> bool:
        """Publish the oldest rows; False when there are none."""
        self.awake.clear()
        rows = await outbox.waiting(connection, ROWS_PER_ROUND)
        metrics.OUTBOX_WAITING.labels(self.service).set(sum(len(m) for _, _, m in rows))
        self.idle = not rows
        if not rows:
            return False
        await self._send(producer, rows)
        if self.after_send is not None:
            await self.after_send()
        await outbox.remove(connection, [row[0] for row in rows])
        return True

    async def _send(
        self,
        producer: AIOKafkaProducer,
        rows: Sequence[tuple[int, str, list[outbox.Message]]],
    ) -> None:
        """Enqueue all, then await all: waiting for each would cost a round trip per event."""
        sent = []
        for _, topic, messages in rows:
            name = self.settings.topic(topic)
            for key, value in messages:
                sent.append(
                    await producer.send(name, value, key=key, headers=HEADERS)
                )
        await asyncio.gather(*sent)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self.awake.wait()
        except TimeoutError:
            pass
