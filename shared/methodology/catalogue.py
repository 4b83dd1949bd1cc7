"""The figures of all data files in one place, asked by date, sector, region or label."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args, overload

from shared.methodology import agri, factors, origins, process
from shared.methodology.agri import AgriTables
from shared.methodology.carriers import CARRIERS
from shared.methodology.classification import ClassificationRule, ReasonRow, read_rules
from shared.methodology.editions import Editions, require
from shared.methodology.factors import DEFAULT_GWP, Factor, GwpSet, potential
from shared.methodology.files import DATA, load
from shared.methodology.label_rows import (
    AgriRule,
    CityRule,
    IndustrialRule,
    LabelName,
    PersonalRule,
    Policy,
    SampleBenchmark,
    label_id,
)
from shared.methodology.process import Activity
from shared.methodology.reader import Document, MethodologyError
from shared.methodology.rows import (
    Edition,
    FarmTypeRow,
    ProcessRow,
    RegionFacts,
    Row,
    SectorRow,
)
from shared.methodology.scenarios import Scenario, read_scenarios
from shared.units.amount import round_half_even

LabelRule = IndustrialRule | AgriRule | PersonalRule

_ZERO = {"pv_generation", "green_power", "water"}
GWP_VARIABLE = "TANZHANG_GWP_SET"
EDITION_VARIABLE = "TANZHANG_IPCC_EDITION"


@dataclass(frozen=True, slots=True, eq=False)
class Methodology:
    """All figures. Words outside a closed list raise MethodologyError with the list.

    `gwp_set` weighs the other gases against CO2, `ipcc_edition` gives the farm tables; each is
    part of the version of what it was used in.
    """

    files: dict[str, Editions]
    gwp_set: GwpSet = DEFAULT_GWP
    ipcc_edition: Edition = "2019"

    def sector(self, sector: str, on: date = date.max) -> SectorRow:
        """Names and fuel set of the division of a GB/T 4754 code."""
        return factors.sector_row(self.files["sector_sets"], sector, on)

    def fuel_factor(self, sector: str, carrier: str, on: date) -> Factor:
        """t CO2 per t or 1e4Nm3 of a fuel, from the set of the enterprise's sector."""
        wanted = self.sector(sector, on).fuels
        sets = {"fuels_a": self.files["fuels_set_a"], "fuels_b": self.files["fuels_set_b"]}
        preferred = sets.pop(wanted)
        return factors.fuel_factor(preferred, next(iter(sets.values())), carrier, on, wanted)

    def electricity_factor(self, region: str, year: int) -> Factor:
        """t CO2 per MWh; `fallback` and `warning` when the region has none up to the year."""
        return factors.electricity_factor(self.files["grid"], region, year)

    def alternative_factor(self, name: str) -> Factor:
        """A published grid factor that is never taken by itself, such as `fossil.2023`."""
        return factors.alternative_factor(self.files["grid"].latest, name)

    def grid_regions(self) -> tuple[str, ...]:
        """The regions that have a grid factor, sorted."""
        return factors.grid_regions(self.files["grid"])

    def heat_factor(self, on: date = date.max) -> Factor:
        """t CO2 per GJ of purchased heat."""
        return factors.heat_factor(self.files["grid"].at(on), "heat")

    def steam_factor(self, on: date = date.max) -> Factor:
        """t CO2 per t of purchased steam, with a default enthalpy; takes energy units too."""
        return factors.heat_factor(self.files["grid"].at(on), "steam")

    def steam_heat(self, enthalpy: Decimal, on: date = date.max) -> Fraction:
        """GJ per t of steam of an enthalpy in kJ per kg, above that of the feed water."""
        return factors.steam_heat(self.files["grid"].at(on), enthalpy)

    def meter_factor(self, carrier: str, *, sector: str, region: str, on: date) -> Factor:
        """The factor of any carrier, without the carrier's sign (see CARRIERS)."""
        kind = require(CARRIERS, carrier, "carrier").kind
        if kind in ("electricity", "exported_electricity", "green_certificate"):
            return self.electricity_factor(region, on.year)
        if kind in ("heat", "exported_heat"):
            return self.heat_factor(on)
        if kind in ("steam", "exported_steam"):
            return self.steam_factor(on)
        return (
            self._without_emission(kind) if kind in _ZERO else self.fuel_factor(sector, carrier, on)
        )

    def _without_emission(self, kind: str) -> Factor:
        header = self.files["grid"].latest.header
        unit = "m3" if kind == "water" else "MWh"
        source = "MEE supplementary data tables: counted as zero"
        return Factor(f"zero.{kind}", header.set, header.version, Fraction(0), unit, source, "V")

    def gwp(self, gas: str, set: GwpSet | None = None, on: date = date.max) -> Fraction:
        """t CO2e per t of a gas over 100 years, in a set or in the one that is used here."""
        return potential(self.files["gwp"].at(on), gas, set or self.gwp_set)

    def figures(self) -> tuple[Factor, ...]:
        """Every factor of fuels, power, heat, steam and process activities, of all versions."""
        return tuple(origins.figures(self.files, self.gwp_set))

    def origin(self, set: str, version: str, id: str) -> Factor | None:
        """The figure that an entry names, whichever potentials it was weighed with."""
        return origins.index(self).get((set, version.partition("+")[0], id))

    def activities(self) -> tuple[str, ...]:
        """The closed list of process activities."""
        return tuple(self.files["process"].latest.sections["activities"])

    def activity(self, name: str, on: date = date.max) -> Activity:
        """A process activity: bucket, unit, factor, and the shares it takes."""
        document = self.files["process"].at(on)
        return process.read_activity(document, name, self.files["gwp"].at(on), self.gwp_set)

    def activity_row(self, name: str, on: date = date.max) -> ProcessRow:
        """The row of an activity, also where no potential of its gas is had."""
        rows = self.files["process"].at(on).sections["activities"]
        return cast(ProcessRow, require(rows, name, "activity"))

    def scenarios(self, on: date | None = None) -> tuple[Scenario, ...]:
        """The 18 scenarios in their order, as in force on a day (default: the newest)."""
        return tuple(read_scenarios(self.files["scenarios"].at(on or date.max)).values())

    def scenario(self, kind: str, on: date | None = None) -> Scenario:
        """The scenario of a payment kind, as in force on a day."""
        known = read_scenarios(self.files["scenarios"].at(on or date.max))
        return require(known, kind, "payment kind")

    def classification_rules(self) -> tuple[ClassificationRule, ...]:
        """The default rules from payments to scenarios, of all editions."""
        return read_rules(self.files["classification"])

    def reasons(self) -> Mapping[str, ReasonRow]:
        """Why a payment earns nothing or less, by word."""
        return cast(
            Mapping[str, ReasonRow], self.files["classification"].latest.sections["reasons"]
        )

    def agri(
        self, edition: Edition | None = None, *, high: bool = True, on: date = date.max
    ) -> AgriTables:
        """The farm tables of an IPCC edition (the one used here); `high` is high productivity."""
        document, gwp = self.files["agri"].at(on), self.files["gwp"].at(on)
        return agri.read_tables(document, gwp, self.gwp_set, edition or self.ipcc_edition, high)

    def agri_document(self, on: date = date.max) -> Document:
        """The rows of the farm tables as they are written, with their sources."""
        return self.files["agri"].at(on)

    def farm_sources(self) -> tuple[str, ...]:
        """A farm's own emission sources beside fuels, power and heat."""
        return agri.farm_sources(self.files["agri"].latest)

    def farm_factor(self, source: str, on: date = date.max) -> Factor:
        """t CO2e per t, ha or head of a farm's emission source."""
        document = self.files["agri"].at(on)
        return agri.farm_factor(
            document, self.files["gwp"].at(on), self.gwp_set, self.ipcc_edition, source
        )

    def farm_types(self) -> dict[str, FarmTypeRow]:
        """What was published of each type of farm in the model city."""
        rows = self.files["region"].latest.sections["farms"].items()
        return {name: cast(FarmTypeRow, row) for name, row in rows}

    @overload
    def label_rules(
        self, kind: Literal["industrial"], sector: str | None = None, on: date = date.max
    ) -> IndustrialRule: ...

    @overload
    def label_rules(
        self, kind: Literal["agri"], sector: str | None = None, on: date = date.max
    ) -> AgriRule: ...

    @overload
    def label_rules(
        self, kind: Literal["personal"], sector: str | None = None, on: date = date.max
    ) -> PersonalRule: ...

    @overload
    def label_rules(
        self, kind: str, sector: str | None = None, on: date = date.max
    ) -> LabelRule: ...

    def label_rules(self, kind: str, sector: str | None = None, on: date = date.max) -> LabelRule:
        """The rule of a kind; the longest sector code that begins `sector` overrides it."""
        rows = self._label_rows(kind, on)
        return cast(LabelRule, rows[_overriding(rows, sector, on) or "default"])

    def _label_rows(self, kind: str, on: date) -> Mapping[str, Row]:
        document = self.files["labels"].at(on)
        sections = {name: document.sections[name] for name in ("industrial", "agri", "personal")}
        return require(sections, kind, "label kind")

    def rule_version(
        self, on: date = date.max, kind: str = "industrial", sector: str | None = None
    ) -> str:
        """Set and version of the label rules, and the code of the sector that has its own."""
        header = self.files["labels"].at(on).header
        code = _overriding(self._label_rows(kind, on), sector, on)
        return f"{header.set}@{header.version}" + (f":{code}" if code else "")

    def rules_since(self, on: date) -> date:
        """The day from which the label rules of a day hold."""
        return self.files["labels"].at(on).header.valid_from

    def rule_editions(self) -> tuple[str, ...]:
        """Every edition of the label rules with the day from which it holds."""
        headers = [document.header for document in self.files["labels"].documents]
        return tuple(f"{head.set}@{head.version} {head.valid_from}" for head in headers)

    def city_rule(self, on: date = date.max) -> CityRule:
        """How many enterprises a mean or a median of the city takes."""
        return cast(CityRule, self.files["labels"].at(on).sections["city"]["default"])

    def label_name(self, kind: str, label: str) -> LabelName:
        """A label in English and Chinese."""
        names = self.files["labels"].latest.sections["names"]
        return cast(LabelName, require(names, f"{kind}.{label}", "label"))

    def label_names(self, kind: str) -> tuple[LabelName, ...]:
        """The labels of a kind, best first."""
        rows = [
            cast(LabelName, row) for row in self.files["labels"].latest.sections["names"].values()
        ]
        return tuple(sorted((row for row in rows if row.kind == kind), key=lambda row: -row.rank))

    def policy(self, kind: str, label: str, on: date = date.max, bank: str | None = None) -> Policy:
        """What banks grant for a label: the default, or what this bank has put in its place."""
        rows = self.files["policies"].at(on).sections["policies"]
        own = bank and rows.get(label_id(kind, label, bank))
        return cast(Policy, own or require(rows, label_id(kind, label), "policy"))

    def policies(
        self, kind: str | None = None, on: date = date.max, bank: str | None = None
    ) -> tuple[Policy, ...]:
        """The policy of each label, or of those of one kind; of this bank where it has its own."""
        rows = self.files["policies"].at(on).sections["policies"].values()
        defaults = [row for row in cast(Iterable[Policy], rows) if row.bank is None]
        return tuple(
            self.policy(row.kind, row.label, on, bank)
            for row in defaults
            if kind in (None, row.kind)
        )

    def benchmarks(self) -> tuple[SampleBenchmark, ...]:
        """Illustrative benchmarks for demonstrations."""
        rows = self.files["benchmarks"].latest.sections["benchmarks"].values()
        return tuple(cast(SampleBenchmark, row) for row in rows)

    def region(self) -> RegionFacts:
        """Facts of the model city."""
        return cast(
            RegionFacts, next(iter(self.files["region"].latest.sections["region"].values()))
        )

    def tree_equivalent(self, grams: Decimal | Fraction | int) -> int:
        """Trees that stand for an amount of CO2 in grams, rounded half-even."""
        return trees(grams, self.region().kg_per_tree)


