"""Movements of points: double entry, never below zero, claims settled first."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points import domain
from services.points.domain import Movement

amounts = st.integers(-100_000, 100_000).filter(bool)


@given(st.lists(amounts, max_size=40))
def test_balance_and_claim_are_never_negative_and_their_difference_is_the_sum(
    changes: list[int],
) -> None:
    balance = claim = 0
    for amount in changes:
        moves = domain.credited(amount, claim) if amount > 0 else domain.reversed_(-amount, balance)
        assert sum(m.points for m in moves) == abs(amount)
        balance += domain.change(moves, "member")
        claim -= domain.change(moves, "claim")
        assert balance >= 0
        assert claim >= 0
        assert balance == 0 or claim == 0
    assert balance - claim == sum(changes)


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
    with pytest.raises(ValueError, match="at most 3 places"):
        domain.milli(Decimal("0.0001"))


def test_the_trailing_year_of_a_leap_day_begins_on_the_28th() -> None:
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert domain.year_before(leap) == datetime(2027, 2, 28, 12, tzinfo=UTC)
