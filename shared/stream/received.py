"""Kafka records as they arrive: an event, or a dead letter with the reason."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from aiokafka import ConsumerRecord, TopicPartition

from shared.events.envelope import Event, EventError, Origin, decode
from shared.events.kafka import from_record
from shared.events.types import TYPES
from shared.stream.aside import DeadLetter, poison

Record: TypeAlias = ConsumerRecord[bytes, bytes]

# The door refuses it; PostgreSQL's text cannot hold it.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def decode_records(records: Iterable[Record], prefix: int) -> tuple[list[Event], list[DeadLetter]]:
    """Decode records in order; `prefix` is the length of the topic prefix."""
    events: list[Event] = []
    letters: list[DeadLetter] = []
    for record in records:
        decoded = decode_record(record, prefix)
        if isinstance(decoded, Event):
            events.append(decoded)
        else:
            letters.append(decoded)
    return events, letters


def decode_record(record: Record, prefix: int) -> Event | DeadLetter:
    """Decode one record; `prefix` is the length of the topic prefix."""
    origin = Origin(record.topic[prefix:], record.partition, record.offset, record.timestamp)
    value = record.value or b""
    try:
        event = decode(
            from_record(value, record.headers),
            strict=False,
            origin=origin,
        )
    except EventError as error:
        return poison(value, origin, error.name, error.detail)
    if TYPES[event.type][0] != origin.topic:
        detail = f"{event.type} belongs on {TYPES[event.type][0]}"
        return poison(value, origin, "wrong-topic", detail)
    if b"\\u0000" in event.raw and _NUL.search(event.raw):
        return poison(value, origin, "wrong-format", "text must not contain U+0000")
    return event


def unread(
    fetched: Mapping[TopicPartition, list[Record]], positions: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[Record]]:
    """The records at or after our positions, of partitions whose position we hold."""
    held = {p: records for p, records in fetched.items() if p in positions}
    at_or_after = {
        p: [r for r in records if r.offset >= positions[p]] for p, records in held.items()
    }
    return {p: records for p, records in at_or_after.items() if records}
