"""Corrections of a counter that stand in each other's way."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain.corrections import Correction, together
from services.industrial.domain.facts import SUPERSEDED
from services.industrial.domain.metering import Metering
from services.industrial.domain.registers import RegisterSlot
from services.industrial.domain.registry import Meter
from services.industrial.domain.reviews import Held
from shared.units.calendar import CITY
from tests.unit.industrial.test_registers import ENTERPRISE, reading

METER = Meter("r", "E", "electricity", "kWh", "register", rate_max=Decimal(100))


def counter(values: Sequence[int]) -> tuple[RegisterSlot, Metering]:
    """A counter as it was read by the hour."""
    metering = Metering([METER], ENTERPRISE, CITY)
    slot = RegisterSlot(metering.possible_usage)
    slot.load(reading(at, str(value)) for at, value in enumerate(values))
    return slot, metering


def corrected(slot: RegisterSlot, values: dict[int, int]) -> list[Correction]:
    standing = [fact for _, fact in slot.standing]
    return [Correction(reading(at, str(value)), standing[at]) for at, value in values.items()]


def test_each_alone_contradicts_what_the_other_replaces() -> None:
    """At most 100 an hour."""
    slot, metering = counter([0, 5, 10])
    pair = corrected(slot, {1: 90, 2: 180})
    for correction in pair:
        with pytest.raises(Held):
            slot.place(*correction)
    order = together(slot, pair, metering.usage)
    assert order == [pair[1].fact, pair[0].fact]
    assert together(slot, pair[:1], metering.usage) == []


def test_one_that_is_wrong_leaves_the_others_their_way() -> None:
    slot, metering = counter([0, 5, 10, 260, 265])
    corrections = corrected(slot, {1: 90, 2: 180, 4: 9000})
    order = together(slot, corrections, metering.usage)
    assert {fact.id for fact in order} == {"1/90", "2/180"}


def test_what_runs_backwards_in_the_end_is_not_possible() -> None:
    slot, metering = counter([0, 5, 10])
    assert together(slot, corrected(slot, {1: 90, 2: 80}), metering.usage) == []


def test_readings_of_one_time_leave_each_other_their_way() -> None:
    """The later one, tried first, is wrong."""
    slot, metering = counter([0, 5, 10])
    first, second = corrected(slot, {1: 90, 2: 180})
    wrong = Correction(reading(2, "999"), second.gone)
    order = together(slot, [first, wrong, second], metering.usage)
    assert order == [second.fact, first.fact]


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=2, max_size=20))
def test_a_run_of_wrong_readings_is_corrected_whole(steps: list[tuple[int, int]]) -> None:
    """Whatever rises within the limit may take the place of whatever did; none runs backwards on
    the way."""
    wrong, right = [0], [0]
    for one, other in steps:
        wrong.append(wrong[-1] + one)
        right.append(right[-1] + other)
    slot, metering = counter(wrong)
    left = corrected(slot, dict(list(enumerate(right))[1:]))
    while alone := [one for one in left if _placed_alone(slot, one)]:
        left = [one for one in left if one not in alone]
    order = together(slot, left, metering.usage)
    assert len(order) == len(left)
    metering.released |= {fact.key for fact in order}
    for fact in order:
        slot.place(*next(one for one in left if one.fact is fact))
    assert [fact.value for _, fact in slot.standing] == right


def _placed_alone(slot: RegisterSlot, one: Correction) -> bool:
    try:
        slot.place(*one)
    except Held:
        return False
    return True


def test_all_that_are_possible_of_a_thousand_are_taken_at_once() -> None:
    hours = range(1, 1000)
    slot, metering = counter([*(5 * at for at in range(1000)), 5090, 5095, 5100])
    right = corrected(slot, {at: 5 * at + 90 for at in hours})
    wrong = corrected(slot, {1001: 9})
    order = together(slot, [*wrong, *right], metering.usage)
    assert order == [one.fact for one in reversed(right)]


def test_a_reading_that_puts_aside_more_than_what_stands_there_is_left_to_a_person() -> None:
    slot, _ = counter([0, 5, 10])
    first, second, third = (fact for _, fact in slot.standing)
    assert slot.gives_way(reading(1, "7"), second) is second
    assert slot.gives_way(reading(1, "7"), third) is None
    assert slot.gives_way(reading(3, "70"), third) is None
    assert slot.gives_way(reading(3, "70"), None) is None
    second.quality = "estimated"
    assert slot.gives_way(reading(1, "7"), None) is second
    assert slot.gives_way(reading(1, "7", "estimated"), first) is None


def test_a_reading_that_was_beaten_gives_way_with_the_one_that_beat_it() -> None:
    slot, _ = counter([0, 5, 10])
    estimated, actual = reading(2, "11", "estimated"), slot.standing[2][1]
    estimated.state = SUPERSEDED
    slot.load([estimated])
    assert slot.gives_way(reading(2, "20"), actual) is actual
    assert slot.gives_way(reading(2, "20", "estimated"), estimated) is None
