"""Membership of the consumer group: joining, losing partitions, and stalling in silence."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

# More than a rebalance may take (rebalance_timeout_ms), less than the watchdog's patience.
JOIN_SECONDS_MAX = 90.0
STALL_SECONDS = 20.0


class Revocations(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes lost partitions, and nothing else.

    aiokafka calls this beside the worker's own task and swallows what is raised here; the worker
    looks at the note when it has nothing in hand.
    """

    def __init__(self) -> None:
        self.noted: set[TopicPartition] = set()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.noted.update(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Nothing: the worker takes up what has no position."""

    def take(self) -> set[TopicPartition]:
        """The partitions lost since the last call."""
        noted, self.noted = self.noted, set()
        return noted


async def join(consumer: AIOKafkaConsumer, stop: asyncio.Event) -> bool:
    """Start the consumer and wait for its partitions; False when asked to stop meanwhile."""
    joining = asyncio.create_task(consumer.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait(
            {joining, stopping}, timeout=JOIN_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED
        )
        if joining.done():
            await joining
            return True
        if stop.is_set():
            return False
        raise TimeoutError(f"no place in the group within {JOIN_SECONDS_MAX:.0f} s")
    finally:
        joining.cancel()
        stopping.cancel()
        await asyncio.wait({joining, stopping})


@dataclass(slots=True)
class StallDetector:
    """Finds a consumer that has records to fetch and doesn't (aiokafka#1154, #847)."""

    _behind: dict[TopicPartition, int] = field(default_factory=dict)
    _looked: float = field(default_factory=time.monotonic)

    def reset(self) -> None:
        """Records have come."""
        self._behind, self._looked = {}, time.monotonic()

    async def look(self, consumer: AIOKafkaConsumer, reading: Iterable[TopicPartition]) -> None:
        """Called while nothing comes; raises KafkaError when the log has had more twice running."""
        if time.monotonic() - self._looked < STALL_SECONDS:
            return
        self._looked = time.monotonic()
        partitions = [p for p in reading if p in consumer.assignment()]
        ends = await consumer.end_offsets(partitions) if partitions else {}
        # The consumer's own position, not the stored one: it passes over transaction markers.
        at = {p: await consumer.position(p) for p in ends}
        behind = {p: at[p] for p, end in ends.items() if end > at[p]}
        if behind.items() & self._behind.items():
            raise KafkaError(f"the consumer has stalled at {behind}")
        self._behind = behind
