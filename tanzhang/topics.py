"""The topics in Kafka: made when missing, never changed."""

from dataclasses import dataclass
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.errors import for_code

from shared.events.types import TOPICS
from shared.kafka import admin_client
from shared.settings import Settings

RETENTION_MS = 30 * 24 * 3600 * 1000
COMPACTED = frozenset({"label-changes"})
ALREADY_EXISTS = 36


@dataclass(slots=True, frozen=True)
class Outcome:
    """Names with their prefix: made now, and present with another number of partitions."""

    made: list[str]
    differing: dict[str, int]


def names(settings: Settings) -> list[str]:
    """All topics with their prefix."""
    return [settings.topic(name) for name in TOPICS]


async def create(settings: Settings) -> Outcome:
    """Make the missing topics; more partitions only by drain, add, start."""
    admin = admin_client(settings)
    try:
        await admin.start()
        present = set(await admin.list_topics())
        missing = [name for name in TOPICS if settings.topic(name) not in present]
        made = await _create(admin, settings, missing)
        old = [name for name in names(settings) if name not in made]
        described = await admin.describe_topics(old) if old else []
    finally:
        await admin.close()
    counts = {topic["topic"]: len(topic["partitions"]) for topic in described}
    wanted = settings.tanzhang_partitions
    return Outcome(made, {name: count for name, count in counts.items() if count != wanted})


async def _create(admin: Any, settings: Settings, missing: list[str]) -> list[str]:
    if not missing:
        return []
    answer = await admin.create_topics([_described(settings, name) for name in missing])
    made = []
    for name, code, *_ in answer.topic_errors:
        if code == 0:
            made.append(name)
        elif code != ALREADY_EXISTS:  # another process was faster
            raise for_code(code)(f"topic {name} cannot be made")
    return made


def _described(settings: Settings, name: str) -> NewTopic:
    keep = (
        {"cleanup.policy": "compact"}
        if name in COMPACTED
        else {"cleanup.policy": "delete", "retention.ms": str(RETENTION_MS)}
    )
    return NewTopic(
        name=settings.topic(name),
        num_partitions=settings.tanzhang_partitions,
        replication_factor=settings.tanzhang_replication,
        topic_configs=keep,
    )
