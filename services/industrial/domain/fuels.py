"""What an enterprise has measured of its fuels and steam, in the place of the default figures."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from shared.methodology import CARRIERS, Factor, Measured, methodology, with_measured
from shared.units.amount import decimal_text, ratio_text
from shared.units.quantity import UnitError, convert, dimension

# The carriers that have properties to measure.
_STEAM = ("steam", "exported_steam")
MEASURABLE = tuple(
    name for name, found in CARRIERS.items() if found.kind == "fuel" or found.kind in _STEAM
)

# Beyond these multiples of the default, a figure is in another unit or mistyped.
PLAUSIBLE = (Fraction(1, 5), Fraction(3))


class MeasuredFuel(NamedTuple):
    """A version of one fuel of one enterprise, in force in the months that begin from `valid_from` on.

    `ncv` in `ncv_unit` (energy per amount, such as GJ/t), `carbon_content` in t C per GJ,
    `oxidation` a share, `enthalpy` of steam in kJ per kg. None: the default holds.
    """

    enterprise_id: str
    carrier: str
    valid_from: date
    ncv: Decimal | None
    ncv_unit: str | None
    carbon_content: Decimal | None
    oxidation: Decimal | None
    enthalpy: Decimal | None
    evidence: str


# The versions of each fuel of an enterprise, oldest first.
Fuels = Mapping[str, Sequence[MeasuredFuel]]
NOTHING_MEASURED: Fuels = {}


class WrongFuel(ValueError):
    """A property that cannot be right: `field` names it."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


def in_force(fuels: Fuels, carrier: str, month: date) -> MeasuredFuel | None:
    """What counts in a month; None before the first measurement."""
    found = None
    for version in fuels.get(carrier, ()):
        if version.valid_from > month:
            break
        found = version
    return found


@lru_cache(maxsize=4096)
def measured_factor(record: MeasuredFuel, default: Factor) -> Factor:
    """The factor with the measured properties; WrongFuel when a unit does not fit."""
    if record.enthalpy is not None:
        ncv: Fraction | None = methodology().steam_heat(record.enthalpy, record.valid_from)
    else:
        ncv = _ncv(record, default)
    measured = Measured(ncv, _fraction(record.carbon_content), _fraction(record.oxidation))
    return with_measured(default, measured, record.valid_from.isoformat(), record.evidence)


def check(record: MeasuredFuel, default: Factor) -> None:
    """WrongFuel that names the field, unless every property given is one and is plausible."""
    steam = CARRIERS[record.carrier].kind in _STEAM
    fields = ("enthalpy",) if steam else ("ncv", "carbon_content", "oxidation")
    given = {name: value for name, value in _properties(record) if value is not None}
    for name in given:
        if name not in fields:
            raise WrongFuel(name, f"{record.carrier} takes {', '.join(fields)}")
    if not given:
        raise WrongFuel(fields[0], f"expected at least one of {', '.join(fields)}")
    if record.ncv_unit is not None and record.ncv is None:
        raise WrongFuel("ncv", "expected a value with ncv_unit")
    _check_positive(given)
    _check_plausible(given, measured_factor(record, default), default)


def _properties(record: MeasuredFuel) -> Iterator[tuple[str, Decimal | None]]:
    for name in ("ncv", "carbon_content", "oxidation", "enthalpy"):
        yield name, getattr(record, name)


def _check_positive(given: Mapping[str, Decimal]) -> None:
    for name, value in given.items():
        if name == "oxidation":
            if not 0 <= value <= 1:
                raise WrongFuel(name, f"expected a share between 0 and 1, got {value}")
        elif value <= 0:
            raise WrongFuel(name, f"expected a number above zero, got {value}")


def _check_plausible(given: Mapping[str, Decimal], found: Factor, default: Factor) -> None:
    per_unit = f"GJ/{default.unit}"
    for name, attribute, unit in (
        ("ncv", "ncv_gj_per_unit", per_unit),
        ("enthalpy", "ncv_gj_per_unit", f"{per_unit} above the feed water"),
        ("carbon_content", "carbon_t_per_gj", "t C per GJ"),
        ("oxidation", "oxidation", "of the carbon"),
    ):
        if name not in given:
            continue
        value, usual = getattr(found, attribute), getattr(default, attribute)
        low, high = (usual * times for times in PLAUSIBLE)
        high = min(high, Fraction(1)) if name == "oxidation" else high
        if not low <= value <= high:
            raise WrongFuel(
                name,
                f"expected {ratio_text(low)} to {ratio_text(high)} {unit}, as the default is "
                f"{ratio_text(usual)}; got {decimal_text(given[name])}, which is "
                f"{ratio_text(value)} {unit}",
            )


def _ncv(record: MeasuredFuel, default: Factor) -> Fraction | None:
    """The calorific value in GJ per unit of the default's factor."""
    if record.ncv is None:
        return None
    if record.ncv_unit is None:
        return Fraction(record.ncv)
    energy, _, amount = record.ncv_unit.partition("/")
    try:
        if dimension(energy) != "energy":
            raise UnitError(f"{energy} is no unit of energy")
        return convert(record.ncv, energy, "GJ") / convert(1, amount, default.unit)
    except UnitError as error:
        raise WrongFuel(
            "ncv_unit", f"expected energy per amount, such as GJ/{default.unit}: {error}"
        ) from error


def _fraction(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)
