"""What a service has told and another has not yet taken in: its outbox, and Kafka beyond."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared import kafka
from shared.database import Connection
from shared.settings import Settings
from shared.stream import outbox
from tanzhang.audit.comparison import Crossing, Message
from tanzhang.audit.snapshot import Position

OUTBOX = "select messages from outbox where topic = $1 order by id"
ROWS_AT_A_TIME = 20
POLL_MS = 500

_message = msgspec.json.Decoder(Message)


async def in_outbox(connection: Connection, crossing: Crossing, wanted: Set[str]) -> set[str]:
    """Which of the wanted names are in the sender's outbox."""
    found: set[str] = set()
    async for (packed,) in connection.cursor(OUTBOX, crossing.topic, prefetch=ROWS_AT_A_TIME):
        found |= _named(crossing, (value for _, value in outbox.unpack(packed)), wanted)
    return found


async def in_kafka(
    settings: Settings, crossing: Crossing, positions: Iterable[Position], wanted: Set[str]
) -> set[str]:
    """Which of the wanted names are in the topic at or after these positions, up to its end now.

    A position of another cluster counts as none: the partition is read from its beginning.
    """
    cluster = await kafka.cluster_id(settings)
    name = settings.topic(crossing.topic)
    reached = {
        position.partition: position.next_offset
        for position in positions
        if (position.topic, position.cluster) == (name, cluster)
    }
    found: set[str] = set()
    async for values in _beyond(settings, name, reached):
        found |= _named(crossing, values, wanted)
    return found


async def _beyond(
    settings: Settings, topic: str, reached: Mapping[int, int]
) -> AsyncIterator[list[bytes]]:
    partitions = await _partitions(settings, topic)
    consumer = AIOKafkaConsumer(
        **kafka.connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        starts = {p: max(reached.get(p.partition, 0), begins[p]) for p in partitions}
        unread = {p for p in partitions if starts[p] < ends[p]}
        consumer.assign(unread)
        for partition in unread:
            consumer.seek(partition, starts[partition])
        while unread:
            fetched = await consumer.getmany(*unread, timeout_ms=POLL_MS)
            yield [r.value for records in fetched.values() for r in records if r.value is not None]
            unread = {p for p in unread if await consumer.position(p) < ends[p]}
    finally:
        await consumer.stop()


async def _partitions(settings: Settings, topic: str) -> list[TopicPartition]:
    """All of the topic. A consumer knows only those of topics that it subscribes to."""
    admin = kafka.admin_client(settings)
    try:
        await admin.start()
        described = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return [TopicPartition(topic, p["partition"]) for t in described for p in t["partitions"]]


def _named(crossing: Crossing, values: Iterable[bytes], wanted: Set[str]) -> set[str]:
    return {name for value in values for name in _names(crossing, value) if name in wanted}


def _names(crossing: Crossing, value: bytes) -> Sequence[str]:
    try:
        return crossing.names(_message.decode(value))
    except msgspec.MsgspecError:
        # Not an event: the receiver has set it aside, and it settles nothing.
        return ()
