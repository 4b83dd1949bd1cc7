from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.units.quantity import UNITS, UnitError, convert, dimension, units_of

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=6)


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        ("1000", "kWh", "MWh", "1"),
        ("1", "MWh", "GJ", "3.6"),
        ("1", "Wh", "MJ", "0.0036"),
        ("1", "tce", "GJ", "29.3076"),
        ("1", "therm", "MJ", "105.505585262"),
        ("1e4", "Nm3", "1e4Nm3", "1"),
        ("293.15", "m3", "Nm3", "273.15"),
        ("1", "ft3", "m3", "0.028316846592"),
        ("250", "kg", "t", "0.25"),
    ],
)
def test_known_conversions(value: str, unit: str, to: str, expected: str) -> None:
    assert convert(Decimal(value), unit, to) == Fraction(expected)


@given(amounts, st.sampled_from(sorted(UNITS)), st.data())
def test_there_and_back_is_exact(value: Decimal, unit: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(units_of(dimension(unit))))
    there = convert(value, unit, other)
    assert convert(there, other, unit) == Fraction(value)


@given(amounts, st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)))
def test_units_of_one_kind_convert_and_others_are_refused_naming_both(
    value: Decimal, unit: str, other: str
) -> None:
    if dimension(unit) == dimension(other):
        assert convert(value, unit, other) * UNITS[other].size == Fraction(value) * UNITS[unit].size
        return
    with pytest.raises(UnitError) as error:
        convert(value, unit, other)
    text = str(error.value)
    assert text.startswith(f"{unit} ({dimension(unit)}) does not convert to {other} (")
    assert all(allowed in text for allowed in units_of(dimension(other)))


def test_energy_is_not_volume() -> None:
    with pytest.raises(UnitError) as error:
        convert(Decimal(1), "kWh", "Nm3")
    assert str(error.value) == (
        "kWh (energy) does not convert to Nm3 (volume); expected one of Nm3, 1e4Nm3, m3, ft3"
    )


def test_an_unknown_unit_is_refused_with_the_list() -> None:
    with pytest.raises(UnitError, match=r"unknown unit 'kwh'; expected one of Wh, kWh, MWh"):
        convert(Decimal(1), "kwh", "MWh")
    with pytest.raises(UnitError, match="unknown unit 'ton'"):
        dimension("ton")
