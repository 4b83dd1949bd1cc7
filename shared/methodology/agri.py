"""The figures of the farm pathways, in one edition of the IPCC guidelines."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import cast

from shared.methodology.editions import require
from shared.methodology.factors import NITROGEN_TO_N2O, Factor, GwpSet, potential, weighing
from shared.methodology.reader import Document
from shared.methodology.rows import (
    AnimalRow,
    BurningRow,
    Edition,
    EditionRow,
    FarmSourceRow,
    FigureRow,
    ManureRow,
    PaddyRow,
    StrawRow,
)

DAYS_PER_YEAR = 365


@dataclass(frozen=True, slots=True)
class Animal:
    """`vs` and `nitrogen` in kg per head and day; `b0` m3 CH4 per kg VS."""

    name: str
    vs: Fraction
    nitrogen: Fraction
    b0: Fraction


@dataclass(frozen=True, slots=True)
class ManureSystem:
    """`ch4_g_per_kg_vs`; `ef3` kg N2O-N per kg N."""

    name: str
    ch4_g_per_kg_vs: Fraction
    ef3: Fraction


@dataclass(frozen=True, slots=True)
class Paddy:
    """Methane of a flooded rice season (kg/ha/day, days) and what returned straw adds to it."""

    ch4_kg_per_ha_day: Fraction
    days: int
    exponent: Fraction
    cfoa_short: Fraction
    cfoa_long: Fraction


@dataclass(frozen=True, slots=True)
class AgriTables:
    """Soil in t C/ha and factors; straw pairs (a, b) in kgC/ha/yr = a x S + b, S in t/ha/yr.

    Keys are the words of farm records; straw regions are south, north, northeast, northwest.
    `straw_burning[crop]` in t CO2e per t of straw; `manure[animal]` gives the systems of that
    animal.
    """

    edition: Edition
    set: str
    version: str
    soc_ref: Mapping[str, Fraction]
    land_use: Mapping[str, Fraction]
    tillage: Mapping[str, Fraction]
    input: Mapping[str, Fraction]
    soil_years: int
    straw: Mapping[str, tuple[Fraction, Fraction]]
    straw_cap_t_per_ha: Fraction
    straw_burning: Mapping[str, Fraction]
    paddy: Paddy
    animals: Mapping[str, Animal]
    manure: Mapping[str, Mapping[str, ManureSystem]]
    n2o: Mapping[str, Fraction]
    nitrogen_production_t_per_t: Fraction
    gwp_set: GwpSet
    weighing: str
    gwp_ch4: Fraction
    gwp_n2o: Fraction

    def manure_kg_per_head(self, animal: str, system: str) -> Fraction:
        """kg CO2e of one head's manure in a year under a system."""
        head, figures = self.animals[animal], self.manure[animal][system]
        methane_kg = head.vs * DAYS_PER_YEAR * figures.ch4_g_per_kg_vs / 1000
        nitrous_kg = head.nitrogen * DAYS_PER_YEAR * figures.ef3 * NITROGEN_TO_N2O
        return methane_kg * self.gwp_ch4 + nitrous_kg * self.gwp_n2o

    @property
    def label(self) -> str:
        """Set, version and edition in one word, as ledgers keep it."""
        return f"{self.set}@{self.version}+IPCC{self.edition}+{self.weighing}"


@cache
def read_tables(
    document: Document, gwp: Document, gwp_set: GwpSet, edition: Edition, high: bool
) -> AgriTables:
    """The tables of an edition; `high` takes high-productivity animals and systems."""
    figure = _figures(document)
    animals = _animals(document, "animals" if high else "animals_mean")
    rows = document.sections["manure" if high else "manure_low"]
    return AgriTables(
        edition=edition,
        set=document.header.set,
        version=document.header.version,
        soc_ref=_column(document, "soc_ref", edition),
        land_use=_column(document, "land_use", edition),
        tillage=_column(document, "tillage", edition),
        input=_column(document, "input", edition),
        soil_years=int(figure["soil_years"]),
        straw=_straw(document),
        straw_cap_t_per_ha=figure["straw_cap"],
        straw_burning=_burning(document, *_potentials(gwp, gwp_set)),
        paddy=_paddy(document),
        animals=animals,
        manure={
            name: {
                system: _system(system, cast(ManureRow, row), animal, figure["vs_ch4_density"])
                for system, row in rows.items()
            }
            for name, animal in animals.items()
        },
        n2o=_column(document, "n2o", edition),
        nitrogen_production_t_per_t=figure["nitrogen_production"],
        gwp_set=gwp_set,
        weighing=weighing(gwp, gwp_set),
        gwp_ch4=_potentials(gwp, gwp_set)[0],
        gwp_n2o=_potentials(gwp, gwp_set)[1],
    )


