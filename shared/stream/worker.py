"""The worker: Kafka records in, one PostgreSQL transaction per batch, offsets fenced in it.

aiokafka swallows errors of rebalance listeners and notices a lost partition late, so nothing
here relies on either: correctness is the fence's, the listener only forgets positions.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from shared import kafka, metrics
from shared.database import TRANSIENT, Pool
from shared.events.envelope import Event, Origin
from shared.settings import Settings
from shared.stream import aside, fence
from shared.stream.aside import DeadLetter
from shared.stream.poster import Outcome, Poster
from shared.stream.received import Record, decode_record, unread
from shared.stream.service import RowsT, StateT

POLL_MS = 200
BACK_OFF_SECONDS_MAX = 5.0
MIRROR_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(slots=True)
class Worker(Generic[StateT, RowsT]):
    """Consumes a service's topics until stopped. `clock` gives the posting time."""

    poster: Poster[StateT, RowsT]
    settings: Settings
    pool: Pool
    clock: Callable[[], datetime]
    committed: Callable[[], None] = lambda: None
    failures_max: int = 20
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    failures: dict[TopicPartition, int] = field(default_factory=dict)
    stopped: set[TopicPartition] = field(default_factory=set)
    last_progress: float = field(default_factory=time.monotonic)
    idle: bool = False
    _cluster: str = ""
    _mirrored: float = 0.0
    _unmirrored: dict[TopicPartition, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.poster.service.name

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`; waits for a lost broker or database instead of dying."""
        delay = 0.1
        while not stop.is_set():
            try:
                await self._session(stop)
                delay = 0.1
            except (*TRANSIENT, KafkaError) as error:
                log.warning("worker_waits", service=self.name, error=repr(error), seconds=delay)
                self.last_progress = time.monotonic()
                await _wait(stop, delay)
                delay = min(delay * 2, BACK_OFF_SECONDS_MAX)

    async def _session(self, stop: asyncio.Event) -> None:
        """One consumer's life: from joining the group to leaving it."""
        self._cluster = await kafka.cluster_id(self.settings)
        async with self.pool.acquire() as connection:
            await fence.adopt(connection, self._cluster, self.settings.tanzhang_accept_cluster)
        consumer = AIOKafkaConsumer(**kafka.consumer_options(self.settings, group=self.name))
        topics = [self.settings.topic(topic) for topic in self.poster.service.topics]
        consumer.subscribe(topics, listener=_Listener(self, consumer))
        await consumer.start()
        try:
            while not stop.is_set():
                await self._poll(consumer)
            await self._mirror(consumer, force=True)
        finally:
            self.positions.clear()
            await consumer.stop()

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        self.last_progress = time.monotonic()
        metrics.PROGRESS_TIMESTAMP.labels(self.name).set_to_current_time()
        await self._take_up(consumer)
        fetched = await consumer.getmany(
            timeout_ms=POLL_MS, max_records=self.settings.tanzhang_batch_rows
        )
        batch = unread(fetched, self.positions)
        self.idle = not batch
        if batch:
            await self._process(consumer, batch)
        await self._mirror(consumer)

    async def _take_up(self, consumer: AIOKafkaConsumer) -> None:
        """Seek newly assigned partitions to their stored positions."""
        assigned = consumer.assignment()
        for lost in self.positions.keys() - assigned:
            del self.positions[lost]
        fresh = sorted(assigned - self.positions.keys() - self.stopped)
        if fresh:
            await self.rewind(consumer, fresh)
        for partition in self.stopped & assigned:
            consumer.pause(partition)

    async def rewind(
        self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
    ) -> None:
        """Seek these partitions to their stored positions, storing the first of a new one."""
        wanted = sorted(set(partitions) & consumer.assignment())
        if not wanted:
            return
        beginnings = await consumer.beginning_offsets(wanted)
        ends = await consumer.end_offsets(wanted) if self.settings.tanzhang_check_log_end else {}
        async with self.pool.acquire() as connection:
            stored = await fence.positions(connection, self._cluster, wanted)
            missing = {p: beginnings[p] for p in wanted if p not in stored}
            if missing:
                await fence.begin(connection, self._cluster, missing)
                stored = await fence.positions(connection, self._cluster, wanted)
        for partition in wanted:
            position = stored[partition]
            fence.check_position(partition, position, beginnings[partition], ends.get(partition))
            if partition in consumer.assignment():
                consumer.seek(partition, position)
                self.positions[partition] = position

    async def _process(
        self,
        consumer: AIOKafkaConsumer,
        batch: Mapping[TopicPartition, list[Record]],
    ) -> None:
        records = [r for found in batch.values() for r in found]
        started = time.perf_counter()
        try:
            await self._post(records)
        except fence.Fenced as fenced:
            log.warning("fenced", service=self.name, partitions=str(fenced))
            metrics.FENCED.labels(self.name).inc()
            await self.rewind(consumer, batch)
            return
        except TRANSIENT:
            await self.rewind(consumer, batch)
            raise
        took = time.perf_counter() - started
        metrics.BATCH_SECONDS.labels(self.name).observe(took)
        metrics.BATCH_ROWS.labels(self.name).observe(len(records))
        for partition in self.stopped & batch.keys():
            self.positions.pop(partition, None)
            consumer.pause(partition)
        self.committed()

    async def _post(self, records: Sequence[Record]) -> None:
        """Post records in one transaction; an unexpected failure is bisected to its one event."""
        try:
            await self._transaction(records)
        except (*TRANSIENT, fence.Fenced):
            raise
        except Exception as error:
            if len(records) == 1:
                await self._bury(records[0], error)
                return
            log.warning("bisecting", service=self.name, rows=len(records), error=repr(error))
            middle = len(records) // 2
            await self._post(records[:middle])
            await self._post(records[middle:])
            return
        for partition in {TopicPartition(r.topic, r.partition) for r in records}:
            self.failures.pop(partition, None)

    async def _transaction(self, records: Sequence[Record]) -> None:
        records = [r for r in records if TopicPartition(r.topic, r.partition) not in self.stopped]
        events: list[Event] = []
        letters: list[DeadLetter] = []
        prefix = len(self.settings.tanzhang_topic_prefix)
        for record in records:
            decoded = decode_record(record, prefix)
            (events if isinstance(decoded, Event) else letters).append(decoded)  # type: ignore[arg-type]
        moves = self._moves(records)
        if not moves:
            return
        now = self.clock()
        async with self.pool.acquire() as connection, connection.transaction():
            await fence.advance(connection, self._cluster, moves)
            outcome = await self.poster.post(connection, events, now) if events else Outcome()
            await aside.bury(connection, letters, now)
        outcome.refused.update(letter.reason for letter in letters)
        self._settle(moves, events, outcome)

    def _moves(self, records: Sequence[Record]) -> dict[TopicPartition, tuple[int, int]]:
        moves: dict[TopicPartition, tuple[int, int]] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            moves[partition] = (self.positions.get(partition, -1), record.offset + 1)
        return moves

    def _settle(
        self,
        moves: Mapping[TopicPartition, tuple[int, int]],
        events: Sequence[Event],
        outcome: Outcome,
    ) -> None:
        """After the commit: remember positions, count."""
        for partition, (_, following) in moves.items():
            self.positions[partition] = following
            self._unmirrored[partition] = following
        outcome.count(self.name)
        now = time.time()
        for event in events[:: max(1, len(events) // 10)]:
            if event.accepted_at is not None:
                age = now - event.accepted_at.timestamp()
                metrics.EVENT_AGE_SECONDS.labels(self.name).observe(max(age, 0.0))

    async def _bury(self, record: Record, error: Exception) -> None:
        """Dead-letter the one record that fails unexpectedly; too many in a row stop its partition."""
        partition = TopicPartition(record.topic, record.partition)
        if partition in self.stopped:
            return
        failures = self.failures.get(partition, 0) + 1
        if failures > self.failures_max:
            self.stopped.add(partition)
            metrics.STOPPED_PARTITIONS.labels(self.name).set(len(self.stopped))
            log.error(
                "partition_stopped",
                service=self.name,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                failures=self.failures_max,
                error=repr(error),
            )
            return
        self.failures[partition] = failures
        topic = record.topic[len(self.settings.tanzhang_topic_prefix) :]
        origin = Origin(topic, record.partition, record.offset)
        letter = aside.poison(record.value or b"", origin, "unexpected", repr(error)[:500])
        moves = self._moves([record])
        async with self.pool.acquire() as connection, connection.transaction():
            await fence.advance(connection, self._cluster, moves)
            await aside.bury(connection, [letter], self.clock())
        outcome = Outcome()
        outcome.refused["unexpected"] += 1
        self._settle(moves, [], outcome)

    async def _mirror(
        self, consumer: AIOKafkaConsumer, *, force: bool = False
    ) -> None:
        """Mirror positions to Kafka, for lag metrics only: losing one loses nothing."""
        now = time.monotonic()
        if not self._unmirrored or (not force and now - self._mirrored < MIRROR_SECONDS):
            return
        self._mirrored = now
        offsets = {p: o for p, o in self._unmirrored.items() if p in consumer.assignment()}
        self._unmirrored.clear()
        for partition, offset in offsets.items():
            end = consumer.highwater(partition)
            if end is not None:
                metrics.LAG.labels(self.name, partition.topic, partition.partition).set(
                    max(end - offset, 0)
                )
        try:
            async with asyncio.timeout(5):
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            log.info("mirror_failed", service=self.name, error=repr(error))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Seeks at assignment, forgets at revocation.

    aiokafka logs and swallows what is raised here; the worker then finds no position for the
    partition and takes it up itself.
    """

    def __init__(self, worker: Worker[Any, Any], consumer: AIOKafkaConsumer) -> None:
        self._worker = worker
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        for partition in revoked:
            self._worker.positions.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._worker.rewind(self._consumer, set(assigned) - self._worker.stopped)
        log.info("assigned", service=self._worker.name, partitions=len(self._worker.positions))


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
