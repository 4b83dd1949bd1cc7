"""Payments, reversals, repetitions and erasures in any order and batches, against a model.

The model knows the set of what has come and works out from it what each payment gives; only an
erasure freezes something: what its account was credited, and the behaviours that this excludes.
"""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date
from fractions import Fraction
from typing import Any, cast

import pytest

from services.personal.domain import scenarios_on
from shared.events.envelope import Event
from shared.events.types import Payment
from shared.methodology import Scenario
from shared.units.amount import round_half_even
from shared.units.calendar import local_date
from tests.integration.personal.behaviours import NOW, Service, back, cut, paid

SUBJECTS = [f"{bank}:token-{n:04}" for bank in ("jsrcb", "icbc", "boc") for n in range(2)]
# What is counted by payment, and around the caps of what is measured.
QUANTITIES: dict[str, list[str | None]] = {
    "bus_ride": [None],
    "loan": [None],
    "walking": ["14999.5", "1", "0", "9000", "0.025"],
    "bike_ride": ["3.3333", "20", "19.99", "0.0005"],
    "electricity_saving": ["0", "100", "350.5", "900"],
}
# On both sides of the city's midnight.
MINUTES = [0, 1, 2, 959, 960, 961]
YEAR = 365 * 24 * 60
Name = tuple[str, bytes]  # subject and event key
Standing = dict[tuple[str, str, date], list[Event]]  # subject, kind, first day of the period


@pytest.fixture
async def service(start: Any, client: Callable[..., Any]) -> AsyncIterator[Service]:
    app = await start("personal", role="api")
    app.state.clock = lambda: NOW
    async with client(app) as http:
        yield Service(app.state, http)


def some_events(chance: random.Random) -> list[Event]:
    """Some payments of each account, reversals of some, and repetitions."""
    events = [e for subject in SUBJECTS for e in _of_one(chance, subject)]
    events += chance.choices(events, k=5)
    chance.shuffle(events)
    return events


def _of_one(chance: random.Random, subject: str) -> Iterable[Event]:
    for n in range(chance.randrange(1, 9)):
        kind = chance.choice(list(QUANTITIES))
        quantity = chance.choice(QUANTITIES[kind])
        years = chance.choice([-2, -1, 0]) if kind == "electricity_saving" else 0
        minute = chance.choice(MINUTES) + years * YEAR
        more = {"quantity": quantity} if quantity else {}
        ref = chance.choice([None, "r1", "r1", "r2"])
        yield paid(f"p{n}", subject, minute, ref, kind=kind, channel="mobile", **more)
        if chance.random() < 0.4:
            yield back(f"p{n}", subject)


def told(event: Event) -> Payment:
    return cast(Payment, event.data)


def scenario(kind: str, day: date) -> Scenario:
    return scenarios_on(day)[kind]


def quantity(event: Event) -> Fraction:
    measured = told(event).quantity
    return Fraction(1) if measured is None else Fraction(measured)


class Model:
    """What has come, and what erasures have left."""

    def __init__(self) -> None:
        self.payments: dict[Name, Event] = {}
        self.reversed: set[Name] = set()
        self.excluded: set[tuple[str, str]] = set()
        self.gone: set[str] = set()
        self.frozen_mg = 0

    def take(self, event: Event) -> None:
        if event.subject in self.gone:
            return
        target = event.target()
        if target is None:
            self.payments[event.subject, event.key] = event
        else:
            self.reversed.add((event.subject, target))

    def erase(self, subject: str) -> None:
        self.frozen_mg += sum(mg for name, mg in self.given().items() if name[0] == subject)
        self.excluded |= {
            (told(event).kind, ref)
            for event in self._counting()
            if event.subject == subject and (ref := told(event).channel_ref)
        }
        self.payments = {n: e for n, e in self.payments.items() if n[0] != subject}
        self.gone.add(subject)

    def given(self) -> dict[Name, int]:
        """Milligrams by payment."""
        found = dict.fromkeys(self.payments, 0)
        standing = self._standing()
        for (subject, kind, day), events in standing.items():
            credited = self._credited(standing, (subject, kind, day))
            run, before = Fraction(0), 0
            for event, part in zip(events, credited, strict=True):
                run += part
                after = round_half_even(scenario(kind, day).factor_mg * run)
                found[subject, event.key], before = after - before, after
        return found

    def _counting(self) -> list[Event]:
        """Neither reversed nor reported by an earlier one, in the order of (time, key)."""
        seen, found = set(self.excluded), []
        named = self.payments.items()
        for name, event in sorted(named, key=lambda n: (n[1].time, n[1].key, n[1].content)):
            behaviour = (told(event).kind, told(event).channel_ref or "")
            if name in self.reversed or (behaviour[1] and behaviour in seen):
                continue
            seen.add(behaviour)
            found.append(event)
        return found

    def _standing(self) -> Standing:
        slots: Standing = defaultdict(list)
        for event in self._counting():
            assert event.time is not None
            day, kind = local_date(event.time), told(event).kind
            monthly = scenario(kind, day).cap_period == "month"
            slots[event.subject, kind, day.replace(day=1) if monthly else day].append(event)
        return slots

    def _credited(self, standing: Standing, slot: tuple[str, str, date]) -> list[Fraction]:
        subject, kind, day = slot
        rule, claimed = scenario(kind, day), [quantity(e) for e in standing[slot]]
        if rule.formula == "saving":
            year_before = (subject, kind, day.replace(year=day.year - 1))
            before = [quantity(e) for e in standing.get(year_before, [])]
            fall = (
                max(sum(before, -sum(claimed, Fraction(0))), Fraction(0)) if before else Fraction(0)
            )
            return [Fraction(0)] * (len(claimed) - 1) + [min(fall, Fraction(rule.cap or 0))]
        left, found = Fraction(rule.cap or 0), []
        for wanted in claimed:
            found.append(min(wanted, left))
            left -= found[-1]
        return found


async def erase(service: Service, model: Model, subject: str) -> None:
    """Who has no account yet, or none any more, cannot be erased."""
    answer = await service.http.delete(f"/v1/accounts/{subject}")
    if answer.status_code == 204:
        model.erase(subject)
    else:
        assert all(name[0] != subject for name in model.payments)


@pytest.mark.parametrize("seed", range(8))
async def test_the_ledger_is_what_the_set_of_events_makes_it(service: Service, seed: int) -> None:
    chance, model = random.Random(seed), Model()
    for batch in cut(chance, some_events(chance)):
        await service.post(*batch)
        for event in batch:
            model.take(event)
        if chance.random() < 0.2:
            await erase(service, model, chance.choice(SUBJECTS))
        assert await service.given() == model.given()
    pool = service.state.pool
    total = await pool.fetchval("select sum(amount_mg)::bigint from ledger_entry")
    assert total == sum(model.given().values()) + model.frozen_mg
    assert total == await pool.fetchval("select sum(balance)::bigint from account")
    assert await service.findings() == []
    assert await pool.fetchval("select count(*) from dead_letter") == 0
