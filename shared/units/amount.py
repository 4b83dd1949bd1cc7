"""Amounts: exact numbers in rules, integer milligrams in ledgers, decimal text for people.

A rule computes with Fractions or Decimals and rounds once, half-even, to whole milligrams.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

MG_PER_T = 10**9
MG_PER_G = 1000

_TONNE_PLACES = 9
_RATIO_PLACES = 6


def round_half_even(value: Fraction | Decimal) -> int:
    """The nearest integer, ties to the even one. ValueError when not finite."""
    return round(_exact(value))


def milligrams(tonnes: Fraction | Decimal) -> int:
    """Tonnes as whole milligrams: the one rounding of an entry."""
    return round(_exact(tonnes) * MG_PER_T)


def rounded_product(factor: Fraction, quantity: Fraction | Decimal) -> int:
    """`factor * quantity` to the nearest integer, ties to the even one, in integers only.

    The same as `round_half_even` of the product, many times faster.
    """
    numerator, denominator = quantity.as_integer_ratio()
    whole, rest = divmod(factor.numerator * numerator, bottom := factor.denominator * denominator)
    return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))


def tonnes_text(mg: int) -> str:
    """Milligrams as exact tonnes, trailing zeros cut: 14150750000000 gives "14150.75"."""
    return _cut(_places(mg, _TONNE_PLACES))


def grams_text(mg: int) -> str:
    """Milligrams as grams with three places: 23096 gives "23.096"."""
    return _places(mg, 3)


def points_text(milli: int) -> str:
    """Milli-points as points with three places."""
    return _places(milli, 3)


def ratio_text(value: Fraction | Decimal) -> str:
    """An intensity or ratio with six places, half-even."""
    return _places(round(_exact(value) * 10**_RATIO_PLACES), _RATIO_PLACES)


def decimal_text(value: Decimal) -> str:
    """A decimal without exponent, trailing zeros cut. ValueError when not finite."""
    if not value.is_finite():
        raise ValueError(f"expected a finite number, got {value}")
    text = _cut(format(value, "f"))
    return "0" if text == "-0" else text


def split_amounts(total_mg_parts: Sequence[Fraction]) -> list[int]:
    """Whole milligrams per part by running difference: they sum to the once-rounded total."""
    return list(_differences(total_mg_parts))


def _differences(parts: Sequence[Fraction]) -> Iterator[int]:
    exact, posted = Fraction(0), 0
    for part in parts:
        exact += part
        amount = round(exact) - posted
        posted += amount
        yield amount


def _exact(value: Fraction | Decimal) -> Fraction:
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"expected a finite number, got {value}")
    return Fraction(value)


def _places(scaled: int, places: int) -> str:
    whole, rest = divmod(abs(scaled), 10**places)
    return f"{'-' if scaled < 0 else ''}{whole}.{rest:0{places}d}"


def _cut(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
