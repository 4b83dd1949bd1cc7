"""What a service has told and another has not yet taken in: its outbox, and Kafka beyond."""

from collections.abc import Iterable, Sequence, Set

import msgspec

from shared import kafka
from shared.database import Connection
from shared.settings import Settings
from shared.stream import outbox
from tanzhang import topic_log
from tanzhang.audit.comparison import Crossing, Message
from tanzhang.audit.snapshot import Position

OUTBOX = "select messages from outbox where topic = $1 order by id"
ROWS_AT_A_TIME = 20

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
    async for values in topic_log.beyond(settings, name, reached):
        found |= _named(crossing, values, wanted)
    return found


def _named(crossing: Crossing, values: Iterable[bytes], wanted: Set[str]) -> set[str]:
    return {name for value in values for name in _names(crossing, value) if name in wanted}


def _names(crossing: Crossing, value: bytes) -> Sequence[str]:
    try:
        return crossing.names(_message.decode(value))
    except msgspec.MsgspecError:
        # Not an event: the receiver has set it aside, and it settles nothing.
        return ()
