"""The ledger does not depend on the order, the repetition or the batching of payments.

`decide` runs against a ledger in memory that keeps entries as the database does; what the
entries add up to is compared with a fold over the set of payments.
"""

import dataclasses
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.personal import domain, handler
from services.personal.domain import Fact, Slot, SlotState
from services.personal.store import Entry, State, Target
from shared.events.envelope import Event
from shared.events.ids import event_key
from shared.events.types import Payment
from shared.stream.service import Account, Batch

SUBJECT = "jsrcb:token-0001"
START = datetime(2026, 3, 1, tzinfo=UTC)
CAP = 6


def event(id: str, minute: int, reverses: str | None = None) -> Event:
    data = Payment(
        kind="bus_ride", channel="nfc", amount=Decimal(2), currency="CNY", reverses=reverses
    )
    key = event_key("bank", id)
    at = START + timedelta(minutes=minute)
    return Event("cn.tanzhang.payment.v1", "bank", id, SUBJECT, at, data, key, key[:8], b"")


class Ledger:
    """Entries in memory, read back as `store.load_slots` and `load_targets` do."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.parked: list[Event] = []
        self.account = Account(7, SUBJECT, 1, 0, 0)

    def post(self, events: list[Event]) -> None:
        """One batch: what is known is left out, what was parked comes again."""
        known = {e.event_key for e in self.entries}
        fresh = {e.key: e for e in [*self.parked, *events] if e.key not in known}
        ordered = sorted(fresh.values(), key=lambda e: e.target() is not None)
        batch = Batch(ordered, {SUBJECT: self.account}, START)
        decision = handler.decide(batch, self._state(batch))
        self.entries += decision.rows.entries
        self.parked = [p.event for p in decision.parked]
        assert not decision.refused

    def _state(self, batch: Batch) -> State:
        slots: dict[Slot, SlotState] = defaultdict(SlotState)
        targets: dict[tuple[int, bytes], Target] = {}
        for e in self.entries:
            if e.line == 0:
                slot = Slot(e.account, e.scenario, e.day) if e.scenario and e.day else None
                targets[e.account, e.event_key] = Target(slot, e.occurred_at, e.cause, False, 1)
            target = targets[e.account, e.event_key]
            reversed_ = target.reversed or e.cause == "reversed"
            targets[e.account, e.event_key] = dataclasses.replace(target, reversed=reversed_)
            if target.slot is not None:
                self._fold(slots[target.slot].facts, e)
        return State(handler.claimed(batch), handler.named(batch), slots, targets)

    def _fold(self, facts: dict[bytes, Fact], e: Entry) -> None:
        if e.line == 0:
            assert e.quantity is not None
            facts[e.event_key] = Fact(e.event_key, e.occurred_at, e.quantity)
        fact = facts[e.event_key]
        fact.lines, fact.credited = e.line + 1, fact.credited + e.credited
        fact.amount_mg += e.amount_mg
        if e.cause == "reversed":
            fact.reversed_by = e.cause_key

    def given(self) -> dict[bytes, int]:
        found: dict[bytes, int] = defaultdict(int)
        for e in self.entries:
            if e.scenario:
                found[e.event_key] += e.amount_mg
        return dict(found)


def oracle(rides: dict[str, int], reversed_: set[str]) -> dict[bytes, int]:
    """The cap filled in the order of time, then of the key, by what is not reversed."""
    factor = int(domain.scenarios_on(START.date())["bus_ride"].factor_mg)
    live = sorted(
        (minute, event_key("bank", id)) for id, minute in rides.items() if id not in reversed_
    )
    got = {key for _, key in live[:CAP]}
    return {event_key("bank", id): factor * (event_key("bank", id) in got) for id in rides}


@given(
    minutes=st.lists(st.integers(0, 600), min_size=1, max_size=12),
    reversing=st.sets(st.integers(0, 11), max_size=6),
    seed=st.integers(0, 2**32),
    size=st.integers(1, 8),
)
@settings(max_examples=200, deadline=None)
def test_any_order_repetition_and_batching_gives_the_same_ledger(
    minutes: list[int], reversing: set[int], seed: int, size: int
) -> None:
    rides = {f"p{n}": minute for n, minute in enumerate(minutes)}
    reversed_ = {f"p{n}" for n in reversing if n < len(minutes)}
    sent = [event(id, minute) for id, minute in rides.items()]
    sent += [event(f"r-{id}", 700, reverses=id) for id in sorted(reversed_)]
    shuffled: list[Any] = sent + random.Random(seed).choices(sent, k=4)
    random.Random(seed).shuffle(shuffled)
    ledger = Ledger()
    for at in range(0, len(shuffled), size):
        ledger.post(shuffled[at : at + size])
    ledger.post([])
    assert ledger.given() == oracle(rides, reversed_)
    assert ledger.account.balance == sum(ledger.given().values())
    assert not ledger.parked
