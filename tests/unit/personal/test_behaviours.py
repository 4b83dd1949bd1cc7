"""One behaviour counts once, whoever reports it, in whatever order and batches.

`decide` runs against a ledger in memory that is read back as the database is: of each behaviour
only as many reports as `contested` asks for. The oracle folds over the set of payments.
"""

import dataclasses
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.personal import behaviours, domain, handler
from services.personal.behaviours import Behaviour, Report
from services.personal.domain import Fact, Slot, SlotState
from services.personal.reports import Reported
from services.personal.store import Entry, State, Target
from shared.events.envelope import Event
from shared.events.ids import content_hash, event_key
from shared.events.types import Payment, PersonalReduction
from shared.stream.poster import _targets_first
from shared.stream.service import Account, Batch
from shared.units.amount import round_half_even

TYPE = "cn.tanzhang.payment.v1"
SUBJECTS = ("jsrcb:token-0001", "icbc:token-0001", "icbc:token-0002")
START = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = {"bus_ride": 6, "electricity_saving": 300}
Name = tuple[str, str]  # subject and event id


@dataclass(frozen=True)
class Told:
    """A payment as it is sent; `reverse` says whether its reversal is sent too."""

    subject: str
    id: str
    kind: str
    at: datetime
    quantity: Decimal
    reference: str | None
    reverse: bool = False

    def event(self) -> Event:
        quantity = self.quantity if self.kind == "electricity_saving" else None
        return event(
            self.subject, self.id, self.at, self.kind,
            quantity=quantity, channel_ref=self.reference,
        )  # fmt: skip

    def reversal(self) -> Event:
        at = self.at + timedelta(days=1)
        return event(self.subject, f"back-{self.id}", at, self.kind, reverses=self.id)

    def order(self) -> tuple[datetime, bytes, bytes]:
        sent = self.event()
        return self.at, sent.key, sent.content


def event(subject: str, id: str, at: datetime, kind: str, **more: Any) -> Event:
    """A payment; each account's are numbered anew, so that ids say nothing about the account."""
    data = Payment(kind=kind, channel="nfc", amount=Decimal(2), currency="CNY", **more)  # type: ignore[arg-type]
    content = content_hash(TYPE, subject, at, data)
    return Event(TYPE, "bank", id, subject, at, data, event_key("bank", id), content, b"")


