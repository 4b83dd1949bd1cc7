"""Claims, caps and household saving: what a slot's payments should have been given."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.personal import classification, domain
from services.personal.domain import Fact, Slot, SlotState
from shared.events.types import Payment
from shared.methodology import methodology

DAY = date(2026, 3, 1)
START = datetime(2026, 3, 1, tzinfo=UTC)

quantities = st.decimals(min_value=0, max_value=50, places=3)


def paid(kind: str, channel: str = "online", quantity: str | None = None) -> Payment:
    return Payment(
        kind=kind,  # type: ignore[arg-type]
        channel=channel,  # type: ignore[arg-type]
        amount=Decimal(1),
        currency="CNY",
        quantity=None if quantity is None else Decimal(quantity),
    )


def facts(*amounts: Decimal) -> SlotState:
    found = [
        Fact(bytes([n]) * 16, START + timedelta(minutes=n), amount)
        for n, amount in enumerate(amounts)
    ]
    return SlotState({fact.key: fact for fact in found})


def total(state: SlotState, kind: str, baseline: SlotState | None = None) -> int:
    scenario = domain.scenarios_on(DAY)[kind]
    return sum(c.amount_mg for c in domain.credits(scenario, state, baseline))


@pytest.mark.parametrize("kind", [s.kind for s in methodology().scenarios()])
def test_the_counter_earns_nothing_in_any_scenario(kind: str) -> None:
    claim = classification.defaults().claim(paid(kind, "counter", "1"), DAY)
    assert (claim.scenario, claim.reason) == (None, "channel_earns_nothing")


@pytest.mark.parametrize(
    ("channel", "code"), [("qr", "MOBILE_PAY"), ("nfc", "MOBILE_PAY"), ("online", None)]
)
def test_a_purchase_earns_by_qr_nfc_or_mobile_only(channel: str, code: str | None) -> None:
    scenario = classification.defaults().claim(paid("purchase", channel), DAY).scenario
    assert (scenario.code if scenario else None) == code


@given(st.lists(quantities, min_size=1, max_size=12))
def test_a_slot_gets_the_factor_times_the_smaller_of_sum_and_cap(amounts: list[Decimal]) -> None:
    scenario = domain.scenarios_on(DAY)["bike_ride"]
    assert scenario.cap is not None
    granted = min(sum(amounts, Decimal(0)), scenario.cap)
    assert total(facts(*amounts), "bike_ride") == round(scenario.factor_mg * Fraction(granted))


def test_a_reversed_payment_makes_room_for_the_ones_that_the_cap_cut_off() -> None:
    state = facts(*[Decimal(1)] * 8)
    first = next(iter(state.facts.values()))
    first.reversed_by = b"r" * 16
    granted = {
        c.fact.key[0]: c.credited
        for c in domain.credits(domain.scenarios_on(DAY)["bus_ride"], state, None)
    }
    assert granted == {0: 0, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 0}


@pytest.mark.parametrize(
    ("before", "now", "grams"),
    [
        ("250", ["200"], "25765.000"),
        ("250", ["100", "100"], "25765.000"),
        ("600", ["100"], "154590.000"),
        ("100", ["200"], "0.000"),
        (None, ["200"], "0.000"),
    ],
)
def test_household_saving_is_the_fall_against_the_same_month_last_year(
    before: str | None, now: list[str], grams: str
) -> None:
    baseline = facts(Decimal(before)) if before else None
    saved = total(facts(*map(Decimal, now)), "electricity_saving", baseline)
    assert Decimal(saved).scaleb(-3) == Decimal(grams)


def test_household_electricity_counts_over_months() -> None:
    scenario = domain.scenarios_on(DAY)["electricity_saving"]
    assert domain.period(scenario, date(2026, 3, 17)) == date(2026, 3, 1)
    slot = Slot(1, scenario.number, date(2026, 3, 1))
    assert domain.year_after(domain.year_before(slot)) == slot
