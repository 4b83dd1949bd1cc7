"""Ranking of what could be saved, from months and output."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.industrial.domain.opportunities import Use, rank


def uses(carrier: str, quantities: list[int], outputs: list[int] | None = None) -> list[Use]:
    made = outputs or [1] * len(quantities)
    return [
        Use("line", carrier, "MWh", date(2022, n, 1), Decimal(q), q * 100, Decimal(o))
        for n, (q, o) in enumerate(zip(quantities, made, strict=True), 1)
    ]


def test_what_lies_above_the_median_could_be_avoided() -> None:
    [found] = rank(uses("electricity", [10, 10, 10, 15, 20]))
    assert (found.median, found.latest) == (Fraction(10), Fraction(20))
    assert (found.avoidable_mg, found.rising_months) == (1500, 2)
    assert found.amount_mg == 6500


def test_more_output_explains_more_use() -> None:
    assert rank(uses("electricity", [10, 20, 30], [1, 2, 3])) == []


def test_the_greatest_comes_first_and_too_short_a_series_is_left_out() -> None:
    small, great = uses("heat", [10, 10, 11]), uses("electricity", [10, 10, 90])
    found = rank([*small, *great, *uses("diesel", [1, 9])])
    assert [one.carrier for one in found] == ["electricity", "heat"]
    assert found[1].avoidable_mg == round(1100 * (1 - Fraction(10, 11)))
