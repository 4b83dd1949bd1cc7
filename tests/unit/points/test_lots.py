"""Points by year: which of them a reversal takes, and which have expired."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points import domain
from services.points.aging import Age

EVERY = frozenset(range(2020, 2041))
YEARS = st.dictionaries(st.integers(2020, 2026), st.integers(0, 100), max_size=5)


@pytest.mark.parametrize(
    ("changes", "lots"),
    [
        ({2026: 100}, {2026: 100}),
        ({2026: 100, 2028: -60}, {2026: 40, 2028: 0}),
        ({2026: 100, 2027: 50, 2028: -60}, {2026: 90, 2027: 0, 2028: 0}),
        ({2026: 100, 2027: -100, 2028: 30}, {2026: 0, 2027: 0, 2028: 30}),
        ({}, {}),
    ],
)
def test_a_reversal_takes_the_newest_credit_of_its_behaviour(
    changes: dict[int, int], lots: dict[int, int]
) -> None:
    assert domain.lots(changes) == lots


@given(st.dictionaries(st.integers(2020, 2026), st.integers(-100, 100), max_size=6))
def test_what_is_left_of_a_behaviour_is_its_sum(changes: dict[int, int]) -> None:
    assert sum(domain.lots(changes).values()) == sum(changes.values())


@pytest.mark.parametrize(
    ("spent", "year", "expired"),
    [
        ({}, 2027, 0),
        ({}, 2028, 100),
        ({2026: 30}, 2028, 70),
        ({2027: 30}, 2028, 70),
        ({2028: 30}, 2028, 100),
        ({2027: 120}, 2028, 0),
        ({}, 2029, 150),
        ({2027: 120}, 2029, 30),
        ({2028: 30}, 2029, 120),
    ],
)
def test_points_are_good_until_the_end_of_the_next_year_the_oldest_spent_first(
    spent: dict[int, int], year: int, expired: int
) -> None:
    assert domain.expired_by({2026: 100, 2027: 50}, spent, year, EVERY) == expired


@pytest.mark.parametrize(
    ("announced", "spent", "expired"),
    [
        ({2029}, {}, {2028: 0, 2029: 150, 2030: 150}),
        ({2030}, {2029: 40}, {2028: 0, 2029: 0, 2030: 110}),
        ({2028, 2030}, {2028: 20, 2029: 40}, {2028: 100, 2029: 100, 2030: 100}),
        (set(), {}, {2028: 0, 2040: 0}),
    ],
)
def test_points_of_whose_end_nobody_was_told_are_good_until_the_next_that_is(
    announced: set[int], spent: dict[int, int], expired: dict[int, int]
) -> None:
    lots = {2026: 100, 2027: 50}
    found = {year: domain.expired_by(lots, spent, year, announced) for year in expired}
    assert found == expired


@given(YEARS, YEARS, st.integers(2020, 2030), st.integers(2020, 2026), st.integers(1, 100))
def test_a_reversal_gives_back_no_more_than_it_takes(
    lots: dict[int, int], spent: dict[int, int], year: int, reversed_in: int, points: int
) -> None:
    less = lots | {reversed_in: lots.get(reversed_in, 0) - points}
    before, after = (domain.expired_by(given, spent, year, EVERY) for given in (lots, less))
    assert 0 <= before - after <= points
    if reversed_in > year - 2:
        assert before == after


def test_an_expiry_of_more_than_the_balance_leaves_a_claim_open_again() -> None:
    moves = domain.expired(100, 60)
    assert (domain.change(moves, "member"), domain.change(moves, "claim")) == (-60, -40)
    assert domain.change(moves, "expiry") == 100


def test_what_a_reversal_finds_expired_comes_from_there() -> None:
    moves = domain.reversed_(100, 30, expired=60)
    assert {ledger: domain.change(moves, ledger) for ledger in ("expiry", "member", "claim")} == {
        "expiry": -60,
        "member": -30,
        "claim": -10,
    }


def test_a_redemption_decided_late_does_not_make_a_later_credits_reversal_free() -> None:
    """It came before the year's end, and expiry was posted before it was decided."""
    old, new = datetime(2026, 5, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC)
    behaviours = {old: Counter({2026: 100}), new: Counter({2027: 50})}
    age = Age(behaviours=behaviours, spent=Counter({2027: 30}), expired=100, announced=EVERY)
    assert age.change(new, 2028, -10) == 0
    assert age.change(old, 2028, -10) == 10
