"""Publishing to Kafka: many messages per call, acknowledged, in order per key.

aiokafka's `send` makes a future and asks a slow partitioner for every message. Here a call's
messages are parted by partition at once and travel as whole batches. Each partition has one batch
under way; what calls hand over meanwhile waits and becomes the next one, so that many small calls
share requests, and an idle producer waits for nothing.
"""

import asyncio
import copy
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from struct import unpack_from
from typing import Any, TypeAlias

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed

from shared.events.kafka import HEADERS
from shared.kafka import PRODUCER_REQUEST_BYTES_MAX, producer_options
from shared.settings import Settings

START_SECONDS_MAX = 10.0
STOP_SECONDS_MAX = 10.0
# Key and value of one message; headers and framing get what is left of a request.
MESSAGE_BYTES_MAX = PRODUCER_REQUEST_BYTES_MAX - 1024
KEYS_REMEMBERED = 1 << 16

Message: TypeAlias = tuple[str, bytes, bytes]
Place: TypeAlias = tuple[str, int]
Records: TypeAlias = list[tuple[bytes, bytes]]

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Call:
    """One `publish`: its end, and how many of its parts are still to be acknowledged."""

    end: asyncio.Future[None]
    parts: int

    def acknowledge(self) -> None:
        self.parts -= 1
        if not self.parts and not self.end.done():
            self.end.set_result(None)

    def fail(self, error: KafkaError) -> None:
        if not self.end.done():
            # Each waiting call adds its own traceback to the exception that it is given.
            self.end.set_exception(copy.copy(error))


_Lane: TypeAlias = deque[tuple[_Call, Records]]


class Producer:
    """A connection for publishing: made by `connect`, ended by `close`.

    After a fatal error (aiokafka#1017: a sequence out of order) every call fails: connect anew.
    It bounds nothing itself; callers bound what they hand over at once.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._lanes: dict[Place, _Lane] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._calls: set[_Call] = set()

    async def publish(self, messages: Iterable[Message]) -> None:
        """Return when Kafka has acknowledged all messages: (topic, key, value).

        Raises KafkaError when one of them was not; the others may be in Kafka. Messages of a key
        keep their order, within a call and from call to call.
        """
        parts = await self._parted(messages)
        if not parts:
            return
        call = _Call(asyncio.get_running_loop().create_future(), len(parts))
        self._calls.add(call)
        try:
            for place, records in parts.items():
                self._enqueue(place, call, records)
            await call.end
        finally:
            self._calls.discard(call)

    async def answers(self) -> bool:
        """Whether a broker answers now."""
        return bool(await self._producer.client.force_metadata_update())

    async def close(self) -> None:
        """Wait at most 10 s for the batches under way and disconnect; calls that still wait fail."""
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await self._producer.stop()
        except BaseException as error:
            log.warning("producer_abandoned", error=type(error).__name__)
            await _abandon(self._producer)
            if not isinstance(error, KafkaError | OSError):
                raise
        finally:
            for task in self._sending:
                task.cancel()
            for call in self._calls:
                call.fail(ProducerClosed())

    async def _parted(self, messages: Iterable[Message]) -> dict[Place, Records]:
        parts: dict[Place, Records] = {}
        counts: dict[str, int] = {}
        for topic, key, value in messages:
            if len(key) + len(value) > MESSAGE_BYTES_MAX:
                raise MessageSizeTooLargeError(f"more than {MESSAGE_BYTES_MAX} bytes")
            count = counts.get(topic)
            if count is None:
                count = counts[topic] = len(await self._producer.partitions_for(topic))
            place = (topic, partition_of(key, count))
            records = parts.get(place)
            if records is None:
                records = parts[place] = []
            records.append((key, value))
        return parts

    def _enqueue(self, place: Place, call: _Call, records: Records) -> None:
        lane = self._lanes.get(place)
        if lane is not None:
            lane.append((call, records))
            return
        self._lanes[place] = deque([(call, records)])
        task = asyncio.create_task(self._drain(place))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _drain(self, place: Place) -> None:
        """Send what waits for a partition, one batch after the other, until nothing is left."""
        lane = self._lanes[place]
        try:
            while lane:
                await self._send(place, lane)
        finally:
            del self._lanes[place]

    async def _send(self, place: Place, lane: _Lane) -> None:
        topic, partition = place
        batch = self._producer.create_batch()
        calls = _fill(batch, lane)
        if not calls:
            return
        batch.close()  # a closed batch does not linger
        try:
            await (await self._producer.send_batch(batch, topic, partition=partition))
        except Exception as error:
            # aiokafka asserts that the partition exists: a topic made anew may have fewer.
            failure = error if isinstance(error, KafkaError) else KafkaError(repr(error))
            for call in calls:
                call.fail(failure)
        else:
            for call in calls:
                call.acknowledge()


async def connect(settings: Settings) -> Producer:
    """A started producer; raises KafkaError or OSError when no broker answers within 10 s."""
    producer = AIOKafkaProducer(**producer_options(settings))
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            await producer.start()
    except BaseException:
        with suppress(KafkaError, OSError):
            await producer.stop()
        raise
    return Producer(producer)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's own clients choose for a key."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _fill(batch: Any, lane: _Lane) -> list[_Call]:
    """Move as much as fits from the lane to the batch; gives the call of each part in it.

    A part that does not fit as a whole is split. Calls that have ended (failed, or nobody waits
    any more) are dropped: sending their later messages would leave a gap before them.
    """
    calls: list[_Call] = []
    while lane:
        call, records = lane.popleft()
        if call.end.done():
            continue
        for at, (key, value) in enumerate(records):
            if batch.append(timestamp=None, key=key, value=value, headers=HEADERS) is None:
                lane.appendleft((call, records[at:]))
                if at:
                    call.parts += 1
                    calls.append(call)
                return calls
        calls.append(call)
    return calls


@lru_cache(KEYS_REMEMBERED)
def _murmur2(key: bytes) -> int:
    """MurmurHash2 of 32 bits with the seed of Kafka's clients."""
    length = len(key)
    words = length >> 2
    h = 0x9747B28C ^ length
    for word in unpack_from(f"<{words}I", key):
        k = word * 0x5BD1E995 & 0xFFFFFFFF
        h = (h * 0x5BD1E995 ^ (k ^ k >> 24) * 0x5BD1E995) & 0xFFFFFFFF
    if rest := key[words << 2 :]:
        h = (h ^ int.from_bytes(rest, "little")) * 0x5BD1E995 & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return h ^ h >> 15


async def _abandon(producer: AIOKafkaProducer) -> None:
    """End a producer that cannot send what it holds: its task would try for ever."""
    with suppress(KafkaError, OSError):
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await producer.client.close()
            await producer._sender.close()
