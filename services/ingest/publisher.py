"""The way into Kafka: a batch is published when every one of its events is acknowledged."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import structlog
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from shared import metrics
from shared.events.envelope import Event
from shared.events.types import TYPES
from shared.kafka import ACKNOWLEDGE_MS_MAX, ACKNOWLEDGE_SECONDS_MAX
from shared.publishing import Producer, connect
from shared.settings import Settings
from shared.stream.waiting import wait

EVENTS_IN_FLIGHT_MAX = 50_000
BYTES_IN_FLIGHT_MAX = 64 * 1024 * 1024
BACK_OFF_SECONDS_MAX = 5.0
LOOK_SECONDS = 5.0
# What a producer still holds then fails with it, and who sent it is told to send again.
SILENT_SECONDS_MAX = ACKNOWLEDGE_MS_MAX / 1000

# Errors that say nothing about the producer; after any other one it is replaced.
_PRODUCER_IS_FINE = (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    InvalidTopicError,
)

log = structlog.get_logger()


class Unpublished(Exception):
    """Not everything was acknowledged. Some events may be in Kafka: sending again is safe."""


class Publisher:
    """Owns the producer and replaces it when it breaks. Bounded in events and in bytes."""

    def __init__(
        self,
        settings: Settings,
        *,
        events_max: int = EVENTS_IN_FLIGHT_MAX,
        bytes_max: int = BYTES_IN_FLIGHT_MAX,
        acknowledge_seconds_max: float = ACKNOWLEDGE_SECONDS_MAX,
    ) -> None:
        self._settings = settings
        self._topics = {type: settings.topic(topic) for type, (topic, _) in TYPES.items()}
        self._events_max = events_max
        self._bytes_max = bytes_max
        self._acknowledge_seconds_max = acknowledge_seconds_max
        self._events = 0
        self._bytes = 0
        self._producer: Producer | None = None
        self._broken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect; returns at once, since Kafka may come later than we do."""
        self._keeper = asyncio.create_task(self._keep(), name="producer-keeper")

    async def stop(self) -> None:
        """Send what is enqueued and disconnect."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self._drop_producer()

    async def ready(self) -> None:
        """Raise Unpublished unless a broker answers now."""
        if not await self._connected().answers():
            raise Unpublished("Kafka does not answer")

    async def publish(self, events: Sequence[Event]) -> None:
        """Return when Kafka has acknowledged all events; raises Unpublished otherwise.

        Events of one subject keep their order.
        """
        producer = self._connected()
        size = sum(len(e.raw) for e in events)
        if self._events + len(events) > self._events_max or self._bytes + size > self._bytes_max:
            raise Unpublished("Too much is waiting for Kafka")
        messages = [(self._topics[e.type], e.subject.encode(), e.raw) for e in events]
        self._count(len(events), size)
        try:
            async with asyncio.timeout(self._acknowledge_seconds_max):
                await producer.publish(messages)
        except TimeoutError:
            # Batches expire before this deadline, so the producer itself hangs (aiokafka#1154).
            self._replace(producer)
            raise Unpublished("Kafka did not acknowledge in time") from None
        except KafkaError as error:
            self._judge(producer, error)
            raise Unpublished(f"Kafka refused: {type(error).__name__}") from error
        finally:
            self._count(-len(events), -size)

    def _judge(self, producer: Producer, error: KafkaError) -> None:
        log.error("publish_failed", error=type(error).__name__)
        if not (error.retriable or isinstance(error, _PRODUCER_IS_FINE)):
            self._replace(producer)

    def _replace(self, producer: Producer) -> None:
        if producer is self._producer:
            self._broken.set()

    def _connected(self) -> Producer:
        if self._producer is None:
            raise Unpublished("Kafka is away")
        return self._producer

    def _count(self, events: int, size: int) -> None:
        self._events += events
        self._bytes += size
        metrics.ENQUEUED_BYTES.labels("ingest").set(self._bytes)

    async def _keep(self) -> None:
        """Connect, and connect anew each time the producer has broken or hears nothing."""
        delay = 0.2
        while True:
            try:
                self._producer = await connect(self._settings)
            except (KafkaError, OSError) as error:
                log.warning("kafka_away", error=type(error).__name__, retry_s=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, BACK_OFF_SECONDS_MAX)
                continue
            log.info("kafka_connected")
            delay = 0.2
            self._broken.clear()
            await self._until_useless(self._producer)
            # aiokafka#1017: after a fatal error (a sequence out of order) a producer fails for
            # ever. Consumers drop the repeats that sending again may bring.
            await self._drop_producer()
            await asyncio.sleep(delay)

    async def _until_useless(self, producer: Producer) -> None:
        """Until it has broken, or for too long no broker has answered it.

        What it was connected with may be another by now: the file of Kafka's authority, the brokers.
        """
        answered = time.monotonic()
        while not await wait(self._broken, LOOK_SECONDS):
            if await _answers(producer):
                answered = time.monotonic()
            elif time.monotonic() - answered > SILENT_SECONDS_MAX:
                log.warning("kafka_silent", seconds=SILENT_SECONDS_MAX)
                return

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()


async def _answers(producer: Producer) -> bool:
    """Whether a broker answers it soon."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await producer.answers()
    except TimeoutError:
        return False
