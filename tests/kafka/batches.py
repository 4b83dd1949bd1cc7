"""What brokers have on disk: the record batches, as producers have sent them."""

from collections.abc import Iterator
from pathlib import Path
from struct import unpack_from

from tests.kafka.cluster import Cluster

LENGTH_AT, PRODUCER_AT = 8, 43
BEFORE_LENGTH = 12


def producer_ids(cluster: Cluster, topic: str) -> list[int]:
    """The producer id of each batch of a topic on all brokers; -1: not an idempotent producer."""
    found: list[int] = []
    for broker in cluster.brokers.values():
        for log in sorted((broker.directory / "data").glob(f"{topic}-[0-9]*/*.log")):
            found += _producer_ids(log)
    return found


def _producer_ids(log: Path) -> Iterator[int]:
    content, at = log.read_bytes(), 0
    while at + PRODUCER_AT + 8 <= len(content):
        yield unpack_from(">q", content, at + PRODUCER_AT)[0]
        at += BEFORE_LENGTH + int(unpack_from(">i", content, at + LENGTH_AT)[0])
