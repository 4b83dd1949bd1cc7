"""What the workload sends is what its records say they are."""

import json
from collections import Counter
from datetime import UTC, datetime, time
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from shared.events.envelope import EventError, decode
from shared.events.types import INPUTS
from tests.faults.oracle import AFTERWARDS, expected
from tests.faults.workload import SOURCES, TOPICS, Sent, Workload

NOW = datetime.combine(AFTERWARDS, time(), UTC)


@cache
def taken() -> Workload:
    workload = Workload(5, duplicates=0.03, conflicts=0.04, poison=0.02)
    workload.take(6000)
    return workload


def _of(kind: str) -> list[Sent]:
    return [record for record in taken().sent if record.kind == kind]


def test_the_same_seed_gives_the_same_records_however_they_are_taken() -> None:
    again = Workload(5, duplicates=0.03, conflicts=0.04, poison=0.02)
    parts = [again.take(size) for size in (1, 99, 400, 500)]
    assert [record for part in parts for record in part] == taken().sent[:1000]
    assert again.registrations() == taken().registrations()
    assert Workload(6).take(50) != Workload(5).take(50)


def test_it_knows_every_input_by_its_topic() -> None:
    assert {name: topic for name, (topic, _) in INPUTS.items()} == TOPICS
    assert {record.topic for record in _of("event")} == set(TOPICS.values())


@pytest.mark.parametrize("kind", ["event", "duplicate", "conflict", "refused"])
def test_all_but_poison_pass_the_door(kind: str) -> None:
    found = [decode(record.raw, strict=True, now=NOW) for record in _of(kind)]
    assert len(found) > 50
    assert {event.source for event in found} <= set(SOURCES)
    for event, record in zip(found, _of(kind), strict=True):
        assert (event.subject, INPUTS[event.type][0]) == (record.subject, record.topic)


def test_poison_does_not_pass_the_door() -> None:
    passed = 0
    for record in _of("poison"):
        try:
            event = decode(record.raw, strict=True, now=NOW)
        except EventError:
            continue
        assert INPUTS[event.type][0] != record.topic
        passed += 1
    assert 0 < passed < len(_of("poison"))


def test_duplicates_say_the_same_in_other_bytes_and_conflicts_something_else() -> None:
    first: dict[bytes, bytes] = {}
    kinds: Counter[str] = Counter()
    for record in taken().sent:
        if record.kind not in ("event", "duplicate", "conflict"):
            continue
        event = decode(record.raw, strict=False)
        content = first.setdefault(event.key, event.content)
        assert (content == event.content) is (record.kind != "conflict"), record
        kinds[record.kind] += 1
    respelled = {record.raw for record in _of("duplicate")} - {one.raw for one in _of("event")}
    assert len(respelled) > kinds["duplicate"] / 3


def test_identities_are_unique() -> None:
    events = [json.loads(record.raw) for record in (*_of("event"), *_of("refused"))]
    assert len({(one["source"], one["id"]) for one in events}) == len(events)


def test_all_scenarios_channels_and_the_edges_of_the_day_are_paid() -> None:
    payments = [json.loads(record.raw) for record in _of("event") if record.topic == "payments"]
    kinds = Counter(payment["data"]["kind"] for payment in payments)
    assert len(kinds) == 18
    assert min(kinds.values()) > 40
    channels = Counter(payment["data"]["channel"] for payment in payments)
    assert channels["counter"] + channels["atm"] > 100
    zone = ZoneInfo("Asia/Shanghai")
    at = [datetime.fromisoformat(payment["time"]).astimezone(zone) for payment in payments]
    assert sum(one.time() >= time(23, 59) for one in at) > 50
    assert sum(time(0) <= one.time() < time(0, 1) for one in at) > 50
    assert {one.year for one in at} >= {2025, 2026}


def test_reversals_come_before_and_after_their_payment() -> None:
    place = {}
    before = after = 0
    payments = [json.loads(record.raw) for record in _of("event") if record.topic == "payments"]
    for number, payment in enumerate(payments):
        place[payment["source"], payment["id"]] = number
    for number, payment in enumerate(payments):
        target = payment["data"].get("reverses")
        if target is not None and (payment["source"], target) in place:
            earlier = place[payment["source"], target] < number
            before, after = before + (not earlier), after + earlier
    assert before > 20
    assert after > 100


def test_the_oracle_finds_caps_colours_corrections_and_every_reason() -> None:
    found = expected(taken().sent, taken().registrations())
    colours = Counter(word for (kind, _, _), word in found.labels.items() if kind == "industrial")
    assert colours.keys() == {"deep_green", "light_green", "yellow", "red", "ungraded"}
    greens = {word for (kind, _, _), word in found.labels.items() if kind == "agri"}
    assert greens >= {"deep_green", "light_green", "ungraded"}
    assert {letter.reason for letter in found.dead} >= {
        "conflict", "already_reversed", "not_a_payment", "foreign_meter", "wrong_unit",
        "wrong_product", "overlapping_interval", "already_replaced", "parcel_exclusive",
        "already_claimed", "area_differs", "overlapping_period", "not-json", "missing-field",
        "unknown-type", "unknown-word", "wrong-format", "wrong-type", "wrong-topic", "time_missing",
    }  # fmt: skip
    zeros = sum(amount == 0 for amount in found.amounts["personal"].values())
    assert zeros > 0.2 * len(found.amounts["personal"])


def test_a_city_of_customers_only() -> None:
    workload = Workload(1, enterprises=0, farms=0, conflicts=0.05)
    workload.take(500)
    assert workload.registrations() == []
    assert {record.topic for record in workload.sent if record.kind != "poison"} == {"payments"}