def farm_sources(document: Document) -> tuple[str, ...]:
    """Rows of sources, then the manure of each animal under each system."""
    systems = (
        f"manure.{animal}.{system}"
        for animal in document.sections["animals"]
        for system in document.sections["manure"]
    )
    return (*document.sections["sources"], *systems)


@cache
def farm_factor(
    document: Document, gwp: Document, gwp_set: GwpSet, edition: Edition, name: str
) -> Factor:
    """A farm's own emission source; kg of gases become t CO2e per unit."""
    require(dict.fromkeys(farm_sources(document)), name, "farm source")
    tables = read_tables(document, gwp, gwp_set, edition, True)
    if name.startswith("manure."):
        return _manure_factor(document, tables, name)
    row = cast(FarmSourceRow, document.sections["sources"][name])
    n2o = row.n2o + _nitrous_kg_per_t(row, tables.n2o)
    kilograms = row.co2 + row.ch4 * tables.gwp_ch4 + n2o * tables.gwp_n2o
    return Factor(
        id=f"farm.{name}",
        set=tables.set,
        version=tables.label.partition("@")[2],
        t_per_unit=kilograms / 1000,
        unit=row.unit,
        source=row.source,
        confidence=row.confidence,
        note=row.note,
    )


def _manure_factor(document: Document, tables: AgriTables, name: str) -> Factor:
    _, animal, system = name.split(".")
    row = document.sections["manure"][system]
    return Factor(
        id=f"farm.{name}",
        set=tables.set,
        version=tables.label.partition("@")[2],
        t_per_unit=tables.manure_kg_per_head(animal, system) / 1000,
        unit="head",
        source=row.source,
        confidence=row.confidence,
        note=row.note,
    )


def _nitrous_kg_per_t(row: FarmSourceRow, n2o: Mapping[str, Fraction]) -> Fraction:
    """kg N2O per t of nitrogen: direct, of what volatilises, of what leaches."""
    if row.ef1 is None or row.frac_gas is None:
        return Fraction(0)
    lost = n2o[row.ef1] + n2o[row.frac_gas] * n2o["ef4"] + n2o["frac_leach"] * n2o["ef5"]
    return lost * 1000 * NITROGEN_TO_N2O


def _potentials(gwp: Document, gwp_set: GwpSet) -> tuple[Fraction, Fraction]:
    return potential(gwp, "CH4", gwp_set), potential(gwp, "N2O", gwp_set)


def _burning(document: Document, methane: Fraction, nitrous: Fraction) -> dict[str, Fraction]:
    rows = [(name, cast(BurningRow, row)) for name, row in document.sections["burning"].items()]
    return {name: (row.ch4 * methane + row.n2o * nitrous) * row.burnt / 1000 for name, row in rows}


def _column(document: Document, section: str, edition: Edition) -> dict[str, Fraction]:
    rows = document.sections[section].items()
    return {name: cast(EditionRow, row).of(edition) for name, row in rows}


def _figures(document: Document) -> dict[str, Fraction]:
    rows = document.sections["figures"].items()
    return {name: Fraction(cast(FigureRow, row).value) for name, row in rows}


def _straw(document: Document) -> dict[str, tuple[Fraction, Fraction]]:
    rows = [(name, cast(StrawRow, row)) for name, row in document.sections["straw"].items()]
    return {name: (Fraction(row.slope), Fraction(row.intercept)) for name, row in rows}


def _paddy(document: Document) -> Paddy:
    row = cast(PaddyRow, document.sections["paddy"]["season"])
    return Paddy(row.ch4_kg_per_ha_day, row.days, row.exponent, row.cfoa_short, row.cfoa_long)


def _animals(document: Document, section: str) -> dict[str, Animal]:
    rows = [(name, cast(AnimalRow, row)) for name, row in document.sections[section].items()]
    return {
        name: Animal(name, row.vs * row.weight / 1000, row.n * row.weight / 1000, Fraction(row.b0))
        for name, row in rows
    }


def _system(name: str, row: ManureRow, animal: Animal, density: Fraction) -> ManureSystem:
    """Without a figure per kg VS: B0 x 0.67 kg/m3 x MCF."""
    grams = row.ch4
    if grams is None:
        return ManureSystem(name, animal.b0 * density * (row.mcf or 0) * 1000, Fraction(row.ef3))
    return ManureSystem(name, Fraction(grams), Fraction(row.ef3))
