"""What a batch does as a whole."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.industrial import handler
from services.industrial.domain.arrivals import fact_of
from services.industrial.domain.facts import Fact
from services.industrial.domain.registry import Meter
from services.industrial.domain.state import State
from services.industrial.placing import take_reading
from shared.events.envelope import Event
from shared.events.ids import event_key
from shared.events.types import MeterReading
from shared.stream.service import Account, Batch
from shared.units.calendar import CITY
from tests.unit.industrial.test_registers import ENTERPRISE, reading

METER = Meter("r", "E", "electricity", "kWh", "register")


def correction(of: Fact, value: int) -> Event:
    data = MeterReading(
        meter_id="r",
        kind="register",
        end=of.ends,
        value=Decimal(value),
        unit="kWh",
        quality="actual",
        replaces=of.id,
    )
    key = event_key(of.source, f"right-{of.id}")
    return Event("", of.source, f"right-{of.id}", "E", of.ends, data, key, key[:8], b"")


def corrected(standing: list[Fact], events: list[Event]) -> State:
    """All that stands, to be corrected by these events; none of it has posted anything yet."""
    state = State(enterprises={"E": ENTERPRISE}, meters={"r": [METER]}, span=(2021, 2023))
    state.facts = {(1, fact.key): fact for fact in standing}
    state.entries = {key: [] for key in state.facts}
    state.arriving = [(event, fact_of(event, 1, CITY)) for event in events]
    named = {(1, event.key): event.target() for event in events}
    state.targets = {key: target for key, target in named.items() if target}
    return state


def test_a_counter_that_showed_too_little_is_corrected_in_one_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is below the next one that stands: tried in turn, all would be tried for each."""
    standing = [reading(at, str(5 * at)) for at in range(600)]
    for fact in standing:
        fact.key = event_key(fact.source, fact.id)
    events = [correction(fact, int(fact.value) + 90) for fact in standing[1:]]
    batch = Batch(events, {"E": Account(1, "E", 0, 0, 0)}, datetime(2026, 1, 1, tzinfo=UTC))
    tried = 0

    def counted(*args: Any) -> None:
        nonlocal tried
        tried += 1
        take_reading(*args)

    monkeypatch.setattr(handler, "take_reading", counted)
    decision = handler.decide(batch, corrected(standing, events))

    assert tried <= 3 * len(events)
    assert (decision.parked, decision.refused) == ([], [])
    [year] = decision.rows.years.values()
    assert year.energy_mg == (5 * 599 + 90) * 515_300
