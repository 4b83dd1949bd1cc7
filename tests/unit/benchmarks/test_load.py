"""What the benchmarks send is a city's payments, valid at the door."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from benchmarks import load
from shared.events.envelope import Event, decode
from shared.events.types import Payment

NOW = datetime(2026, 6, 1, tzinfo=UTC)
COUNT = 10_000


@pytest.fixture(scope="module")
def prepared() -> load.Load:
    return load.payments(COUNT, accounts=1_000)


@pytest.fixture(scope="module")
def events(prepared: load.Load) -> list[Event]:
    return [decode(value, strict=True, now=NOW) for _, value in prepared.records]


def test_there_are_as_many_records_as_asked_and_some_are_repetitions(
    prepared: load.Load, events: list[Event]
) -> None:
    identities = {event.key for event in events}
    assert len(prepared) == COUNT
    assert prepared.unique == len(identities) == COUNT - COUNT // 100


def test_records_are_keyed_by_the_customer(prepared: load.Load, events: list[Event]) -> None:
    keys = [key for key, _ in prepared.records]
    assert keys == [event.subject.encode() for event in events]


def test_every_kind_of_payment_is_there(events: list[Event]) -> None:
    kinds = {event.data.kind for event in events if isinstance(event.data, Payment)}
    assert len(kinds) == 18


def test_a_reversal_names_an_earlier_payment_and_none_is_named_twice(events: list[Event]) -> None:
    seen: set[bytes] = set()
    named: dict[bytes, bytes] = {}
    reversals = set()
    for event in events:
        target = event.target()
        if target is not None:
            assert target in seen
            assert named.setdefault(target, event.key) == event.key
            reversals.add(event.key)
        seen.add(event.key)
    assert not reversals & named.keys()
    assert 0.006 < len(reversals) / COUNT < 0.016


def test_a_customers_payments_keep_their_order(events: list[Event]) -> None:
    last: Counter[str] = Counter()
    fresh = {event.key: event for event in events}.values()
    for event in fresh:
        number = int(event.id.rpartition("-")[2])
        assert number == last[event.subject] + 1
        last[event.subject] = number


def test_a_hot_customer_has_its_share() -> None:
    hot = load.payments(5_000, accounts=500, hot_share=0.1)
    customers = Counter(key for key, _ in hot.records)
    assert 490 <= customers.most_common(1)[0][1] <= 510


def test_the_same_seed_gives_the_same_load() -> None:
    assert load.payments(500).records == load.payments(500).records
    assert load.payments(500).records != load.payments(500, seed=load.SEED + 1).records
