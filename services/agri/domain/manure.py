"""Manure utilisation: methane and nitrous oxide that a better treatment avoids.

kg CO2e per head and year = VS * (EF before - EF after) / 1000 * GWP(CH4)
+ Nex * (EF3 before - EF3 after) * 44/28 * GWP(N2O), counted for the days of the record.
A worse treatment counts against the farm. Two terms more where the record shows them: the fuel that
biogas replaces (m3 * calorific value * factor of the fuel), and the synthetic nitrogen that the
manure replaces (its manufacture, and its direct nitrous oxide less that of organic nitrogen).
"""

from fractions import Fraction

from services.agri.domain.lines import Basis
from services.agri.domain.records import Fact, Refused, in_range, require, zero_or_more
from services.agri.domain.tables import SECTOR, Label, label, tables
from shared.methodology import methodology
from shared.methodology.agri import DAYS_PER_YEAR
from shared.methodology.carriers import FUELS
from shared.methodology.factors import NITROGEN_TO_N2O
from shared.units.amount import MG_PER_T
from shared.units.calendar import days_in_year

RULE = "manure.systems"
BIOGAS = "manure.biogas"
NITROGEN = "manure.nitrogen"
DIGESTER = "digester"
MG_PER_KG = 10**6
MJ_PER_GJ = 1000
BIOGAS_FIELDS = ("biogas_m3", "biogas_lhv_mj_per_m3", "biogas_replaces")
NITROGEN_FIELDS = ("synthetic_n_before_t", "synthetic_n_after_t")


def bases(fact: Fact) -> list[Basis]:
    """What a manure record counts. Refused when there is no figure."""
    record = fact.record
    found = [_systems(fact)]
    if any(getattr(record, field) is not None for field in BIOGAS_FIELDS):
        found.append(_biogas(fact))
    if any(getattr(record, field) is not None for field in NITROGEN_FIELDS):
        found.append(_nitrogen(fact))
    return found


def share_of_year(fact: Fact) -> Fraction:
    """The days of a record per days of its year."""
    return Fraction((fact.ends - fact.starts).days, days_in_year(fact.year))


def kg_per_head(animal: str, system: str, field: str, year: int) -> Fraction:
    """Emissions of one head's manure in a year under one system, kg CO2e."""
    systems = tables(year).manure[animal]
    if system not in systems:
        # A system without a figure is refused, never guessed.
        raise Refused("no_factor", f"/data/{field}: expected one of {', '.join(systems)}")
    return tables(year).manure_kg_per_head(animal, system)


def _systems(fact: Fact) -> Basis:
    record = fact.record
    require(record, "animal", "heads", "system_before", "system_after")
    assert record.animal and record.system_before and record.system_after
    before = kg_per_head(record.animal, record.system_before, "system_before", fact.year)
    after = kg_per_head(record.animal, record.system_after, "system_after", fact.year)
    factor = (before - after) * MG_PER_KG
    return Basis("manure", _head_years(fact), "head_year", factor, label(fact.year), RULE)


def _biogas(fact: Fact) -> Basis:
    """The fuel not burnt, by the energy of the biogas."""
    record = fact.record
    require(record, *BIOGAS_FIELDS)
    if record.system_after != DIGESTER:
        raise Refused(
            "bad_value",
            f"/data/biogas_m3: expected with system_after {DIGESTER}, got {record.system_after}",
        )
    if record.biogas_replaces not in FUELS:
        expected = f"/data/biogas_replaces: expected one of {', '.join(FUELS)}"
        raise Refused("unknown_source", expected)
    energy = zero_or_more(record, "biogas_m3") * in_range(record, "biogas_lhv_mj_per_m3")
    fuel = methodology().fuel_factor(SECTOR, record.biogas_replaces, fact.starts)
    per_gj = fuel.tonnes(Fraction(1), "GJ") * MG_PER_T
    rule = f"{BIOGAS}.{record.biogas_replaces}"
    return Basis("manure", energy / MJ_PER_GJ, "GJ", per_gj, Label(fuel.set, fuel.version), rule)


def _nitrogen(fact: Fact) -> Basis:
    """The synthetic nitrogen that a fertiliser record shows as cut, at most that of the manure."""
    record = fact.record
    require(record, *NITROGEN_FIELDS, "evidence")
    assert record.animal
    before, after = (zero_or_more(record, field) for field in NITROGEN_FIELDS)
    if after >= before:
        raise Refused(
            "bad_value",
            f"/data/synthetic_n_after_t: expected less than the {record.synthetic_n_before_t} t "
            f"before, got {record.synthetic_n_after_t}",
        )
    known = tables(fact.year)
    held = _head_years(fact) * known.animals[record.animal].nitrogen * DAYS_PER_YEAR / 1000
    if before - after > held:
        raise Refused(
            "bad_value",
            f"/data/synthetic_n_after_t: expected a cut of at most {_shown(held)} t, "
            "the nitrogen of the manure",
        )
    direct = (known.n2o["ef1_synthetic"] - known.n2o["ef1_organic"]) * NITROGEN_TO_N2O
    factor = known.nitrogen_production_t_per_t + direct * known.gwp_n2o
    cut = before - after
    return Basis("manure", cut, "t_n", factor * MG_PER_T, label(fact.year), NITROGEN)


def _head_years(fact: Fact) -> Fraction:
    return zero_or_more(fact.record, "heads") * share_of_year(fact)


def _shown(value: Fraction) -> str:
    return f"{float(value):.6g}"
