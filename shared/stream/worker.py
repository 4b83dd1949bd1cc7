"""The worker: Kafka records in, one PostgreSQL transaction per batch, offsets fenced in it.

aiokafka swallows errors of rebalance listeners and notices a lost partition late, so nothing
here relies on either: correctness is the fence's. Positions belong to the worker's own task;
a rebalance only leaves a note of what was lost.
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError

from shared import kafka, metrics
from shared.database import TRANSIENT, Pool
from shared.events.envelope import Origin
from shared.settings import Settings
from shared.stream import aside, fence, group
from shared.stream.mirror import Mirror
from shared.stream.poster import Outcome
from shared.stream.posting import Posting
from shared.stream.received import Record, decode_records, unread
from shared.stream.waiting import wait

POLL_MS = 200
BACK_OFF_SECONDS = 0.1
BACK_OFF_SECONDS_MAX = 5.0
# In a row, about five minutes: as long as a group keeps a member that doesn't poll.
RETRIES_MAX = 60

log = structlog.get_logger()


class NotConsuming(Exception):
    """The worker is not at its work, and why."""


@dataclass(slots=True)
class Worker:
    """Consumes a service's topics until stopped. `clock` gives the posting time."""

    poster: Posting
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
    waits_for: str | None = None
    mirror: Mirror = field(init=False)
    cluster: str = ""
    _revocations: group.Revocations = field(default_factory=group.Revocations)
    _stall: group.StallDetector = field(default_factory=group.StallDetector)
    _failed: int = 0

    def __post_init__(self) -> None:
        self.mirror = Mirror(self.name)
        metrics.begin(self.name)

    @property
    def name(self) -> str:
        return self.poster.service.name

    def check(self) -> None:
        """Raise NotConsuming when a partition is stopped or a server is waited for."""
        if self.stopped:
            names = ", ".join(f"{p.topic}/{p.partition}" for p in sorted(self.stopped))
            raise NotConsuming(f"stopped after too many unexpected failures: {names}")
        if self.waits_for is not None:
            raise NotConsuming(self.waits_for)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`; waits for a lost broker or database instead of dying."""
        while not stop.is_set():
            try:
                await self._session(stop)
            except (*TRANSIENT, KafkaError) as error:
                await self._wait(stop, error)

    async def _wait(self, stop: asyncio.Event, error: Exception) -> None:
        """Back off, longer every time until a poll has gone well."""
        seconds = min(BACK_OFF_SECONDS * 2 ** min(self._failed, 10), BACK_OFF_SECONDS_MAX)
        self._failed += 1
        self.waits_for, self.idle = repr(error), False
        log.warning("worker_waits", service=self.name, error=repr(error), seconds=seconds)
        self._alive()
        await wait(stop, seconds)

    async def _session(self, stop: asyncio.Event) -> None:
        """One consumer's life: from joining the group to leaving it."""
        self._alive()
        self.cluster = await kafka.cluster_id(self.settings)
        async with self.pool.acquire() as connection:
            await fence.adopt(connection, self.cluster, self.settings.tanzhang_accept_cluster)
        consumer = AIOKafkaConsumer(**kafka.consumer_options(self.settings, group=self.name))
        topics = [self.settings.topic(topic) for topic in self.poster.service.topics]
        consumer.subscribe(topics, listener=self._revocations)
        self._stall.reset()
        try:
            if await group.join(consumer, stop):
                while not stop.is_set():
                    await self._poll_or_wait(consumer, stop)
                await self.mirror.publish(consumer, self.positions, force=True)
        finally:
            self.idle = False
            self._forget(list(self.positions))
            await kafka.stop(consumer)

    async def _poll_or_wait(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        """A lost database is waited for as a member of the group: leaving would move partitions."""
        try:
            await self._poll(consumer)
        except TRANSIENT as error:
            self._forget(list(self.positions))
            if self._failed % RETRIES_MAX == RETRIES_MAX - 1:
                raise  # a new consumer
            await self._wait(stop, error)
        else:
            self._failed, self.waits_for = 0, None

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        self._alive()
        await self._take_up(consumer)
        batch = unread(await self._fetch(consumer), self.positions)
        # Without partitions there may be much to do that we don't see.
        self.idle = not batch and bool(self.positions)
        if batch:
            self._stall.reset()
            await self._process(consumer, batch)
        else:
            await self._stall.look(consumer, self.positions.keys() - self.stopped)
        await self.mirror.publish(consumer, self.positions)

    async def _fetch(self, consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, list[Record]]:
        """What has come. During a rebalance this waits for its end."""
        fetched: Mapping[TopicPartition, list[Record]] = {}
        try:
            async with asyncio.timeout(group.JOIN_SECONDS_MAX):
                fetched = await consumer.getmany(
                    timeout_ms=POLL_MS, max_records=self.settings.tanzhang_batch_rows
                )
        except NoOffsetForPartitionError:
            log.info("not_taken_up", service=self.name)  # a rebalance has ended since _take_up
        except TimeoutError:
            raise KafkaError("the rebalance doesn't end") from None
        # From here to the batch nothing is awaited: no record of a lost partition slips through.
        self._forget(self._revocations.take())
        return fetched

    async def _take_up(self, consumer: AIOKafkaConsumer) -> None:
        """Seek newly assigned partitions to their stored positions; keep stopped ones stopped."""
        self._forget(self._revocations.take())
        assigned = consumer.assignment()
        self._forget(self.positions.keys() - assigned)
        fresh = assigned - self.positions.keys()
        if fresh:
            await self.rewind(consumer, fresh)
            log.info("assigned", service=self.name, partitions=len(assigned))
        for partition in self.stopped & consumer.assignment():
            consumer.pause(partition)

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        lost = list(partitions)
        for partition in lost:
            self.positions.pop(partition, None)
        self.mirror.forget(lost)

    async def rewind(
        self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
    ) -> None:
        """Seek these partitions to their stored positions, storing the first of a new one."""
        wanted = sorted(set(partitions) & consumer.assignment())
        if not wanted:
            return
        # Positions before ends: another worker may still be moving them on, with the log growing.
        async with self.pool.acquire() as connection:
            stored = await fence.positions(connection, self.cluster, wanted)
        beginnings = await consumer.beginning_offsets(wanted)
        ends = await consumer.end_offsets(wanted) if self.settings.tanzhang_check_log_end else {}
        missing = {p: beginnings[p] for p in wanted if p not in stored}
        if missing:
            async with self.pool.acquire() as connection:
                await fence.begin(connection, self.cluster, missing)
                stored |= await fence.positions(connection, self.cluster, list(missing))
            ends = {p: end for p, end in ends.items() if p not in missing}
        for partition in wanted:
            position = await self._within_log(
                partition, stored[partition], beginnings[partition], ends.get(partition)
            )
            if partition in consumer.assignment():
                consumer.seek(partition, position)
                self.positions[partition] = self.mirror.changed[partition] = position

    async def _within_log(
        self, partition: TopicPartition, position: int, beginning: int, end: int | None
    ) -> int:
        """The position; the log's beginning if it is lost and the operator has accepted that."""
        try:
            fence.check_position(partition, position, beginning, end)
        except fence.LostPosition as lost:
            if self.settings.tanzhang_accept_cluster != self.cluster:
                remedy = f"set TANZHANG_ACCEPT_CLUSTER={self.cluster} to read on from {beginning}"
                raise fence.LostPosition(f"{lost}; {remedy}") from None
            log.warning("position_given_up", service=self.name, reason=str(lost), to=beginning)
            async with self.pool.acquire() as connection:
                await fence.give_up(connection, self.cluster, partition, position, beginning)
            return beginning
        return position

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
        metrics.BATCH_SECONDS.labels(self.name).observe(time.perf_counter() - started)
        metrics.BATCH_ROWS.labels(self.name).observe(len(records))
        self.committed()

    async def _post(self, records: Sequence[Record]) -> None:
        """Post records in one transaction; an unexpected failure is bisected to its one event."""
        self._alive()
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
        if self.failures:
            for partition in {TopicPartition(r.topic, r.partition) for r in records}:
                self.failures.pop(partition, None)

    async def _transaction(self, records: Sequence[Record]) -> None:
        """Fence, post and dead-letter in one transaction; stopped partitions are left alone."""
        if self.stopped:
            records = [
                r for r in records if TopicPartition(r.topic, r.partition) not in self.stopped
            ]
        if not records:
            return
        events, letters = decode_records(records, len(self.settings.tanzhang_topic_prefix))
        moves = self._moves(records)
        now = self.clock()
        async with self.pool.acquire() as connection:
            with metrics.DATABASE_SECONDS.labels(self.name).time():
                async with connection.transaction():
                    await fence.advance(connection, self.cluster, moves)
                    outcome = await self.poster.post(connection, events, now)
                    await aside.bury(connection, letters, now)
        outcome.refused.update(letter.reason for letter in letters)
        self._settle(moves, outcome)
        self._observe_age(records)

    def _moves(self, records: Iterable[Record]) -> dict[TopicPartition, tuple[int, int]]:
        """From where to where each partition moves; -1 (nobody's) where we hold no position."""
        last = {(record.topic, record.partition): record.offset for record in records}
        return {
            TopicPartition(*name): (self.positions.get(TopicPartition(*name), -1), offset + 1)
            for name, offset in last.items()
        }

    def _settle(self, moves: Mapping[TopicPartition, tuple[int, int]], outcome: Outcome) -> None:
        """After the commit: remember positions, count."""
        for partition, (_, following) in moves.items():
            self.positions[partition] = self.mirror.changed[partition] = following
        outcome.count(self.name)

    def _observe_age(self, records: Sequence[Record]) -> None:
        """From acceptance, which is when Kafka took a record, to now; ten of a batch will do."""
        now = time.time()
        for record in records[:: max(1, len(records) // 10)]:
            age = now - record.timestamp / 1000
            metrics.EVENT_AGE_SECONDS.labels(self.name).observe(max(age, 0.0))

    async def _bury(self, record: Record, error: Exception) -> None:
        """Dead-letter the one record that fails; when nobody knows why, too many in a row stop its
        partition instead."""
        partition = TopicPartition(record.topic, record.partition)
        reason, detail = aside.why(error)
        failures = self.failures.get(partition, 0) + (reason == aside.UNEXPECTED)
        if failures > self.failures_max:
            self._stop(record, error)
            return
        topic = record.topic[len(self.settings.tanzhang_topic_prefix) :]
        origin = Origin(topic, record.partition, record.offset)
        letter = aside.poison(record.value or b"", origin, reason, detail)
        moves = self._moves([record])
        async with self.pool.acquire() as connection, connection.transaction():
            await fence.advance(connection, self.cluster, moves)
            await aside.bury(connection, [letter], self.clock())
        self.failures[partition] = failures
        outcome = Outcome()
        outcome.refused[reason] += 1
        self._settle(moves, outcome)
        if reason != aside.UNEXPECTED:
            return
        log.error(
            "event_failed",
            service=self.name,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            error=repr(error),
            # Without the values that a logger's traceback may show.
            stack="".join(traceback.format_tb(error.__traceback__)),
        )

    def _stop(self, record: Record, error: Exception) -> None:
        self.stopped.add(TopicPartition(record.topic, record.partition))
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

    def _alive(self) -> None:
        self.last_progress = time.monotonic()
        metrics.PROGRESS_TIMESTAMP.labels(self.name).set_to_current_time()
