"""Manure utilisation: methane and nitrous oxide that a better treatment avoids.

kg CO2e per head and year = VS * (EF before - EF after) / 1000 * GWP(CH4)
+ Nex * (EF3 before - EF3 after) * 44/28 * GWP(N2O), counted for the days of the record.
A worse treatment counts against the farm.
"""

from fractions import Fraction

from services.agri.domain.lines import Basis
from services.agri.domain.records import Fact, Refused, require, zero_or_more
from services.agri.domain.tables import label, tables
from shared.methodology.factors import NITROGEN_TO_N2O
from shared.units.calendar import days_in_year

RULE = "manure.systems"
DAYS_PER_YEAR = 365
MG_PER_KG = 10**6


def basis(fact: Fact) -> Basis:
    """What a manure record counts, per head and year. Refused when there is no figure."""
    record = fact.record
    require(record, "animal", "heads", "system_before", "system_after")
    assert record.animal and record.system_before and record.system_after
    before = kg_per_head(record.animal, record.system_before, "system_before", fact.year)
    after = kg_per_head(record.animal, record.system_after, "system_after", fact.year)
    head_years = zero_or_more(record, "heads") * share_of_year(fact)
    factor = (before - after) * MG_PER_KG
    return Basis("manure", head_years, "head_year", factor, label(fact.year), RULE)


def share_of_year(fact: Fact) -> Fraction:
    """The days of a record per days of its year."""
    return Fraction((fact.ends - fact.starts).days, days_in_year(fact.year))


def kg_per_head(animal: str, system: str, field: str, year: int) -> Fraction:
    """Emissions of one head's manure in a year under one system, kg CO2e."""
    known = tables(year)
    systems = known.manure[animal]
    if system not in systems:
        # A system without a figure is refused, never guessed.
        raise Refused("no_factor", f"/data/{field}: expected one of {', '.join(systems)}")
    figures, head = systems[system], known.animals[animal]
    methane_kg = head.vs * DAYS_PER_YEAR * figures.ch4_g_per_kg_vs / 1000
    nitrous_kg = head.nitrogen * DAYS_PER_YEAR * figures.ef3 * NITROGEN_TO_N2O
    return methane_kg * known.gwp_ch4 + nitrous_kg * known.gwp_n2o
