"""Soil carbon: the yearly share of a stock change after a lasting change of practice.

By factors: t CO2e per ha and year = SOCref * FLU * (FMG1 * FI1 - FMG0 * FI0) / 20 * 44/12;
by measurement: (stock after - stock before) / years * 44/12, with a stock (t C/ha) as reported or
from samples: SOC (g/kg) * bulk density (g/cm3) * depth (cm) * 0.1 * (1 - stones). A loss counts as
a loss.
"""

from fractions import Fraction

from services.agri.domain.lines import Basis
from services.agri.domain.records import (
    Fact,
    Refused,
    above_zero,
    in_range,
    require,
    zero_or_more,
)
from services.agri.domain.tables import label, tables
from shared.events.types import FarmRecord
from shared.methodology.factors import CARBON_TO_CO2
from shared.units.amount import MG_PER_T

BY_FACTORS = "soil.factors"
BY_STOCKS = "soil.measured"
BY_SAMPLES = "soil.sampled"
FACTOR_FIELDS = (
    "soil",
    "land_use",
    "tillage_before",
    "tillage_after",
    "input_before",
    "input_after",
)
STOCK_FIELDS = ("stock_before_t_per_ha", "stock_after_t_per_ha")
SAMPLE_FIELDS = (
    "soc_before_g_per_kg",
    "soc_after_g_per_kg",
    "bulk_density_before_g_per_cm3",
    "bulk_density_after_g_per_cm3",
    "depth_cm",
    "stones",
)
# g/kg x g/cm3 x cm in t/ha.
T_PER_HA = Fraction(1, 10)


def other_end(since: int | None, year: int) -> int | None:
    """Of the year of a change and the one 20 years after it, the one that `year` is not.

    Either may count, the two of them would be a twenty-first share. None for the years between.
    """
    last = None if since is None else since + tables(year).soil_years
    return {since: last, last: since}.get(year) if last is not None else None


def basis(fact: Fact) -> Basis:
    """What a soil record counts for its year. Refused when fields are missing or it is too old."""
    record = fact.record
    _check_since(fact)
    area = above_zero(record, "area_ha")
    rule = rule_of(record)
    rate = _by_factors(record, fact.year) if rule == BY_FACTORS else _measured(record, rule)
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


def stock(record: FarmRecord, when: str) -> Fraction:
    """t C/ha `before` or `after`, from the samples of a layer."""
    fine = 1 - in_range(record, "stones")
    carbon = in_range(record, f"soc_{when}_g_per_kg")
    density = in_range(record, f"bulk_density_{when}_g_per_cm3")
    return carbon * density * in_range(record, "depth_cm") * T_PER_HA * fine


def rule_of(record: FarmRecord) -> str:
    """Measured goes before factors; stocks and samples exclude each other."""

    def given(fields: tuple[str, ...]) -> list[str]:
        return [field for field in fields if getattr(record, field) is not None]

    stocks, samples = given(STOCK_FIELDS), given(SAMPLE_FIELDS)
    if stocks and samples:
        raise Refused("bad_value", f"/data/{samples[0]}: expected stocks or samples, not both")
    if samples:
        return BY_SAMPLES
    return BY_STOCKS if stocks or given(("stock_years",)) else BY_FACTORS


def _measured(record: FarmRecord, rule: str) -> Fraction:
    if rule == BY_SAMPLES:
        require(record, *SAMPLE_FIELDS, "stock_years")
        before, after = stock(record, "before"), stock(record, "after")
    else:
        before, after = (zero_or_more(record, field) for field in STOCK_FIELDS)
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
