"""Rates: what one unit of a quantity emits, with the figure that says so."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from services.industrial.domain.entries import ENERGY, PV, WATER, decimal_of
from services.industrial.domain.facts import Refused
from services.industrial.domain.fuels import MeasuredFuel, WrongFuel, measured_factor
from shared.methodology import (
    CARRIERS,
    Factor,
    MethodologyError,
    MissingFigure,
    methodology,
)
from shared.units.amount import MG_PER_T
from shared.units.quantity import UnitError


class Rate(NamedTuple):
    """`per_unit` is exact, in mg CO2e per unit; `factor` is the same to 50 digits.

    `sign` is -1 for what leaves the enterprise: its quantity is posted as negative.
    """

    category: str
    sign: int
    per_unit: Fraction
    factor: Decimal
    factor_id: str | None
    factor_set: str | None
    factor_version: str | None
    fallback: bool


def free(category: str) -> Rate:
    """The rate of a quantity that emits nothing by itself (output, value added, water)."""
    return Rate(category, 1, Fraction(0), Decimal(0), None, None, None, False)


@lru_cache(maxsize=65_536)
def meter_rate(
    carrier: str,
    unit: str,
    sector: str,
    region: str,
    month: date,
    measured: MeasuredFuel | None = None,
) -> Rate:
    """The rate of a metered carrier in one month. Refused when the city has no figure for it.

    What the enterprise has measured of a fuel goes before the default.
    Self-used PV is shown at what the grid would have emitted; green power and water emit nothing,
    a green certificate takes back what the grid emitted for purchased electricity.
    """
    found = CARRIERS[carrier]
    if found.kind == "water":
        return free(WATER)
    if found.kind == "green_power":
        return free(ENERGY)._replace(factor_id="green_power.certificate")
    is_pv = found.kind == "pv_generation"
    try:
        factor = meter_figure(carrier, sector, region, month, measured)
        per_unit = factor.tonnes(Decimal(1), unit) * MG_PER_T
    except (MethodologyError, UnitError, WrongFuel) as error:
        raise Refused("no_factor", str(error)) from error
    return _rate(PV if is_pv else ENERGY, -1 if found.sign < 0 else 1, per_unit, factor)


def meter_figure(
    carrier: str, sector: str, region: str, month: date, measured: MeasuredFuel | None = None
) -> Factor:
    """The figure of a carrier in one month: the default, with what was measured in its place.

    Of self-used solar power that of the grid.
    """
    carrier = "electricity" if CARRIERS[carrier].kind == "pv_generation" else carrier
    default = methodology().meter_factor(carrier, sector=sector, region=region, on=month)
    return default if measured is None else measured_factor(measured, default)


@lru_cache(maxsize=4096)
def activity_rate(
    name: str,
    unit: str,
    purity: Decimal | None,
    content: tuple[tuple[str, Decimal], ...],
    month: date,
) -> Rate:
    """The rate of a process activity; Refused when its name, unit or shares are not known."""
    try:
        activity = methodology().activity(name, month)
    except MissingFigure as error:
        raise Refused("no_factor", f"/data/activity: {name}: {error}") from error
    except MethodologyError as error:
        raise Refused("unknown_activity", f"/data/activity: {error}") from error
    try:
        per_unit = activity.tonnes(Decimal(1), unit, purity, dict(content)) * MG_PER_T
    except UnitError as error:
        raise Refused("wrong_unit", f"/data/unit of {name}: {error}") from error
    except MethodologyError as error:
        raise Refused("wrong_share", f"/data: {error}") from error
    # A figure below zero (recovered CO2) takes back: its quantity is posted as negative.
    return _rate(activity.bucket, -1 if per_unit < 0 else 1, abs(per_unit), activity.factor)


def _rate(category: str, sign: int, per_unit: Fraction, factor: Factor) -> Rate:
    return Rate(
        category,
        sign,
        per_unit,
        decimal_of(per_unit),
        factor.id,
        factor.set,
        factor.version,
        factor.fallback,
    )
