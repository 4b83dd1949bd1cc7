"""The way into Kafka: a batch is published when every one of its events is acknowledged."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from shared import metrics
from shared.events.envelope import Event
from shared.events.kafka import to_record
from shared.events.types import TYPES
from shared.kafka import producer_options
from shared.settings import Settings

EVENTS_IN_FLIGHT_MAX = 50_000
BYTES_IN_FLIGHT_MAX = 64 * 1024 * 1024
ACKNOWLEDGE_SECONDS_MAX = 30.0
START_SECONDS_MAX = 10.0
STOP_SECONDS_MAX = 10.0
BACK_OFF_SECONDS_MAX = 5.0

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
        self._producer: AIOKafkaProducer | None = None
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
        producer = self._connected()
        if not await producer.client.force_metadata_update():
            raise Unpublished("Kafka does not answer")

    async def publish(self, events: Sequence[Event]) -> None:
        """Return when Kafka has acknowledged all events; raises Unpublished otherwise.

        Events of one subject keep their order.
        """
        producer = self._connected()
        size = sum(len(e.raw) for e in events)
        if self._events + len(events) > self._events_max or self._bytes + size > self._bytes_max:
            raise Unpublished("Too much is waiting for Kafka")
        self._count(len(events), size)
        try:
            async with asyncio.timeout(self._acknowledge_seconds_max):
                await self._send(producer, events)
        except TimeoutError:
            # Batches expire before this deadline, so the producer itself hangs (aiokafka#1154).
            self._replace(producer)
            raise Unpublished("Kafka did not acknowledge in time") from None
        except KafkaError as error:
            self._judge(producer, error)
            raise Unpublished(f"Kafka refused: {type(error).__name__}") from error
        finally:
            self._count(-len(events), -size)

    async def _send(self, producer: AIOKafkaProducer, events: Sequence[Event]) -> None:
        """Enqueue all, then wait for all: one round trip per batch instead of one per event."""
        sent: list[asyncio.Future[Any]] = []
        try:
            for event in events:
                key, value, headers = to_record(event)
                topic = self._topics[event.type]
                sent.append(await producer.send(topic, value, key=key, headers=headers))
            results = await asyncio.gather(*sent, return_exceptions=True)
        except BaseException:
            # Nobody waits for the others any more: not for their acknowledgement, nor their error.
            for future in sent:
                future.add_done_callback(_forget)
            raise
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _judge(self, producer: AIOKafkaProducer, error: KafkaError) -> None:
        log.error("publish_failed", error=type(error).__name__)
        if not (error.retriable or isinstance(error, _PRODUCER_IS_FINE)):
            self._replace(producer)

    def _replace(self, producer: AIOKafkaProducer) -> None:
        if producer is self._producer:
            self._broken.set()

    def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise Unpublished("Kafka is away")
        return self._producer

    def _count(self, events: int, size: int) -> None:
        self._events += events
        self._bytes += size
        metrics.ENQUEUED_BYTES.labels("ingest").set(self._bytes)

    async def _keep(self) -> None:
        """Connect, and connect anew each time the producer has broken."""
        delay = 0.2
        while True:
            try:
                self._producer = await _connect(self._settings)
            except (KafkaError, OSError) as error:
                log.warning("kafka_away", error=type(error).__name__, retry_s=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, BACK_OFF_SECONDS_MAX)
                continue
            log.info("kafka_connected")
            delay = 0.2
            self._broken.clear()
            await self._broken.wait()
            # aiokafka#1017: after a fatal error (a sequence out of order) a producer fails for
            # ever. Consumers drop the repeats that sending again may bring.
            await self._drop_producer()
            await asyncio.sleep(delay)

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await producer.stop()
        except BaseException as error:
            log.warning("producer_abandoned", error=type(error).__name__)
            await _abandon(producer)
            if not isinstance(error, KafkaError | OSError):
                raise


async def _connect(settings: Settings) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(**producer_options(settings))
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            await producer.start()
    except BaseException:
        with suppress(KafkaError, OSError):
            await producer.stop()
        raise
    return producer


async def _abandon(producer: AIOKafkaProducer) -> None:
    """End a producer that cannot send what it holds: its task would try for ever."""
    with suppress(KafkaError, OSError):
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await producer.client.close()
            await producer._sender.close()


def _forget(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
