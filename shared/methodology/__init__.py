"""Figures of the carbon accounts: versioned data files and typed, exact look-ups on them.

    from shared.methodology import CARRIERS, MethodologyError, methodology

`methodology()` (read once, cached) gives a frozen `Methodology`:

    .fuel_factor(sector, carrier, on)      -> Factor   t or 1e4Nm3; sector picks the set
    .electricity_factor(region, year)      -> Factor   MWh; `.fallback` and `.warning`
    .alternative_factor("fossil.2023")     -> Factor   published, never taken by itself
    .heat_factor(), .steam_factor()        -> Factor   GJ; t of steam
    .meter_factor(carrier, sector=, region=, on=) -> Factor   whichever of these applies
    .steam_heat(enthalpy)                  -> Fraction  GJ per t of steam of that enthalpy
    .activity(name)                        -> Activity `.bucket`, `.factor`, `.contents`, `.scales`,
                                              `.tonnes(quantity, unit, purity, content)`
    .gwp(gas, set=None)                    -> Fraction  by default of `.gwp_set`
    .figures(), .origin(set, version, id)  -> Factor   all of them; the one that an entry names
    .scenario(kind, on=None), .scenarios(on=None) -> Scenario, the 18 in their order
    .classification_rules(), .reasons() -> from payments to scenarios, or why to none
    .agri(edition="2019")                  -> AgriTables
    .farm_factor(source)                   -> Factor   fertiliser_n, manure.<animal>.<system>, ...
    .farm_types()                          -> what was published of each type of farm
    .label_rules(kind)                     -> IndustrialRule | AgriRule | PersonalRule
    .rule_version()                        -> "labels@1", "labels@1:3011" of a sector's own
    .city_rule()                           -> CityRule
    .label_name(kind, label), .label_names(kind) -> LabelName (en, zh), best first
    .policy(kind, label), .policies(kind)  -> Policy; `.facts()` as text pairs
    .benchmarks()                          -> tuple[SampleBenchmark, ...] (illustrative)
    .region()                              -> RegionFacts
    .tree_equivalent(grams)                -> int

A `Factor` multiplies: `factor.tonnes(value, unit)` is the exact t CO2e of `value` in any unit
that converts to the factor's own, calorific value included; `factor.label` is "set@version".
Look-ups of a word that is not in a closed list raise MethodologyError with the list.
"""

from shared.methodology.agri import AgriTables, Animal, ManureSystem, Paddy
from shared.methodology.carriers import CARRIERS, Carrier
from shared.methodology.catalogue import Methodology, methodology, trees
from shared.methodology.classification import ClassificationRule, ReasonRow, RuleRow
from shared.methodology.factors import SECTOR_PATTERN, Factor, sector_code
from shared.methodology.label_rows import (
    AgriRule,
    CityRule,
    IndustrialRule,
    LabelName,
    PersonalRule,
    Policy,
    SampleBenchmark,
)
from shared.methodology.measured import MEASURED, Measured, with_measured
from shared.methodology.process import Activity
from shared.methodology.reader import MethodologyError, MissingFigure
from shared.methodology.rows import RegionFacts
from shared.methodology.scenarios import Scenario

__all__ = [
    "CARRIERS",
    "MEASURED",
    "SECTOR_PATTERN",
    "Activity",
    "AgriRule",
    "AgriTables",
    "Animal",
    "Carrier",
    "CityRule",
    "ClassificationRule",
    "Factor",
    "IndustrialRule",
    "LabelName",
    "ManureSystem",
    "Measured",
    "Methodology",
    "MethodologyError",
    "MissingFigure",
    "Paddy",
    "PersonalRule",
    "Policy",
    "ReasonRow",
    "RegionFacts",
    "RuleRow",
    "SampleBenchmark",
    "Scenario",
    "methodology",
    "sector_code",
    "trees",
    "with_measured",
]
