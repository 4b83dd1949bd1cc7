"""Outgoing events, stored in the posting transaction and published after it.

One row holds the messages of one transaction and topic, in order and compressed: a row per message
would cost as much as the ledger entry itself, and their plain text as much to log again.
"""

from collections.abc import Sequence
from datetime import datetime

import cramjam
import msgspec

from shared.database import Connection
from shared.events.envelope import Outgoing, encode
from shared.events.types import TYPES

Message = tuple[bytes, bytes]
MESSAGES_PER_ROW_MAX = 1000
ZSTD_LEVEL = -3  # a sixth of the size for 0.2 us per message

APPEND = """
insert into outbox (topic, messages, rows, created_at)
select t, m, r, $4 from unnest($1::text[], $2::bytea[], $3::int[]) u(t, m, r)
"""
WAITING = "select id, topic, messages from outbox order by id limit $1"
COUNT = "select coalesce(sum(rows), 0)::bigint from outbox"
LAST = "select coalesce(max(id), 0) from outbox"
REMOVE = "delete from outbox where id = any($1::bigint[])"

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Message])


async def append(connection: Connection, outgoing: Sequence[Outgoing], now: datetime) -> None:
    """Store outgoing events; per key they are published in this order."""
    by_topic: dict[str, list[Message]] = {}
    for event in outgoing:
        messages = by_topic.setdefault(TYPES[event.type][0], [])
        messages.append((event.subject.encode(), encode(event)))
    rows = [
        (topic, messages[at : at + MESSAGES_PER_ROW_MAX])
        for topic, messages in by_topic.items()
        for at in range(0, len(messages), MESSAGES_PER_ROW_MAX)
    ]
    if rows:
        await connection.execute(
            APPEND,
            [topic for topic, _ in rows],
            [_pack(messages) for _, messages in rows],
            [len(messages) for _, messages in rows],
            now,
        )


async def waiting(connection: Connection, rows_max: int) -> list[tuple[int, str, list[Message]]]:
    """The oldest rows: (id, topic, messages)."""
    rows = await connection.fetch(WAITING, rows_max)
    return [(row[0], row[1], unpack(row[2])) for row in rows]


async def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Forget rows that Kafka has acknowledged."""
    await connection.execute(REMOVE, ids)


async def count(connection: Connection) -> int:
    """How many outgoing events wait."""
    waiting: int = await connection.fetchval(COUNT)
    return waiting


async def last(connection: Connection) -> int:
    """The id of the newest row; 0 when nothing waits."""
    id: int = await connection.fetchval(LAST)
    return id


def _pack(messages: list[Message]) -> bytes:
    return bytes(cramjam.zstd.compress(_encoder.encode(messages), ZSTD_LEVEL))


def unpack(packed: bytes) -> list[Message]:
    """The messages (key, value) of a row."""
    return _decoder.decode(cramjam.zstd.decompress(packed))
