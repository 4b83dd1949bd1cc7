"""Gross emissions of a farm: fuels, purchased power and heat, fertiliser, rice, animals."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.agri.domain.lines import Basis
from services.agri.domain.manure import share_of_year
from services.agri.domain.records import Fact, Refused, require, zero_or_more
from services.agri.domain.tables import SECTOR, Label
from shared.methodology import Factor, methodology
from shared.methodology.carriers import FUELS
from shared.units.amount import MG_PER_T
from shared.units.quantity import UnitError

POWER = ("electricity", "heat")
PER_HEAD = "head"


def sources() -> tuple[str, ...]:
    """The closed list of emission sources."""
    return (*POWER, *methodology().farm_sources(), *FUELS)


def basis(fact: Fact) -> Basis:
    """What an emission record adds to the gross. Refused when source or unit is unknown."""
    record = fact.record
    require(record, "emission_source", "quantity", "unit")
    assert record.emission_source and record.unit
    factor = factor_of(record.emission_source, fact.year, fact.starts)
    quantity = zero_or_more(record, "quantity")
    per_unit = _t_per_unit(factor, record.unit)
    if factor.unit == PER_HEAD:
        # Animals emit per head and year: a record of a month counts a month.
        quantity *= share_of_year(fact)
    unit = "head_year" if factor.unit == PER_HEAD else record.unit
    label = Label(factor.set, factor.version)
    return Basis("gross", quantity, unit, per_unit * MG_PER_T, label, factor.id)


def factor_of(source: str, year: int, on: date) -> Factor:
    """The factor of a source; a fuel's is of the day, others are of the year."""
    figures = methodology()
    if source == "electricity":
        return figures.electricity_factor(figures.region().grid_region, year)
    if source == "heat":
        return figures.heat_factor(on)
    if source in FUELS:
        return figures.fuel_factor(SECTOR, source, on)
    if source in figures.farm_sources():
        return figures.farm_factor(source, date(year, 12, 31))
    raise Refused("unknown_source", f"/data/source: expected one of {', '.join(sources())}")


def _t_per_unit(factor: Factor, unit: str) -> Fraction:
    try:
        return factor.tonnes(Decimal(1), unit)
    except UnitError:
        raise Refused(
            "bad_unit", f"/data/unit: expected one of {', '.join(factor.units)}"
        ) from None
