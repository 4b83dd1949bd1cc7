"""An emission factor with its origin, and the look-ups for fuels, power and heat."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal, cast

from shared.methodology.carriers import CARRIERS
from shared.methodology.editions import Editions, require
from shared.methodology.reader import Document, MethodologyError, MissingFigure
from shared.methodology.rows import Fuel, GridRow, GwpRow, HeatRow, SectorRow
from shared.units.quantity import UnitError, convert, dimension, units_of

GwpSet = Literal["SAR", "AR4", "AR5", "AR6"]
DEFAULT_GWP: GwpSet = "AR5"
FIRST_GWP = "1"
CARBON_TO_CO2 = Fraction(44, 12)
NITROGEN_TO_N2O = Fraction(44, 28)
SECTOR_PATTERN = "[A-Za-z]?([0-9]{2,4})"


@dataclass(frozen=True, slots=True)
class Factor:
    """`t_per_unit` t CO2e per `unit`. `fallback` and `warning` mark a figure that stands in.

    A fuel also has its calorific value, carbon content and oxidation; steam by mass the first.
    """

    id: str
    set: str
    version: str
    t_per_unit: Fraction
    unit: str
    source: str
    confidence: str
    fallback: bool = False
    warning: str | None = None
    warning_zh: str | None = None
    ncv_gj_per_unit: Fraction | None = None
    carbon_t_per_gj: Fraction | None = None
    oxidation: Fraction | None = None
    note: str | None = None

    @property
    def label(self) -> str:
        """Set and version in one word, as ledgers keep it."""
        return f"{self.set}@{self.version}"

    def amount(self, value: Decimal | Fraction, unit: str) -> Fraction:
        """`value` in `unit`, in the factor's own unit; energy goes through the calorific value.

        UnitError names both units and what would convert.
        """
        if unit == self.unit:
            return Fraction(value)
        if self.ncv_gj_per_unit is not None and dimension(unit) == "energy":
            return convert(value, unit, "GJ") / self.ncv_gj_per_unit
        if unit not in self.units:
            raise UnitError(
                f"{unit} does not convert to {self.unit}; expected one of {', '.join(self.units)}"
            )
        return convert(value, unit, self.unit)

    def tonnes(self, value: Decimal | Fraction, unit: str) -> Fraction:
        """Exact t CO2e of `value` in `unit`."""
        return self.amount(value, unit) * self.t_per_unit

    @property
    def units(self) -> tuple[str, ...]:
        """Every unit that `amount` takes."""
        try:
            own = units_of(dimension(self.unit))
        except UnitError:
            own = (self.unit,)
        return own + (units_of("energy") if self.ncv_gj_per_unit is not None else ())


def potential(document: Document, gas: str, wanted: GwpSet = DEFAULT_GWP) -> Fraction:
    """The global warming potential of a gas in a set; MissingFigure when the set has none."""
    row = cast(GwpRow, require(document.sections["sets"], wanted, "GWP set"))
    if gas not in row.gases:
        raise MissingFigure(
            f"{wanted} has no warming potential of {gas}; it has {', '.join(row.gases)}"
        )
    return Fraction(row.gases[gas])


def weighing(document: Document, wanted: GwpSet) -> str:
    """A set of potentials and their edition in one word, for the versions of what they weigh.

    The first edition goes without saying: ledgers began with it.
    """
    edition = document.header.version
    return wanted if edition == FIRST_GWP else f"{wanted}.{edition}"


def sector_code(sector: str) -> str:
    """The digits of a GB/T 4754 code: the letter of its section, as in C1495, says nothing more."""
    found = re.fullmatch(SECTOR_PATTERN, sector)
    if found is None:
        raise MethodologyError("expected a GB/T 4754 code of 2 to 4 digits")
    return found[1]


def sector_row(sectors: Editions, sector: str, on: date) -> SectorRow:
    """The row of a sector's division, or the one for all others."""
    rows = sectors.at(on).sections["divisions"]
    return cast(SectorRow, rows.get(sector_code(sector)[:2], rows["other"]))


@lru_cache(maxsize=8192)
def fuel_factor(
    preferred: Editions, other: Editions, carrier: str, on: date, wanted_set: str
) -> Factor:
    """The factor of a fuel in the preferred set, or, marked as fallback, in the other one."""
    if carrier not in CARRIERS or CARRIERS[carrier].kind != "fuel":
        fuels = [name for name, known in CARRIERS.items() if known.kind == "fuel"]
        raise MethodologyError(f"unknown fuel {carrier!r}; expected one of {', '.join(fuels)}")
    document = preferred.at(on)
    if carrier in document.sections["fuels"]:
        return fuel(document, carrier)
    found = fuel(other.at(on), carrier)
    return replace(
        found,
        fallback=True,
        warning=f"{wanted_set} has no {carrier}; taken from {found.set}",
        warning_zh=f"{wanted_set} 中没有 {CARRIERS[carrier].name_zh},采用 {found.set}",
    )


