"""Records become events or dead letters, and only those of held partitions are read."""

from typing import Any

import msgspec
import pytest
from aiokafka import ConsumerRecord, TopicPartition

from shared.events.envelope import Event
from shared.events.kafka import HEADERS
from shared.stream.aside import DeadLetter
from shared.stream.received import decode_record, decode_records, unread

PAYMENT = {
    "specversion": "1.0",
    "type": "cn.tanzhang.payment.v1",
    "source": "urn:bank:test",
    "id": "p1",
    "subject": "bank:account-1",
    "time": "2026-03-01T10:00:00+08:00",
    "data": {"kind": "transfer", "channel": "online", "amount": "1", "currency": "CNY"},
}


def record(value: bytes | None, topic: str = "x-payments", offset: int = 5) -> Any:
    return ConsumerRecord(topic, 2, offset, 1000, 0, b"k", value, None, 1, 1, HEADERS)


def encoded(**changes: Any) -> bytes:
    return msgspec.json.encode(PAYMENT | changes)


def test_an_event_knows_where_it_was_read() -> None:
    event = decode_record(record(encoded()), len("x-"))
    assert isinstance(event, Event)
    assert event.origin is not None
    assert (event.origin.topic, event.origin.partition, event.origin.offset) == ("payments", 2, 5)


@pytest.mark.parametrize(
    ("value", "topic", "reason"),
    [
        (None, "x-payments", "not-json"),
        (b"{", "x-payments", "not-json"),
        (encoded(type="cn.nobody.v1"), "x-payments", "unknown-type"),
        (encoded(), "x-farm-records", "wrong-topic"),
        (encoded(id="p\0"), "x-payments", "wrong-format"),
        (encoded(data=PAYMENT["data"] | {"mcc": "\\\0"}), "x-payments", "wrong-format"),  # type: ignore[operator]
    ],
)
def test_what_is_no_event_of_its_topic_is_a_dead_letter(
    value: bytes | None, topic: str, reason: str
) -> None:
    letter = decode_record(record(value, topic), len("x-"))
    assert isinstance(letter, DeadLetter)
    assert letter.reason == reason
    assert letter.raw == (value or b"")
    assert letter.origin is not None
    assert letter.origin.offset == 5


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert isinstance(decode_record(record(encoded(id="p\\u0000")), len("x-")), Event)


def test_records_are_parted_in_order() -> None:
    values = [encoded(id="a"), b"{", encoded(id="b")]
    events, letters = decode_records([record(value) for value in values], len("x-"))
    assert [event.id for event in events] == ["a", "b"]
    assert len(letters) == 1


def test_only_held_partitions_are_read_from_their_position_on() -> None:
    held, other = TopicPartition("t", 0), TopicPartition("t", 1)
    records = [record(b"", offset=n) for n in (3, 5, 9)]
    fetched = {held: records, other: records}
    assert unread(fetched, {held: 5}) == {held: records[1:]}
    assert unread(fetched, {held: 10}) == {}
    assert unread(fetched, {}) == {}
