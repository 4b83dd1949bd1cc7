"""The relay: publishes the outbox in order per key and removes what Kafka has acknowledged.

One relay per database, under an advisory lock: two would break the order per key. A crash
between acknowledgement and removal sends again; ids are derived, so that harms nobody.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog
from aiokafka.errors import KafkaError

from shared import metrics
from shared.database import TRANSIENT, Connection, Pool
from shared.kafka import ACKNOWLEDGE_SECONDS_MAX
from shared.publishing import Message, Producer, connect
from shared.settings import Settings
from shared.stream import outbox
from shared.stream.leading import Part, lead
from shared.stream.waiting import wait

ROWS_PER_ROUND = 20
IDLE_SECONDS = 0.1
# Also how long the outbox may stand still after its publisher has died.
RETRY_SECONDS = 1.0
COUNT_SECONDS = 1.0

# id, topic, messages
Row: TypeAlias = tuple[int, str, list[outbox.Message]]

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
    _counted: float = 0.0

    def wake(self) -> None:
        self.awake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until stopped; a lost broker or database is waited for."""
        done = False
        while not done:
            last = stop.is_set()  # asked to stop while waiting: one more try for what is left
            try:
                led = await self._session(stop)
            except (*TRANSIENT, KafkaError) as error:
                led, self.idle = False, False
                log.warning("relay_waits", service=self.service, error=repr(error))
            if not led:
                await wait(stop, RETRY_SECONDS)
            done = stop.is_set() and (led or last)

    async def _session(self, stop: asyncio.Event) -> bool:
        """Publish under the lock; False when another process holds it."""
        async with self.pool.acquire() as connection:
            if await lead(connection, self.service, Part.PUBLISHING):
                # Before Kafka is asked for, which may be away while more and more waits.
                await self._count(connection)
                await self._lead(connection, stop)
                return True
            self.idle = await self._count(connection) == 0
            return False

    async def _lead(self, connection: Connection, stop: asyncio.Event) -> None:
        """A producer's life: a fatal error ends it (aiokafka#1017), the next session has a new one."""
        producer = await connect(self.settings)
        try:
            while not stop.is_set():
                if not await self._round(connection, producer):
                    await wait(self.awake, IDLE_SECONDS)
            # A clean stop leaves nothing behind; what others write meanwhile is for the next one.
            last = await outbox.last(connection)
            while 0 < await self._round(connection, producer) < last:
                pass
        finally:
            await producer.close()

    async def _round(self, connection: Connection, producer: Producer) -> int:
        """Publish the oldest rows and give the id of the last; 0 when there are none."""
        self.awake.clear()
        rows = await outbox.waiting(connection, ROWS_PER_ROUND)
        self.idle = not rows
        if not rows:
            metrics.OUTBOX_WAITING.labels(self.service).set(0)
            return 0
        if time.monotonic() - self._counted > COUNT_SECONDS:
            await self._count(connection)
        await self._publish(rows, producer)
        if self.after_send is not None:
            await self.after_send()
        await outbox.remove(connection, [row[0] for row in rows])
        return rows[-1][0]

    async def _publish(self, rows: Sequence[Row], producer: Producer) -> None:
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS_MAX):
                await producer.publish(self._messages(rows))
        except TimeoutError:
            raise KafkaError("Kafka did not acknowledge in time") from None

    async def _count(self, connection: Connection) -> int:
        self._counted = time.monotonic()
        waiting = await outbox.count(connection)
        metrics.OUTBOX_WAITING.labels(self.service).set(waiting)
        return waiting

    def _messages(self, rows: Iterable[Row]) -> Iterator[Message]:
        for _, topic, messages in rows:
            name = self.settings.topic(topic)
            for key, value in messages:
                yield name, key, value