def fuel(document: Document, carrier: str) -> Factor:
    """The row of a fuel as a factor."""
    row = cast(Fuel, require(document.sections["fuels"], carrier, "fuel"))
    return Factor(
        id=f"fuel.{carrier}",
        set=document.header.set,
        version=document.header.version,
        t_per_unit=row.ncv * row.carbon * row.oxidation * CARBON_TO_CO2,
        unit=row.unit,
        source=row.source,
        confidence=row.confidence,
        ncv_gj_per_unit=Fraction(row.ncv),
        carbon_t_per_gj=Fraction(row.carbon),
        oxidation=Fraction(row.oxidation),
        note=row.note,
    )


@lru_cache
def grid_regions(editions: Editions) -> tuple[str, ...]:
    """The regions that any edition has a factor of, sorted."""
    rows = (row for document in editions.documents for row in _grid_rows(document))
    return tuple(sorted({row.region for row in rows}))


@lru_cache(maxsize=8192)
def electricity_factor(editions: Editions, region: str, year: int) -> Factor:
    """The region's latest factor up to the year; else the national one; else the earliest.

    The last two are fallbacks, also for a region that the year's edition does not have yet; a
    factor of another year has a warning in any case.
    """
    document, regions = editions.at(date(year, 12, 31)), grid_regions(editions)
    rows = _grid_rows(document)
    if region not in regions:
        raise MethodologyError(f"unknown grid region {region!r}; expected {', '.join(regions)}")
    own = _latest(rows, region, year)
    if own and own.year == year:
        return grid(document, own)
    if own:
        return replace(
            grid(document, own),
            warning=f"no factor of {region} for {year}; that of {own.year} taken",
            warning_zh=f"{region} 没有 {year} 年因子,采用 {own.year} 年因子",
        )
    row = _latest(rows, "national", year) or min(
        (row for row in rows if row.region == "national"), key=lambda row: row.year
    )
    return replace(
        grid(document, row),
        fallback=True,
        warning=f"no factor of {region} up to {year}; national {row.year} taken",
        warning_zh=f"{region} 在 {year} 年及以前没有因子,采用 {row.year} 年全国因子",
    )


def _grid_rows(document: Document) -> list[GridRow]:
    return [cast(GridRow, row) for row in document.sections["grid"].values()]


def _latest(rows: Iterable[GridRow], region: str, year: int) -> GridRow | None:
    known = (row for row in rows if row.region == region and row.year <= year)
    return max(known, key=lambda row: row.year, default=None)


def grid(document: Document, row: GridRow) -> Factor:
    return Factor(
        id=f"grid.{row.region}.{row.year}",
        set=document.header.set,
        version=document.header.version,
        t_per_unit=Fraction(row.value),
        unit="MWh",
        source=row.source,
        confidence=row.confidence,
        note=row.note,
    )


def alternative_factor(document: Document, name: str) -> Factor:
    """A grid factor for a special question: residual mix, fossil power, life cycle."""
    row = cast(GridRow, require(document.sections["alternatives"], name, "grid alternative"))
    return replace(grid(document, row), id=f"grid.{name}", warning=row.note)


def heat_factor(document: Document, name: str) -> Factor:
    """`heat` per GJ, or `steam` per t with its enthalpy above the feed water."""
    row = cast(HeatRow, document.sections["heat"][name])
    per_t = None if row.enthalpy is None else steam_heat(document, row.enthalpy)
    return Factor(
        id=name,
        set=document.header.set,
        version=document.header.version,
        t_per_unit=row.value * (per_t or 1),
        unit="GJ" if per_t is None else "t",
        source=row.source,
        confidence=row.confidence,
        ncv_gj_per_unit=per_t,
        note=row.note,
    )


def steam_heat(document: Document, enthalpy: Decimal | Fraction) -> Fraction:
    """GJ per t of steam of an enthalpy in kJ per kg, above that of the feed water."""
    row = cast(HeatRow, document.sections["heat"]["steam"])
    return (Fraction(enthalpy) - (row.feed_water or 0)) / 1000