def _overriding(rows: Mapping[str, Row], sector: str | None, on: date) -> str:
    """The longest code in force that begins the sector, empty when there is none."""
    begun = rows["default"].valid_from
    codes = [
        code
        for code, row in rows.items()
        if sector is not None
        and sector.startswith(code)
        and row.valid_from <= max(on, begun)
        and (row.valid_to is None or on < row.valid_to)
    ]
    return max(codes, key=len, default="")


def trees(grams: Decimal | Fraction | int, kg_per_tree: Decimal | Fraction) -> int:
    """grams / 1000 / kg_per_tree, to the nearest tree, ties to even."""
    return round_half_even(Fraction(grams) / 1000 / Fraction(kg_per_tree))


@cache
def methodology(directory: Path = DATA) -> Methodology:
    """The figures of a directory of data files, read once; MethodologyError when one is wrong.

    Which warming potentials a city uses is said by TANZHANG_GWP_SET, and which IPCC guidelines its
    farm tables are of by TANZHANG_IPCC_EDITION, for all its processes alike.
    """
    gwp_set = cast(GwpSet, _chosen(GWP_VARIABLE, get_args(GwpSet)) or DEFAULT_GWP)
    edition = _chosen(EDITION_VARIABLE, get_args(Edition))
    return Methodology(load(directory), gwp_set, cast(Edition, edition or "2019"))


def _chosen(variable: str, known: Collection[str]) -> str | None:
    word = os.environ.get(variable)
    if word and word not in known:
        raise MethodologyError(f"{variable}: expected one of {', '.join(known)}, got {word!r}")
    return word
