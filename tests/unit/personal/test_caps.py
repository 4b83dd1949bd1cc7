"""Caps are never exceeded and never under-filled, and are filled in the order of time."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from services.personal import domain
from services.personal.domain import Credit, Fact, SlotState
from shared.methodology import Scenario
from shared.units.amount import round_half_even

DAY = date(2026, 3, 1)
START = datetime(2026, 3, 1, tzinfo=UTC)
CAPPED = [s for s in domain.scenarios_on(DAY).values() if s.formula != "saving"]

minutes = st.integers(0, 5)
keys = st.integers(0, 2**32).map(lambda n: n.to_bytes(16, "big"))
payments = st.dictionaries(
    keys,
    st.tuples(minutes, st.decimals(0, 12, places=3), st.sampled_from([False, False, True])),
    max_size=12,
)
Payments = dict[bytes, tuple[int, Decimal, bool]]


def slot(found: Payments, scenario: Scenario, order: list[bytes]) -> SlotState:
    """The facts as they came; what is counted by payment has the quantity 1."""
    facts = {}
    for key in order:
        minute, quantity, reversed_ = found[key]
        counted = quantity if scenario.needs_quantity else Decimal(1)
        fact = Fact(key, START + timedelta(minutes=minute), counted)
        fact.reversed_by = b"r" * 16 if reversed_ else None
        facts[key] = fact
    return SlotState(facts)


def given_to(credits: list[Credit]) -> dict[bytes, tuple[Decimal, int]]:
    return {credit.fact.key: (credit.credited, credit.amount_mg) for credit in credits}


@given(payments, st.sampled_from(CAPPED), st.randoms(use_true_random=False))
def test_a_cap_is_filled_exactly_in_the_order_of_time(
    found: Payments, scenario: Scenario, chance: object
) -> None:
    order = list(found)
    chance.shuffle(order)  # type: ignore[attr-defined]
    state = slot(found, scenario, order)
    credited = given_to(domain.credits(scenario, state, None))
    live = sorted(
        (f for f in state.facts.values() if f.reversed_by is None),
        key=lambda f: (f.occurred_at, f.key),
    )
    cap = scenario.cap
    assert cap is not None
    filled = [min(total, cap) for total in accumulate(f.quantity for f in live)]
    before = [Decimal(0), *filled]
    for fact, until, since in zip(live, filled, before, strict=False):
        exact = round_half_even(scenario.factor_mg * Fraction(until)) - round_half_even(
            scenario.factor_mg * Fraction(since)
        )
        assert credited[fact.key] == (until - since, exact)
    gone = [key for key, fact in state.facts.items() if fact.reversed_by is not None]
    assert all(credited[key] == (Decimal(0), 0) for key in gone)


@given(payments, st.sampled_from(CAPPED))
def test_a_slot_gets_no_more_than_its_cap_and_no_less_than_it_could(
    found: Payments, scenario: Scenario
) -> None:
    state = slot(found, scenario, list(found))
    claimed = sum((f.quantity for f in state.live()), Decimal(0))
    credits = domain.credits(scenario, state, None)
    assert scenario.cap is not None
    assert sum((c.credited for c in credits), Decimal(0)) == min(claimed, scenario.cap)
    assert all(Decimal(0) <= c.credited <= c.fact.quantity for c in credits)
    assert all(c.amount_mg >= 0 for c in credits)


@given(st.lists(st.decimals(9 * 10**14, 10**15 - 1, places=12), min_size=12, max_size=20))
def test_a_saving_of_the_largest_bills_is_exact(bills: list[Decimal]) -> None:
    """More digits than decimals keep by default: a sum that rounds depends on the order."""
    [saving] = [s for s in domain.scenarios_on(DAY).values() if s.formula == "saving"]
    fall = Decimal("0.000000000007")
    before, now = SlotState(), SlotState()
    for n, quantity in enumerate(bills):
        key = n.to_bytes(16, "big")
        before.facts[key] = Fact(key, START, quantity)
        now.facts[key] = Fact(key, START, quantity if n else quantity - fall)
    assert domain.credits(saving, now, before)[-1].credited == fall
