"""The data files: which there are, what their sections hold, and that they fit together.

A file may have later versions beside it, named `<name>-<anything>.yaml`; dates choose.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast, get_args

from shared.events.words import (
    FarmAnimal,
    FarmCrop,
    FarmInput,
    FarmLandUse,
    FarmSoil,
    FarmTillage,
)
from shared.methodology.carriers import CARRIERS, FUELS
from shared.methodology.classification import ReasonRow, RuleRow, check_rules, check_scenarios
from shared.methodology.editions import Editions
from shared.methodology.label_checks import (
    LABELS,
    check_industrial,
    check_labels,
    check_names,
    check_policies,
)
from shared.methodology.label_rows import (
    FARM_TYPES,
    AgriRule,
    CityRule,
    IndustrialRule,
    LabelName,
    PersonalRule,
    Policy,
    SampleBenchmark,
)
from shared.methodology.reader import Document, read_document
from shared.methodology.rows import (
    AnimalRow,
    BurningRow,
    EditionRow,
    FarmSourceRow,
    FarmTypeRow,
    FigureRow,
    Fuel,
    GridRow,
    GwpRow,
    HeatRow,
    ManureRow,
    PaddyRow,
    ProcessRow,
    RegionFacts,
    Row,
    ScenarioRow,
    SectorRow,
    StrawRow,
)
from shared.units.quantity import dimension

DATA = Path(__file__).parent / "data"
SCENARIOS = 18
DIVISION = re.compile("[0-9]{2}")
# Whose rows hold from a day on by themselves. Other figures change by a later file.
DATED = {("labels", "industrial"), ("labels", "agri"), ("labels", "personal")}

FILES: dict[str, dict[str, type[Row]]] = {
    "fuels_set_a": {"fuels": Fuel},
    "fuels_set_b": {"fuels": Fuel},
    "sector_sets": {"divisions": SectorRow},
    "grid": {"grid": GridRow, "alternatives": GridRow, "heat": HeatRow},
    "gwp": {"sets": GwpRow},
    "process": {"activities": ProcessRow},
    "agri": {
        "soc_ref": EditionRow,
        "land_use": EditionRow,
        "tillage": EditionRow,
        "input": EditionRow,
        "n2o": EditionRow,
        "figures": FigureRow,
        "burning": BurningRow,
        "straw": StrawRow,
        "animals": AnimalRow,
        "animals_mean": AnimalRow,
        "manure": ManureRow,
        "manure_low": ManureRow,
        "paddy": PaddyRow,
        "sources": FarmSourceRow,
    },
    "scenarios": {"scenarios": ScenarioRow},
    "classification": {"rules": RuleRow, "reasons": ReasonRow},
    "labels": {
        "names": LabelName,
        "industrial": IndustrialRule,
        "city": CityRule,
        "agri": AgriRule,
        "personal": PersonalRule,
    },
    "policies": {"policies": Policy},
    "benchmarks": {"benchmarks": SampleBenchmark},
    "region": {"region": RegionFacts, "farms": FarmTypeRow},
}
# Rows that the look-ups count on, by file and section.
NEEDED: dict[tuple[str, str], tuple[str, ...]] = {
    ("sector_sets", "divisions"): ("other",),
    ("grid", "heat"): ("heat", "steam"),
    ("gwp", "sets"): ("SAR", "AR4", "AR5", "AR6"),
    ("agri", "soc_ref"): get_args(FarmSoil),
    ("agri", "land_use"): get_args(FarmLandUse),
    ("agri", "tillage"): get_args(FarmTillage),
    ("agri", "input"): get_args(FarmInput),
    ("agri", "burning"): get_args(FarmCrop),
    ("agri", "animals"): get_args(FarmAnimal),
    ("agri", "animals_mean"): get_args(FarmAnimal),
    ("agri", "figures"): (
        "soil_years",
        "straw_cap",
        "vs_ch4_density",
        "nitrogen_production",
    ),
    ("agri", "n2o"): (
        "ef1_synthetic",
        "ef1_organic",
        "ef4",
        "ef5",
        "frac_leach",
    ),
    ("agri", "straw"): ("south",),
    ("agri", "paddy"): ("season",),
    ("region", "farms"): FARM_TYPES,
    ("labels", "industrial"): ("default",),
    ("labels", "city"): ("default",),
    ("labels", "agri"): ("default",),
    ("labels", "personal"): ("default",),
    ("labels", "names"): LABELS,
    ("policies", "policies"): LABELS,
}


def load(directory: Path) -> dict[str, Editions]:
    """Every data file of a directory, checked; MethodologyError names file, line and field."""
    files = {name: _editions(directory, name, sections) for name, sections in FILES.items()}
    for name, editions in files.items():
        for document in editions.documents:
            _check_needed(name, document)
            _check_dates(name, document)
            for check in CHECKS.get(name, ()):
                check(document)
    _check_every_fuel(files)
    _check_gases(files)
    _check_numbers(files["scenarios"])
    check_scenarios(files["classification"], files["scenarios"])
    return files


def _editions(directory: Path, name: str, sections: Mapping[str, type[Row]]) -> Editions:
    paths = [directory / f"{name}.yaml", *sorted(directory.glob(f"{name}-*.yaml"))]
    documents = [read_document(path, sections) for path in paths]
    for n, document in enumerate(documents):
        _check_told_apart(document, documents[:n])
    return Editions(sorted(documents, key=lambda item: item.header.valid_from))


def _check_told_apart(document: Document, others: Sequence[Document]) -> None:
    """Entries name set and version: the editions of a file are of one set, no two of a version."""
    for other in others:
        if document.header.set != other.header.set:
            raise document.fault("set", f"expected {other.header.set}, as in {other.file}")
        if document.header.version == other.header.version:
            raise document.fault("version", f"expected another one than that of {other.file}")


def _check_needed(name: str, document: Document) -> None:
    for section, rows in document.sections.items():
        for row in NEEDED.get((name, section), ()):
            if row not in rows:
                raise document.fault(section, f"expected a row {row!r}")


def _check_dates(name: str, document: Document) -> None:
    """A date that no look-up would ask for is refused rather than passed over."""
    begins, ends = document.header.valid_from, document.header.valid_to
    if ends is not None and ends <= begins:
        raise document.fault("valid_to", f"expected a day after {begins}, got {ends}")
    for section, rows in document.sections.items():
        if (name, section) in DATED:
            continue
        for row_name, row in rows.items():
            for field in ("valid_from", "valid_to"):
                if getattr(row, field) != getattr(document.header, field):
                    raise document.fault(
                        f"{section}.{row_name}.{field}",
                        "expected the date of the file; a changed figure is a later file beside it",
                    )


def _check_divisions(document: Document) -> None:
    for name in document.sections["divisions"]:
        if name != "other" and not DIVISION.fullmatch(name):
            raise document.fault(
                f"divisions.{name}", "expected the two digits of a division, or other"
            )


def _check_fuels(document: Document) -> None:
    for name, row in document.sections["fuels"].items():
        if name not in FUELS:
            raise document.fault(f"fuels.{name}", f"expected one of {', '.join(FUELS)}")
        unit = cast(Fuel, row).unit
        if dimension(unit) not in CARRIERS[name].dimensions:
            raise document.fault(f"fuels.{name}.unit", "expected a unit that its meters convert to")


def _check_grid(document: Document) -> None:
    rows = {name: cast(GridRow, row) for name, row in document.sections["grid"].items()}
    for name, row in rows.items():
        if name != f"{row.region}.{row.year}":
            raise document.fault(f"grid.{name}", f"expected the name {row.region}.{row.year}")
    if all(row.region != "national" for row in rows.values()):
        raise document.fault("grid", "expected a row of the region national")


def _check_process(document: Document) -> None:
    for name, found in document.sections["activities"].items():
        row = cast(ProcessRow, found)
        shares = [*row.contents, *(part for scale in row.scales for part in scale.split("*"))]
        if len(set(shares)) < len(shares) or not all(shares):
            raise document.fault(f"activities.{name}.scales", "expected each share once")
        if row.needs_share and not (row.purity and row.contents):
            raise document.fault(f"activities.{name}.needs_share", "expected purity and contents")


def _check_steam(document: Document) -> None:
    row = cast(HeatRow, document.sections["heat"]["steam"])
    if row.enthalpy is None or row.feed_water is None or row.enthalpy <= row.feed_water:
        raise document.fault("heat.steam.enthalpy", "expected more than that of the feed water")


def _check_manure(document: Document) -> None:
    for section in ("manure", "manure_low"):
        for name, row in document.sections[section].items():
            given = cast(ManureRow, row)
            if (given.ch4 is None) == (given.mcf is None):
                raise document.fault(f"{section}.{name}", "expected either ch4 or mcf")


def _check_nitrogen(document: Document) -> None:
    known = document.sections["n2o"]
    for name, row in document.sections["sources"].items():
        given = cast(FarmSourceRow, row)
        if (given.ef1 is None) != (given.frac_gas is None):
            raise document.fault(f"sources.{name}", "expected both of ef1 and frac_gas, or none")
        for field in ("ef1", "frac_gas"):
            if getattr(given, field) not in (None, *known):
                raise document.fault(
                    f"sources.{name}.{field}", f"expected one of {', '.join(known)}"
                )


def _check_scenarios(document: Document) -> None:
    rows = {name: cast(ScenarioRow, row) for name, row in document.sections["scenarios"].items()}
    if sorted(row.number for row in rows.values()) != list(range(1, SCENARIOS + 1)):
        raise document.fault("scenarios", f"expected the numbers 1 to {SCENARIOS}, each once")
    kinds: set[str] = set()
    for name, row in rows.items():
        if row.kind in kinds:
            raise document.fault(f"scenarios.{name}.kind", "expected a kind that no other row has")
        kinds.add(row.kind)
        if row.formula == "saving" and row.cap_period != "month":
            raise document.fault(f"scenarios.{name}.cap_period", "expected month for a saving")


def _check_numbers(scenarios: Editions) -> None:
    """Ledgers know scenarios by their numbers: the same ones in every edition."""
    first, *later = (document.sections["scenarios"] for document in scenarios.documents)
    codes = {cast(ScenarioRow, row).number: code for code, row in first.items()}
    for document, rows in zip(scenarios.documents[1:], later, strict=True):
        for code, row in rows.items():
            number = cast(ScenarioRow, row).number
            if codes[number] != code:
                expected = f"expected that of earlier versions: {number} is {codes[number]}"
                raise document.fault(f"scenarios.{code}.number", expected)


def _check_every_fuel(files: Mapping[str, Editions]) -> None:
    for document_a in files["fuels_set_a"].documents:
        for document_b in files["fuels_set_b"].documents:
            have = {*document_a.sections["fuels"], *document_b.sections["fuels"]}
            missing = [fuel for fuel in FUELS if fuel not in have]
            if missing:
                raise document_b.fault("fuels", f"no set has {', '.join(missing)}")


def _check_gases(files: Mapping[str, Editions]) -> None:
    default = cast(GwpRow, files["gwp"].latest.sections["sets"]["AR5"]).gases
    for document in files["process"].documents:
        for name, row in document.sections["activities"].items():
            if cast(ProcessRow, row).gas not in default:
                raise document.fault(
                    f"activities.{name}.gas", f"expected one of {', '.join(default)}"
                )


CHECKS: dict[str, tuple[Callable[[Document], None], ...]] = {
    "fuels_set_a": (_check_fuels,),
    "fuels_set_b": (_check_fuels,),
    "sector_sets": (_check_divisions,),
    "grid": (_check_grid, _check_steam),
    "process": (_check_process,),
    "agri": (_check_manure, _check_nitrogen),
    "scenarios": (_check_scenarios,),
    "classification": (check_rules,),
    "labels": (check_industrial, check_labels, check_names),
    "policies": (check_policies,),
}
