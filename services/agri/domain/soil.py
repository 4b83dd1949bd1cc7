"""Soil carbon: the yearly share of a stock change after a lasting change of practice.

By factors: t CO2e per ha and year = SOCref * FLU * (FMG1 * FI1 - FMG0 * FI0) / 20 * 44/12;
by measurement: (stock after - stock before) / years * 44/12. A loss counts as a loss.
"""

from fractions import Fraction

from services.agri.domain.lines import Basis
from services.agri.domain.records import Fact, Refused, above_zero, require, zero_or_more
from services.agri.domain.tables import label, tables
from shared.events.types import FarmRecord
from shared.methodology.factors import CARBON_TO_CO2
from shared.units.amount import MG_PER_T

BY_FACTORS = "soil.factors"
BY_MEASUREMENT = "soil.measured"
FACTOR_FIELDS = (
    "soil",
    "land_use",
    "tillage_before",
    "tillage_after",
    "input_before",
    "input_after",
)
STOCK_FIELDS = ("stock_before_t_per_ha", "stock_after_t_per_ha", "stock_years")


def basis(fact: Fact) -> Basis:
    """What a soil record counts for its year. Refused when fields are missing or it is too old."""
    record = fact.record
    _check_since(fact)
    area = above_zero(record, "area_ha")
    measured = any(getattr(record, field) is not None for field in STOCK_FIELDS)
    rate = _measured(record) if measured else _by_factors(record, fact.year)
    rule = BY_MEASUREMENT if measured else BY_FACTORS
    return Basis("soil", area, "ha", rate * MG_PER_T, label(fact.year), rule)


def _check_since(fact: Fact) -> None:
    since, years = fact.record.since, tables(fact.year).soil_years
    if since is None:
        return
    if since > fact.year:
        raise Refused("bad_value", f"/data/since: expected {fact.year} or earlier, got {since}")
    if fact.year - since > years:
        raise Refused(
            "change_too_old",
            f"/data/since: expected {fact.year - years} or later, got {since}: "
            f"a change counts for {years} years",
        )


def _measured(record: FarmRecord) -> Fraction:
    before = zero_or_more(record, "stock_before_t_per_ha")
    after = zero_or_more(record, "stock_after_t_per_ha")
    return (after - before) / above_zero(record, "stock_years") * CARBON_TO_CO2


def _by_factors(record: FarmRecord, year: int) -> Fraction:
    require(record, *FACTOR_FIELDS)
    assert record.soil and record.land_use
    assert record.tillage_before and record.tillage_after
    assert record.input_before and record.input_after
    known = tables(year)
    before = known.tillage[record.tillage_before] * known.input[record.input_before]
    after = known.tillage[record.tillage_after] * known.input[record.input_after]
    stock = known.soc_ref[record.soil] * known.land_use[record.land_use]
    return stock * (after - before) / known.soil_years * CARBON_TO_CO2
