"""The figures of the farm pathways, in one edition of the IPCC guidelines."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import cast

from shared.methodology.editions import require
from shared.methodology.factors import NITROGEN_TO_N2O, Factor, GwpSet, potential
from shared.methodology.reader import Document
from shared.methodology.rows import (
    AnimalRow,
    Edition,
    EditionRow,
    FarmSourceRow,
    FigureRow,
    ManureRow,
    PaddyRow,
    StrawRow,
)


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
    `manure[animal]` gives the systems of that animal.
    """

    edition: str
    set: str
    version: str
    soc_ref: Mapping[str, Fraction]
    land_use: Mapping[str, Fraction]
    tillage: Mapping[str, Fraction]
    input: Mapping[str, Fraction]
    soil_years: int
    straw: Mapping[str, tuple[Fraction, Fraction]]
    straw_cap_t_per_ha: Fraction
    straw_burning_t_per_t: Fraction
    paddy: Paddy
    animals: Mapping[str, Animal]
    manure: Mapping[str, Mapping[str, ManureSystem]]
    n2o: Mapping[str, Fraction]
    nitrogen_production_t_per_t: Fraction
    gwp_set: GwpSet
    gwp_ch4: Fraction
    gwp_n2o: Fraction

    @property
    def label(self) -> str:
        """Set, version and edition in one word, as ledgers keep it."""
        return f"{self.set}@{self.version}+IPCC{self.edition}+{self.gwp_set}"


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
        straw_burning_t_per_t=figure["straw_burning"],
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
        gwp_ch4=potential(gwp, "CH4", gwp_set),
        gwp_n2o=potential(gwp, "N2O", gwp_set),
    )


@cache
def farm_factor(document: Document, gwp: Document, gwp_set: GwpSet, name: str) -> Factor:
    """A farm's own emission source; kg of gases become t CO2e per unit."""
    row = cast(FarmSourceRow, require(document.sections["sources"], name, "farm source"))
    n2o = row.n2o + row.n2o_n * NITROGEN_TO_N2O
    methane, nitrous = potential(gwp, "CH4", gwp_set), potential(gwp, "N2O", gwp_set)
    kilograms = row.co2 + row.ch4 * methane + n2o * nitrous
    return Factor(
        id=f"farm.{name}",
        set=document.header.set,
        version=f"{document.header.version}+{gwp_set}",
        t_per_unit=kilograms / 1000,
        unit=row.unit,
        source=row.source,
        confidence=row.confidence,
    )


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