class Ledger:
    """Entries and reports in memory, read back as the service's SQL does."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.reports: list[Reported] = []
        self.parked: list[Event] = []
        self.told: dict[str, list[PersonalReduction]] = defaultdict(list)
        self.accounts = {s: Account(n, s, 1, 0, 0) for n, s in enumerate(SUBJECTS, 7)}

    def post(self, events: Iterable[Event]) -> None:
        """One batch: what is known is left out, what was parked comes again."""
        known = {(e.account, e.event_key) for e in self.entries}
        named = {(e.subject, e.key): e for e in [*self.parked, *events]}
        fresh = [e for e in named.values() if (self.accounts[e.subject].number, e.key) not in known]
        batch = Batch(_targets_first(fresh), self.accounts, START)
        decision = handler.decide(batch, self._state(batch))
        self.entries += decision.rows.entries
        gone = {tuple(w) for w in decision.rows.withdrawn}
        left = [
            r for r in self.reports if (*r[:2], r.occurred_at, r.event_key, r.account) not in gone
        ]
        assert len(left) == len(self.reports) - len(gone)
        self.reports = left + decision.rows.reports
        self.parked = [p.event for p in decision.parked]
        assert not decision.refused
        for outgoing in decision.outgoing:
            assert isinstance(outgoing.data, PersonalReduction)
            self.told[outgoing.subject].append(outgoing.data)

    def _state(self, batch: Batch) -> State:
        claims, targets = handler.claimed(batch), self._targets(handler.named(batch))
        wanted = handler.contested(batch, claims, targets)
        found = {b: self._first(b, number) for b, number in wanted.items()}
        return State(claims, handler.named(batch), self._slots(), targets, found)

    def _first(self, behaviour: Behaviour, number: int) -> list[Report]:
        rows = sorted(r for r in self.reports if r[:2] == behaviour)[:number]
        lines = {(e.account, e.event_key): e for e in self.entries if e.line == 0}
        return [self._report(row, lines[row.account, row.event_key]) for row in rows]

    def _report(self, row: Reported, line: Entry) -> Report:
        assert line.day is not None
        assert line.event_id is not None
        slot = Slot(row.account, row.scenario, line.day)
        return Report(
            row.movable, row.occurred_at, row.event_key, row.content_hash, slot, line.event_id
        )

    def _targets(self, named: Iterable[tuple[int, bytes]]) -> dict[tuple[int, bytes], Target]:
        targets: dict[tuple[int, bytes], Target] = {}
        for e in self.entries:
            name = (e.account, e.event_key)
            if e.line == 0:
                slot = Slot(e.account, e.scenario, e.day) if e.scenario and e.day else None
                targets[name] = Target(slot, e.occurred_at, e.cause, False, 1, e.reference)
            elif e.cause == "reversed":
                targets[name] = dataclasses.replace(targets[name], reversed=True)
        return {name: targets[name] for name in named if name in targets}

    def _slots(self) -> dict[Slot, SlotState]:
        slots: dict[Slot, SlotState] = defaultdict(SlotState)
        for e in self.entries:
            if e.scenario and e.day:
                self._fold(slots[Slot(e.account, e.scenario, e.day)].facts, e)
        return slots

    def _fold(self, facts: dict[bytes, Fact], e: Entry) -> None:
        if e.line == 0:
            assert e.quantity is not None
            facts[e.event_key] = Fact(e.event_key, e.occurred_at, e.quantity)
        fact = facts[e.event_key]
        fact.lines, fact.credited = e.line + 1, fact.credited + e.credited
        fact.amount_mg += e.amount_mg
        if e.cause == "reversed":
            fact.reversed_by = e.cause_key
        if e.cause in ("displaced", "counted") or e.reason == "duplicate_behaviour":
            fact.displaced = e.cause != "counted"

    def given(self) -> dict[Name, int]:
        """Milligrams by payment."""
        subjects = {account.number: s for s, account in self.accounts.items()}
        ids = {(e.account, e.event_key): e.event_id for e in self.entries if e.line == 0}
        found: dict[Name, int] = defaultdict(int)
        for e in self.entries:
            if e.scenario:
                found[subjects[e.account], str(ids[e.account, e.event_key])] += e.amount_mg
        return dict(found)


def month(at: datetime) -> date:
    return at.date().replace(day=1)


def oracle(payments: list[Told]) -> dict[Name, int]:
    """What each payment gives, from the set of them."""
    given = {(p.subject, p.id): 0 for p in payments}
    slots: dict[tuple[str, str, date], list[Told]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for p in sorted((p for p in payments if not p.reverse), key=Told.order):
        if p.reference is not None and (p.kind, p.reference) in seen:
            continue
        seen |= {(p.kind, p.reference)} if p.reference is not None else set()
        day = p.at.date() if p.kind == "bus_ride" else month(p.at)
        slots[p.subject, p.kind, day].append(p)
    for (subject, kind, day), standing in slots.items():
        factor = domain.scenarios_on(day)[kind].factor_mg
        if kind == "bus_ride":
            counted = {p.id: Decimal(1) for p in standing[: KINDS[kind]]}
        else:
            before = slots.get((subject, kind, day.replace(year=day.year - 1)), [])
            fall = sum((p.quantity for p in before), Decimal(0)) - sum(p.quantity for p in standing)
            counted = {standing[-1].id: min(max(fall, Decimal(0)), Decimal(KINDS[kind]))}
        for id, quantity in counted.items():
            given[subject, id] = round_half_even(factor * Fraction(quantity))
    return given


def told(n: int, drawn: tuple[Any, ...], numbers: Counter[str]) -> Told:
    subject, kind, minute, year, quantity, reference, reverse = drawn
    numbers[subject] += 1
    at = START.replace(year=year) + timedelta(minutes=minute)
    return Told(
        subject, f"p{numbers[subject]}", kind, at, Decimal(quantity) / 4, reference, reverse
    )


PAYMENTS = st.lists(
    st.tuples(
        st.sampled_from(SUBJECTS),
        st.sampled_from(list(KINDS)),
        st.integers(0, 5),
        st.sampled_from([2025, 2026]),
        st.integers(0, 2000),
        st.sampled_from([None, "", "r1", "r1", "r2"]).map(lambda r: r or None),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


@given(drawn=PAYMENTS, seed=st.integers(0, 2**32), size=st.integers(1, 9))
@settings(max_examples=400, deadline=None)
def test_any_order_repetition_and_batching_gives_the_same_ledger(
    drawn: list[tuple[Any, ...]], seed: int, size: int
) -> None:
    numbers: Counter[str] = Counter()
    payments = [told(n, row, numbers) for n, row in enumerate(drawn)]
    sent = [p.event() for p in payments] + [p.reversal() for p in payments if p.reverse]
    chance = random.Random(seed)
    shuffled = sent + chance.choices(sent, k=4)
    chance.shuffle(shuffled)
    ledger = Ledger()
    while shuffled:
        cut = chance.randint(1, size)
        ledger.post(shuffled[:cut])
        shuffled = shuffled[cut:]
    assert not ledger.parked
    assert ledger.given() == oracle(payments)
    for subject, account in ledger.accounts.items():
        grams = [data.reduction_g for data in ledger.told[subject]]
        assert account.balance == sum(grams, Decimal(0)) * 1000
        assert [d.sequence for d in ledger.told[subject]] == list(range(1, len(grams) + 1))


def ride(subject: str, id: str, minute: int, reference: str | None = "same") -> Told:
    return Told(subject, id, "bus_ride", START + timedelta(minutes=minute), Decimal(1), reference)


def lines(ledger: Ledger, subject: str) -> list[tuple[str, str | None, int]]:
    """(cause, reason, milligrams) of each entry of an account."""
    number = ledger.accounts[subject].number
    return [(e.cause, e.reason, e.amount_mg) for e in ledger.entries if e.account == number]


A, B, _ = SUBJECTS
RIDE = 98_000


def test_a_later_report_is_recorded_with_its_reason() -> None:
    ledger = Ledger()
    ledger.post([ride(A, "a", 0).event()])
    ledger.post([ride(B, "b", 1).event()])
    assert lines(ledger, B) == [("payment", "duplicate_behaviour", 0)]
    assert not ledger.told[B]


def test_an_earlier_report_that_comes_later_takes_the_credit_and_points_hear_of_it() -> None:
    ledger = Ledger()
    ledger.post([ride(B, "b", 1).event()])
    ledger.post([ride(A, "a", 0).event()])
    assert lines(ledger, A) == [("payment", None, RIDE)]
    assert lines(ledger, B) == [("payment", None, RIDE), ("displaced", None, -RIDE)]
    [given, taken] = ledger.told[B]
    assert (given.reduction_g, taken.reduction_g) == (Decimal(98), Decimal(-98))
    assert taken.cause == "b"  # nothing about the other bank


def test_a_reversal_gives_the_credit_to_the_next() -> None:
    ledger = Ledger()
    first = ride(A, "a", 0)
    ledger.post([first.event(), ride(B, "b", 1).event()])
    ledger.post([first.reversal()])
    assert ledger.given() == {(A, "a"): 0, (B, "b"): RIDE}
    assert lines(ledger, B)[-1] == ("counted", None, RIDE)


def test_two_reversals_at_once_give_it_to_the_third() -> None:
    ledger = Ledger()
    rides = [ride(A, "a", 0), ride(A, "a2", 1), ride(B, "b", 2), ride(B, "b2", 3)]
    ledger.post(r.event() for r in rides)
    ledger.post([rides[0].reversal(), rides[1].reversal()])
    assert ledger.given() == {(A, "a"): 0, (A, "a2"): 0, (B, "b"): RIDE, (B, "b2"): 0}


def test_a_displaced_payment_leaves_its_place_under_the_cap_to_others() -> None:
    ledger = Ledger()
    ledger.post(ride(B, f"b{n}", n, reference="same" if n == 1 else None).event() for n in range(7))
    assert ledger.given()[B, "b6"] == 0
    ledger.post([ride(A, "a", 0).event()])
    assert ledger.given()[B, "b1"] == 0
    assert ledger.given()[B, "b6"] == RIDE
    refilled = next(e for e in ledger.entries if e.cause == "cap")
    assert refilled.cause_key == event_key("bank", "b1")


def test_the_same_reference_of_another_scenario_is_another_behaviour() -> None:
    ledger = Ledger()
    bill = dataclasses.replace(ride(B, "b", 1), kind="bill_gas")
    ledger.post([ride(A, "a", 0).event(), event(B, "b", bill.at, "bill_gas", channel_ref="same")])
    assert ledger.given() == {(A, "a"): RIDE, (B, "b"): 23_096}


def test_what_an_erased_account_was_credited_stays_and_excludes_an_earlier_report() -> None:
    ledger = Ledger()
    ledger.post([ride(B, "b", 1).event()])
    ledger.reports = [report._replace(movable=False) for report in ledger.reports]
    ledger.post([ride(A, "a", 0).event()])
    assert ledger.given() == {(A, "a"): 0, (B, "b"): RIDE}


def test_the_raw_reference_is_not_kept() -> None:
    ledger = Ledger()
    ledger.post([ride(A, "a", 0).event()])
    assert ledger.entries[0].reference == behaviours.reference("same")
    assert len(ledger.entries[0].reference or b"") == 16
    assert behaviours.reference("") is behaviours.reference(None) is None
