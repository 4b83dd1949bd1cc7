"""Positions mirrored to Kafka, and the lag: for those who watch, never for correctness."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared import metrics

MIRROR_SECONDS = 1.0
COMMIT_SECONDS_MAX = 5.0
BACK_OFF_SECONDS = 15.0

log = structlog.get_logger()


@dataclass(slots=True)
class Mirror:
    """Commits the positions of one worker to its group once a second."""

    service: str
    changed: dict[TopicPartition, int] = field(default_factory=dict)
    _due: float = 0.0

    async def publish(
        self,
        consumer: AIOKafkaConsumer,
        positions: Mapping[TopicPartition, int],
        *,
        force: bool = False,
    ) -> None:
        """Commit what has changed and set the lag; a failure is logged and tried again later."""
        if not force and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + MIRROR_SECONDS
        self._observe(consumer, positions)
        assigned = consumer.assignment()
        offsets = {p: offset for p, offset in self.changed.items() if p in assigned}
        self.changed.clear()
        if not offsets:
            return
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            self.changed.update(offsets)
            self._due = time.monotonic() + BACK_OFF_SECONDS
            log.info("mirror_failed", service=self.service, error=repr(error))

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """These are another worker's now: it tells their lag."""
        for partition in partitions:
            self.changed.pop(partition, None)
            with suppress(KeyError):
                metrics.LAG.remove(self.service, partition.topic, str(partition.partition))

    def _observe(self, consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int]) -> None:
        """The embedded broker's high watermark may lie below our position: that is no lag."""
        for partition in positions.keys() & consumer.assignment():
            end = consumer.highwater(partition)
            if end is not None:
                lag = metrics.LAG.labels(self.service, partition.topic, partition.partition)
                lag.set(max(end - positions[partition], 0))
