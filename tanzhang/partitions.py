"""More partitions, added only when nothing is under way: a key's next partition is another one."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewPartitions

from shared import kafka
from shared.settings import DOMAIN_SERVICES, Settings
from tanzhang.topics import names

Counts = Mapping[str, int]
# They read when somebody subscribes.
WITH_WEBHOOKS = ("grading", "points")


@dataclass(slots=True, frozen=True)
class Growth:
    """Whole names of topics with their partitions before; or why nothing was added."""

    added: Counts
    refused: list[str]


async def grow(settings: Settings) -> Growth:
    """Give every topic as many partitions as are set; none when a group still reads.

    A group that reads for one of our services must have no members, and no group may be behind.
    """
    admin = kafka.admin_client(settings)
    try:
        await admin.start()
        counts = await _counts(admin, settings)
        wanted = settings.tanzhang_partitions
        refused = [
            f"{name} has {count} partitions, more than {wanted}: there is no way back"
            for name, count in counts.items()
            if count > wanted
        ]
        small = {name: count for name, count in counts.items() if count < wanted}
        if small and not refused:
            refused = [reason async for reason in _under_way(admin, settings, counts)]
        if not small or refused:
            return Growth({}, refused)
        await admin.create_partitions(dict.fromkeys(small, NewPartitions(wanted)))
        return Growth(small, [])
    finally:
        await admin.close()


async def _counts(admin: Any, settings: Settings) -> Counts:
    described = await admin.describe_topics(names(settings))
    return {topic["topic"]: len(topic["partitions"]) for topic in described if topic["partitions"]}


async def _under_way(admin: Any, settings: Settings, counts: Counts) -> AsyncIterator[str]:
    """Who still reads, and who is behind."""
    ends = await _ends(settings, counts)
    own = _readers(settings)
    groups = {group for group, *_ in await admin.list_consumer_groups()} | own.keys()
    for group in sorted(groups):
        if group in own and (members := await _members(admin, group)):
            yield f"group {group} has {members} members: stop what reads for it"
        reached = await admin.list_consumer_group_offsets(group)
        for topic, behind in _behind(reached, ends, own.get(group, ())):
            yield f"group {group} is behind by {behind:,} records of {topic}: let it catch up first"


def _readers(settings: Settings) -> dict[str, set[str]]:
    """The topics that each of our groups must read."""
    found: dict[str, set[str]] = {}
    for name in DOMAIN_SERVICES:
        service = import_module(f"services.{name}.app").service(settings)
        found[settings.topic(name)] = {settings.topic(topic) for topic in service.topics}
    return found | {settings.topic(f"{name}-webhooks"): set() for name in WITH_WEBHOOKS}


async def _members(admin: Any, group: str) -> int:
    answers = await admin.describe_consumer_groups([group])
    # (error, group, state, protocol type, protocol, members, ...)
    return sum(len(found[5]) for answer in answers for found in answer.groups)


def _behind(
    reached: Mapping[TopicPartition, Any],
    ends: Mapping[TopicPartition, int],
    reads: Collection[str],
) -> Iterator[tuple[str, int]]:
    """Topics and records that a group has not read: of what it must read, or has read before."""
    lag: dict[str, int] = {}
    for partition, end in ends.items():
        known = reached.get(partition)
        at = known.offset if known is not None and known.offset >= 0 else None
        if at is None and partition.topic not in reads:
            continue
        lag[partition.topic] = lag.get(partition.topic, 0) + max(end - (at or 0), 0)
    yield from ((topic, records) for topic, records in sorted(lag.items()) if records)


async def _ends(settings: Settings, counts: Counts) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(**kafka.connection_options(settings))
    await consumer.start()
    try:
        partitions = [
            TopicPartition(name, n) for name, count in counts.items() for n in range(count)
        ]
        found: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        return found
    finally:
        await kafka.stop(consumer)
