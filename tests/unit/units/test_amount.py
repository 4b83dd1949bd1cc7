from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.units.amount import (
    MG_PER_G,
    MG_PER_T,
    decimal_text,
    grams_text,
    milligrams,
    points_text,
    ratio_text,
    round_half_even,
    split_amounts,
    tonnes_text,
)

whole = st.integers(-(10**18), 10**18)
fractions = st.fractions(min_value=-(10**12), max_value=10**12, max_denominator=10**6)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.5", 0), ("1.5", 2), ("2.5", 2), ("-0.5", 0), ("-1.5", -2), ("2.500001", 3)],
)
def test_ties_go_to_the_even_number(value: str, expected: int) -> None:
    assert round_half_even(Decimal(value)) == expected
    assert round_half_even(Fraction(value)) == expected


def test_tonnes_are_rounded_once_to_milligrams() -> None:
    assert milligrams(Decimal("14150.75")) == 14_150_750_000_000
    assert milligrams(Decimal("0.0000000025")) == 2
    assert milligrams(Fraction(1, 3)) == 333_333_333


def test_shown_text() -> None:
    assert tonnes_text(14_150_750_000_000) == "14150.75"
    assert tonnes_text(0) == "0"
    assert tonnes_text(-1) == "-0.000000001"
    assert tonnes_text(100 * MG_PER_T) == "100"
    assert grams_text(23096) == "23.096"
    assert grams_text(-5) == "-0.005"
    assert points_text(1_000) == "1.000"
    assert ratio_text(Fraction(1415075, 13712000)) == "0.103200"
    assert ratio_text(Decimal("0.0000005")) == "0.000000"
    assert decimal_text(Decimal("1E+3")) == "1000"
    assert decimal_text(Decimal("0.1000")) == "0.1"
    assert decimal_text(Decimal("-0.00")) == "0"


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_number_that_is_not_finite_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        decimal_text(Decimal(value))
    with pytest.raises(ValueError, match="finite"):
        round_half_even(Decimal(value))


@given(whole)
def test_text_reads_back_as_the_same_amount(mg: int) -> None:
    assert Fraction(tonnes_text(mg)) * MG_PER_T == mg
    assert Fraction(grams_text(mg)) * MG_PER_G == mg
    assert "E" not in tonnes_text(mg)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_decimal_text_reads_back(value: Decimal) -> None:
    assert Decimal(decimal_text(value)) == value


@given(st.lists(fractions, max_size=20))
def test_parts_sum_to_the_once_rounded_whole(parts: list[Fraction]) -> None:
    amounts = split_amounts(parts)
    assert len(amounts) == len(parts)
    assert sum(amounts) == round_half_even(sum(parts, Fraction(0)))


@given(st.lists(fractions, max_size=20))
def test_a_part_is_within_one_milligram_of_its_exact_value(parts: list[Fraction]) -> None:
    for amount, exact in zip(split_amounts(parts), parts, strict=True):
        assert abs(amount - exact) <= 1
