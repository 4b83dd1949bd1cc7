"""The three greens."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.grading.domain import agri
from services.grading.domain.rulebook import Rulebook, rulebook
from shared.events.types import AgriAccount
from shared.methodology import methodology

GREENS = ("ungraded", "light_green", "medium_green", "deep_green")


@pytest.mark.parametrize(
    ("neutralised", "label"),
    [
        ("0.000000001", "light_green"),
        ("49.999999999", "light_green"),
        ("50", "medium_green"),
        ("99.999999999", "medium_green"),
        ("100", "deep_green"),
        ("300", "deep_green"),
    ],
)
def test_greens_by_the_share_of_gross_emissions(
    rules: Rulebook, farm: Callable[..., AgriAccount], neutralised: str, label: str
) -> None:
    found = agri.grade(farm(neutralised_t=Decimal(neutralised), gross_t=Decimal(100)), rules)
    assert found.label == label and found.missing is None


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"gross_t": Decimal(0)}, "gross_not_declared"),
        ({"neutralised_t": Decimal(0)}, "nothing_neutralised"),
        ({"neutralised_t": Decimal(-1)}, "nothing_neutralised"),
    ],
)
def test_what_is_missing_is_said(
    rules: Rulebook, farm: Callable[..., AgriAccount], changes: dict[str, Any], missing: str
) -> None:
    found = agri.grade(farm(**changes), rules)
    assert (found.label, found.missing, found.reason["code"]) == ("ungraded", missing, missing)


@given(st.lists(st.fractions(min_value=-1, max_value=3), min_size=2))
def test_a_higher_share_is_never_a_paler_green(shares: list[Fraction]) -> None:
    rule = rulebook(methodology()).agri("planting", 2020)
    ranks = [GREENS.index(agri.colour(share, rule)) for share in sorted(shares)]
    assert ranks == sorted(ranks)
