"""The offset fence: positions live in PostgreSQL and move in the posting transaction.

A worker that has lost its partition fails here, before it writes anything.
"""

from collections.abc import Mapping

from aiokafka import TopicPartition

from shared.database import Connection

ADVANCE = """
with owned as (
    select o.topic, o.partition, f.next
    from consumer_offset o
    join unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
        f(topic, partition, expected, next)
      on o.topic = f.topic and o.partition = f.partition and o.next_offset = f.expected
    where o.cluster = $5
    order by o.topic, o.partition
    for update of o
)
update consumer_offset o set next_offset = owned.next, updated_at = now()
from owned where o.topic = owned.topic and o.partition = owned.partition
"""

POSITIONS = """
select topic, partition, next_offset from consumer_offset
where cluster = $1 and (topic, partition) in (select * from unnest($2::text[], $3::int[]))
"""

INSERT = """
insert into consumer_offset (topic, partition, next_offset, cluster)
select t, p, o, $4 from unnest($1::text[], $2::int[], $3::bigint[]) f(t, p, o)
on conflict (topic, partition) do nothing
"""

GIVE_UP = """
update consumer_offset set next_offset = $5, updated_at = now()
where topic = $1 and partition = $2 and cluster = $3 and next_offset = $4
"""

# A position of a broker that was replaced: unknown until the new broker's log is read.
ADOPT = "delete from consumer_offset where cluster <> $1"


class Fenced(Exception):
    """Another worker owns a partition of this batch: nothing was written."""


class UnknownCluster(Exception):
    """The stored positions belong to another Kafka cluster."""


class LostPosition(Exception):
    """The stored position lies outside the partition's log: records are gone or were replaced."""


async def advance(
    connection: Connection,
    cluster: str,
    moves: Mapping[TopicPartition, tuple[int, int]],
) -> None:
    """Move each partition from (expected) to (next); raises Fenced when one isn't ours."""
    status = await connection.execute(
        ADVANCE,
        [partition.topic for partition in moves],
        [partition.partition for partition in moves],
        [expected for expected, _ in moves.values()],
        [following for _, following in moves.values()],
        cluster,
    )
    if int(status.split()[-1]) != len(moves):
        raise Fenced(", ".join(f"{p.topic}/{p.partition}" for p in moves))


async def positions(
    connection: Connection, cluster: str, partitions: list[TopicPartition]
) -> dict[TopicPartition, int]:
    """The stored positions of these partitions; a partition never read has none."""
    rows = await connection.fetch(
        POSITIONS, cluster, [p.topic for p in partitions], [p.partition for p in partitions]
    )
    return {TopicPartition(row[0], row[1]): row[2] for row in rows}


async def begin(connection: Connection, cluster: str, starts: Mapping[TopicPartition, int]) -> None:
    """Store the first position of partitions that were never read."""
    await connection.execute(
        INSERT,
        [p.topic for p in starts],
        [p.partition for p in starts],
        list(starts.values()),
        cluster,
    )


async def give_up(
    connection: Connection, cluster: str, partition: TopicPartition, position: int, beginning: int
) -> None:
    """Replace a lost position by the log's beginning, unless another worker has moved it."""
    await connection.execute(
        GIVE_UP, partition.topic, partition.partition, cluster, position, beginning
    )


async def adopt(connection: Connection, cluster: str, accepted: str | None) -> None:
    """Check that the stored positions belong to this cluster.

    Positions of another cluster are dropped only when the operator accepted this one;
    event keys still keep what was posted from being posted twice.
    """
    known = await connection.fetchval(
        "select cluster from consumer_offset where cluster <> $1 limit 1", cluster
    )
    if known is None:
        return
    if accepted != cluster:
        raise UnknownCluster(
            f"positions were stored for Kafka cluster {known!r}, but this is {cluster!r}; "
            f"set TANZHANG_ACCEPT_CLUSTER={cluster} to read the new one from its beginning"
        )
    await connection.execute(ADOPT, cluster)


def check_position(
    partition: TopicPartition, position: int, beginning: int, end: int | None
) -> None:
    """Raise LostPosition when the log doesn't reach the position (`end` None: not checked)."""
    name = f"{partition.topic}/{partition.partition}"
    if position < beginning:
        raise LostPosition(f"{name}: records {position} to {beginning - 1} are no longer kept")
    if end is not None and position > end:
        raise LostPosition(f"{name}: position {position} lies beyond the log's end {end}")
