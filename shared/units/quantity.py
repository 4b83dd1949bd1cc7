"""Exact conversion between the units that events may name.

Every unit is an exact multiple of its dimension's reference: joule (energy), cubic metre
at 0 degrees Celsius and one atmosphere (volume), kilogram (mass). Energy, volume and mass
do not convert into each other here: that takes a fuel's calorific value
(see `shared.methodology.Factor.amount`).
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

Dimension = Literal["energy", "volume", "mass"]


class UnitError(ValueError):
    """A unit is unknown, or does not convert to the wanted one. The text names both."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`size` in the reference unit of `dimension` (J, Nm3 or kg)."""

    symbol: str
    dimension: Dimension
    size: Fraction


# A metered cubic metre is at 20 degrees Celsius (China's contract state for gas).
_M3 = Fraction("273.15") / Fraction("293.15")

# therm: the EC definition (100 000 Btu_IT). The US therm, 105 480 400 J, is 0.024 % smaller.
# ft3: the international foot cubed, taken at the same state as m3.
# tce: 7000 kcal (of 4.1868 kJ) per kg of standard coal, 29 307.6 MJ/t as in GB/T 2589.
_SIZES: dict[Dimension, dict[str, Fraction]] = {
    "energy": {
        "Wh": Fraction(3600),
        "kWh": Fraction(3_600_000),
        "MWh": Fraction(3_600_000_000),
        "MJ": Fraction(1_000_000),
        "GJ": Fraction(1_000_000_000),
        "therm": Fraction("105505585.262"),
        "tce": Fraction(29_307_600_000),
    },
    "volume": {
        "Nm3": Fraction(1),
        "1e4Nm3": Fraction(10_000),
        "m3": _M3,
        "ft3": Fraction("0.028316846592") * _M3,
    },
    "mass": {"kg": Fraction(1), "t": Fraction(1000)},
}
_TONNES = frozenset({"t", "tCO2", "tCO2e", "t CO2", "t CO2e"})
UNITS: dict[str, Unit] = {
    symbol: Unit(symbol, kind, size)
    for kind, sizes in _SIZES.items()
    for symbol, size in sizes.items()
}


def dimension(unit: str) -> Dimension:
    """Dimension of a unit; UnitError with the list of units when it is unknown."""
    return _unit(unit).dimension


def units_of(kind: Dimension) -> tuple[str, ...]:
    """The symbols of one dimension, in the order of the list."""
    return tuple(unit.symbol for unit in UNITS.values() if unit.dimension == kind)


def convert(value: Decimal | Fraction | int, unit: str, to: str) -> Fraction:
    """`value` in `unit`, expressed in `to`, exactly.

    Raises UnitError when either unit is unknown or their dimensions differ.
    """
    given, wanted = _unit(unit), _unit(to)
    if given.dimension != wanted.dimension:
        raise UnitError(
            f"{unit} ({given.dimension}) does not convert to {to} ({wanted.dimension}); "
            f"expected one of {', '.join(units_of(wanted.dimension))}"
        )
    return Fraction(value) * given.size / wanted.size


def output_unit(unit: str) -> str:
    """What t CO2e are per: "t/MWh" and "MWh" are both per MWh, "standard box" per such a box."""
    amount, over, per = unit.partition("/")
    return (per if over and amount.strip() in _TONNES else unit).strip()


def _unit(symbol: str) -> Unit:
    try:
        return UNITS[symbol]
    except KeyError:
        raise UnitError(f"unknown unit {symbol!r}; expected one of {', '.join(UNITS)}") from None
