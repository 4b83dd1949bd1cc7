"""What a payment saves: scenarios, caps, reversals. Pure; amounts in integer milligrams.

A slot is one scenario of one account on one local day (a month for household electricity). What
its payments give is a function of the set of them, so order and repetition cannot matter:
credited quantity = min(sum of what is not reversed, cap), filled in the order of (time, event key).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache, reduce
from typing import NamedTuple

from shared.methodology import Scenario, methodology
from shared.units.amount import rounded_product

ZERO = Decimal(0)
ONE = Decimal(1)
# The door lets nothing larger in; other writers to the topic are not trusted with it.
QUANTITY_MAX = Decimal(10) ** 15
# Sums are exact, or they would depend on the order: Python's 28 digits are fewer than two
# quantities of the largest size may need.
EXACT = Context(prec=100)


class Slot(NamedTuple):
    """Where payments share a cap: account number, scenario number, first day of the period."""

    account: int
    scenario: int
    day: date


@dataclass(slots=True)
class Fact:
    """A payment of a slot, what it has been credited so far, and what is being changed.

    `rule` is what classified it and `reference` what it refers to, known while it is new;
    `displaced`: another payment that reports the same behaviour counts.
    """

    key: bytes
    occurred_at: datetime
    quantity: Decimal
    credited: Decimal = ZERO
    amount_mg: int = 0
    lines: int = 0
    reversed_by: bytes | None = None
    displaced: bool = False
    rule: str | None = None
    reference: bytes | None = None

    def stands(self) -> bool:
        """Does it count?"""
        return self.reversed_by is None and not self.displaced


class Credit(NamedTuple):
    """What a payment should have been given: quantity in the scenario's unit, milligrams."""

    fact: Fact
    credited: Decimal
    amount_mg: int

    def is_due(self) -> bool:
        """Does it differ from what was posted?"""
        return (self.credited, self.amount_mg) != (self.fact.credited, self.fact.amount_mg)


class Claim(NamedTuple):
    """What a payment claims: its scenario and quantity, or the reason why it earns nothing.

    `rule` is what classified it, `<id>@<first day of its version>`.
    """

    scenario: Scenario | None
    quantity: Decimal
    reason: str | None = None
    rule: str | None = None


@dataclass(slots=True)
class SlotState:
    """The payments of a slot by event key."""

    facts: dict[bytes, Fact] = field(default_factory=dict)

    def live(self) -> list[Fact]:
        """What counts, in the order in which the cap is filled."""
        counted = [fact for fact in self.facts.values() if fact.stands()]
        if len(counted) > 1:
            counted.sort(key=lambda fact: (fact.occurred_at, fact.key))
        return counted

    def total(self) -> Decimal | None:
        """The sum of what counts; None when there is nothing."""
        live = [fact.quantity for fact in self.facts.values() if fact.stands()]
        return added(live) if live else None


def added(quantities: Iterable[Decimal]) -> Decimal:
    """Their exact sum."""
    return reduce(EXACT.add, quantities, ZERO)


@lru_cache(maxsize=10_000)
def scenarios_on(day: date) -> dict[str, Scenario]:
    """The scenarios in force on a day, by payment kind."""
    return {scenario.kind: scenario for scenario in methodology().scenarios(day)}


@lru_cache(maxsize=100_000)
def scenario_of(number: int, day: date = date.max) -> Scenario:
    """A scenario by its number, 1 to 18, as in force on a day (default: the newest)."""
    return next(s for s in scenarios_on(day).values() if s.number == number)


def period(scenario: Scenario, day: date) -> date:
    """The first day of the period that the cap counts over."""
    return day.replace(day=1) if scenario.cap_period == "month" else day


def is_saving(slot: Slot) -> bool:
    """Does the slot's credit depend on the same month of the year before?"""
    return scenario_of(slot.scenario, slot.day).formula == "saving"


def year_before(slot: Slot) -> Slot:
    """The same month of the year before: the household's own baseline."""
    return slot._replace(day=slot.day.replace(year=slot.day.year - 1))


def year_after(slot: Slot) -> Slot:
    """The month whose baseline this one is."""
    return slot._replace(day=slot.day.replace(year=slot.day.year + 1))


def credits(scenario: Scenario, state: SlotState, baseline: SlotState | None) -> list[Credit]:
    """What each payment of a slot should have been given; what doesn't count gets nothing."""
    live = state.live()
    if scenario.formula == "saving":
        granted = _saving(live, scenario.cap, baseline.total() if baseline else None)
    else:
        granted = _filled(live, scenario.cap)
    given = _rounded(scenario.factor_mg, live, granted)
    if len(live) < len(state.facts):
        given += [Credit(fact, ZERO, 0) for fact in state.facts.values() if not fact.stands()]
    return given


def shortfall(scenario: Scenario, credit: Credit) -> str | None:
    """Why a payment got less than it claimed, in a word."""
    if credit.fact.reversed_by is not None:
        return "reversed"
    if credit.fact.displaced:
        return "duplicate_behaviour"
    if scenario.formula == "saving":
        return None if credit.credited else "no_saving"
    return "capped" if credit.credited < credit.fact.quantity else None


def _filled(live: Sequence[Fact], cap: Decimal | None) -> list[Decimal]:
    """Fill the cap in order."""
    quantities = [fact.quantity for fact in live]
    if cap is None or added(quantities) <= cap:
        return quantities
    left = cap
    granted = []
    for quantity in quantities:
        granted.append(min(quantity, left))
        left = EXACT.subtract(left, granted[-1])
    return granted


def _saving(live: Sequence[Fact], cap: Decimal | None, baseline: Decimal | None) -> list[Decimal]:
    """The fall of the month's consumption against the baseline, on the month's last bill."""
    if baseline is None or not live:
        return [ZERO] * len(live)
    used = added(fact.quantity for fact in live)
    fall = max(EXACT.subtract(baseline, used), ZERO)
    return [ZERO] * (len(live) - 1) + [fall if cap is None else min(fall, cap)]


def _rounded(factor_mg: Fraction, live: Sequence[Fact], granted: Sequence[Decimal]) -> list[Credit]:
    """Milligrams by running difference, so that the slot's sum is rounded once."""
    found = []
    total, before = ZERO, 0
    for fact, quantity in zip(live, granted, strict=True):
        total = EXACT.add(total, quantity)
        after = rounded_product(factor_mg, total)
        found.append(Credit(fact, quantity, after - before))
        before = after
    return found
