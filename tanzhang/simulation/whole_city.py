"""The whole city: what to register, what to post, and what must come out."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from random import Random

from tanzhang.cloudevents import CloudEvent
from tanzhang.simulation import enterprises, farms, golden, payments
from tanzhang.simulation.catalogue import (
    BANKS,
    ENTERPRISE_PORTAL,
    FARM_BUREAU,
    GAS_COMPANY,
    HEAT_COMPANY,
    POWER_GRID,
)
from tanzhang.simulation.enterprises import Enterprise
from tanzhang.simulation.farms import Farm
from tanzhang.simulation.oracle import PaymentTotals, account_mg
from tanzhang.simulation.registration import Registration, benchmarks, rewards

_WINDOW = 10_000
_SENT_AGAIN = 100


@dataclass(frozen=True, slots=True)
class Posting:
    """An event to post; `tag` is industrial, agri, personal, golden or duplicate."""

    event: CloudEvent
    tag: str


@dataclass(frozen=True)
class City:
    """A city of a size and a year. Everything is generated when it is asked for, never kept.

    Golden accounts are part of the counts of enterprises and farms, and come on top of customers.
    """

    seed: int
    enterprises: int
    farms: int
    customers: int
    payments: int
    year: int
    expected: golden.Expected = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected", golden.Expected(self.year))

    def sources(self) -> tuple[str, ...]:
        """Every CloudEvents source that posts."""
        return (
            POWER_GRID,
            GAS_COMPANY,
            HEAT_COMPANY,
            ENTERPRISE_PORTAL,
            FARM_BUREAU,
            *BANKS,
        )

    def registry(self) -> Iterator[Registration]:
        """Registrations, those of a stage before those that need them."""
        yield from golden.registrations()
        yield from benchmarks(self.year)
        yield from rewards(self.year)
        yield from map(farms.registration, self._farms())
        for stage in range(4):
            for one in self._enterprises():
                yield from (r for r in enterprises.registrations(one) if r.stage == stage)

    def events(self) -> Iterator[Posting]:
        """All events, shuffled, every hundredth of them a second time; always in the same order."""
        chance = Random(f"{self.seed}:order")
        return _shuffled(_mixed(self._parts(), chance), chance)

    def event_count(self) -> int:
        """How many postings `events` yields."""
        once = sum(size for _, size, _ in self._parts())
        return once + once // _SENT_AGAIN

    def golden_events_after(self) -> Iterator[CloudEvent]:
        """What turns the golden enterprise's figures before its reduction into those after."""
        return golden.events_after(self.year)

    def payment_oracle(self) -> PaymentTotals:
        """What all payments must come to, computed apart from the services."""
        totals = PaymentTotals()
        totals.add(account_mg(golden.payment_events(self.year)))
        for index, count in enumerate(self._counts):
            if count:
                totals.add(account_mg(self.customer_events(index)))
        return totals

    def customer_events(self, index: int) -> Iterator[CloudEvent]:
        """The payments of one customer."""
        return payments.customer_events(self.seed, index, self._counts[index], self.year)

    @cached_property
    def _counts(self) -> "array[int]":
        return payments.payment_counts(self.seed, self.customers, self.payments)

    def _enterprises(self) -> Iterator[Enterprise]:
        return (enterprises.enterprise(self.seed, index) for index in range(1, self.enterprises))

    def _farms(self) -> Iterator[Farm]:
        return (farms.farm(self.seed, index, self.year) for index in range(1, self.farms))

    def _industrial_events(self) -> Iterator[CloudEvent]:
        return chain.from_iterable(enterprises.events(e, self.year) for e in self._enterprises())

    def _agri_events(self) -> Iterator[CloudEvent]:
        return chain.from_iterable(farms.events(f, self.year) for f in self._farms())

    def _personal_events(self) -> Iterator[CloudEvent]:
        return chain.from_iterable(map(self.customer_events, range(self.customers)))

    def _golden_events(self) -> Iterator[CloudEvent]:
        yield from golden.enterprise_events(self.year)
        yield from golden.farm_events(self.year)
        yield from golden.payment_events(self.year)

    def _parts(self) -> list[tuple[str, int, Iterator[CloudEvent]]]:
        """Tag, number of events, events."""
        return [
            ("industrial", _length(self._industrial_events()), self._industrial_events()),
            ("agri", _length(self._agri_events()), self._agri_events()),
            ("personal", self.payments, self._personal_events()),
            ("golden", _length(self._golden_events()), self._golden_events()),
        ]


def city(
    seed: int,
    *,
    enterprises: int = 600,
    farms: int = 180,
    customers: int = 100_000,
    payments: int = 300_000,
    year: int = 2020,
) -> City:
    """A city of the given size; ValueError when a number doesn't fit."""
    if enterprises < 1 or farms < 1:
        raise ValueError("expected at least one enterprise and one farm: the golden accounts")
    if customers < 0 or payments < 0 or (payments and not customers):
        raise ValueError(f"{payments} payments of {customers} customers: expected someone who pays")
    if not 2000 <= year <= 2100:
        raise ValueError(f"expected a year from 2000 to 2100, got {year}")
    return City(seed, enterprises, farms, customers, payments, year)


def _length(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def _mixed(parts: list[tuple[str, int, Iterator[CloudEvent]]], chance: Random) -> Iterator[Posting]:
    """The parts in proportion, so that all of them last to the end."""
    left = [size for _, size, _ in parts]
    while any(left):
        drawn = chance.choices(range(len(parts)), left)[0]
        left[drawn] -= 1
        tag, _, stream = parts[drawn]
        yield Posting(next(stream), tag)


def _shuffled(postings: Iterator[Posting], chance: Random) -> Iterator[Posting]:
    """Mix within a window, which keeps memory small; every hundredth goes in twice."""
    window: list[Posting] = []
    for number, posting in enumerate(postings, 1):
        window.append(posting)
        if number % _SENT_AGAIN == 0:
            window.append(Posting(posting.event, "duplicate"))
        while len(window) > _WINDOW:
            yield _drawn(window, chance)
    while window:
        yield _drawn(window, chance)


def _drawn(window: list[Posting], chance: Random) -> Posting:
    place = chance.randrange(len(window))
    window[place], window[-1] = window[-1], window[place]
    return window.pop()
