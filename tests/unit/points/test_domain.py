"""Movements of points: double entry, never below zero, claims settled first."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points import domain
from services.points.domain import Moment, Movement
from shared.units.calendar import Zone

amounts = st.integers(-100_000, 100_000).filter(bool)


@given(st.lists(amounts, max_size=40))
def test_balance_and_claim_are_never_negative_and_their_difference_is_the_sum(
    changes: list[int],
) -> None:
    balance, claim = ends(changes)
    assert balance - claim == sum(changes)


def ends(changes: list[int]) -> tuple[int, int]:
    """Balance and claim after credits and reversals, checked after each."""
    balance = claim = 0
    for amount in changes:
        moves = domain.credited(amount, claim) if amount > 0 else domain.reversed_(-amount, balance)
        assert sum(m.points for m in moves) == abs(amount)
        balance += domain.change(moves, "member")
        claim -= domain.change(moves, "claim")
        assert min(balance, claim) == 0
        assert max(balance, claim) >= 0
    return balance, claim


def test_a_credit_settles_the_claim_first() -> None:
    assert domain.credited(100, 30) == [
        Movement("issuance", "claim", 30),
        Movement("issuance", "member", 70),
    ]


@pytest.mark.parametrize(
    ("grams", "tier"),
    [
        ("499.999", "none"),
        ("500", "light"),
        ("2000", "medium"),
        ("4999.999", "medium"),
        ("5000", "deep"),
    ],
)
def test_tiers_begin_at_their_limit(grams: str, tier: str) -> None:
    assert domain.tier(domain.milli(Decimal(grams))) == tier


def test_points_have_three_places() -> None:
    assert domain.milli(Decimal("23.096")) == 23096
    for text in ("0.0001", "20.00000000000000000000000000001"):
        with pytest.raises(ValueError, match="at most 3 places"):
            domain.milli(Decimal(text))


@pytest.mark.parametrize(
    ("today", "since"),
    [
        (date(2026, 11, 23), date(2025, 11, 24)),
        (date(2026, 12, 31), date(2026, 1, 1)),
        (date(2028, 2, 28), date(2027, 3, 1)),
        (date(2028, 2, 29), date(2027, 3, 1)),
        (date(2029, 2, 28), date(2028, 2, 29)),
    ],
)
def test_the_trailing_12_months_are_whole_days_that_end_today(today: date, since: date) -> None:
    assert domain.trailing_since(today) == since


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_a_day_counts_until_the_first_day_whose_12_months_leave_it_out(day: date) -> None:
    end = domain.counts_until(day)
    assert domain.trailing_since(end) > day
    assert domain.trailing_since(end - timedelta(days=1)) <= day


def test_days_are_those_of_the_city() -> None:
    late = datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert Moment(late).today == date(2027, 1, 1)
    assert Moment(late, Zone("UTC")).today == date(2026, 12, 31)
    assert Moment(late).begin(date(2027, 1, 1)) == late


def test_no_tier_is_reached_with_a_milligram_less() -> None:
    for name, least in domain.limits().items():
        assert domain.tier(least) == name
        assert domain.tier(least - 1) != name


@given(st.lists(amounts, max_size=12).flatmap(lambda c: st.tuples(st.just(c), st.permutations(c))))
def test_the_order_of_credits_and_reversals_does_not_matter(
    orders: tuple[list[int], list[int]],
) -> None:
    one, other = (ends(order) for order in orders)
    assert one == other
