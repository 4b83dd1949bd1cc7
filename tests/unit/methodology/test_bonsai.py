"""Our farm tables and formulas against those of bonsai-ipcc, where both are of one edition.

Its package would need pandas, scipy and more; its tables are CSV files and its equations plain
functions, so they are read from where it is installed.
"""

import csv
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from services.agri.domain import manure
from shared.methodology import methodology
from shared.methodology.rows import BurningRow

try:
    PLACE = Path(str(distribution("bonsai-ipcc").locate_file("bonsai_ipcc")))
except PackageNotFoundError:
    pytest.skip("bonsai-ipcc is not installed", allow_module_level=True)

CLIMATE = {"climate_zone": "temperate-warm", "moisture_regime": "moist"}
TEMPERATE = {"climate_zone": "temperate", "moisture_regime": "moist"}
ASIAN_PIG = {"product": "swine-growing_hp", "region": "ASI", "year": "2019"}
SYSTEMS = {
    "lagoon": "lagoon",
    "pit_long": "pit-long",
    "pit_short": "pit-short",
    "solid": "solid-storage",
    "daily_spread": "daily-spread",
    "dry_lot": "drylot",
    "compost": "composting-intensive",
    "digester": "digester",
}
# Without a figure per kg VS there, and without an EF3 there.
BY_MCF, NO_EF3 = "compost", "daily_spread"


@cache
def table(chapter: str, name: str) -> list[dict[str, str]]:
    path = PLACE / "data" / "agriculture" / chapter / f"par_{name}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def default(chapter: str, name: str, **where: str) -> Fraction:
    """The one default value of a table's coordinates."""
    wanted = where | {"property": "def"}
    rows = [row for row in table(chapter, name) if wanted.items() <= row.items()]
    [found] = {Fraction(row["value"]) for row in rows}
    return found


def equations(chapter: str) -> ModuleType:
    path = PLACE / "agriculture" / chapter / "elementary.py"
    spec = spec_from_file_location(f"bonsai_{chapter}", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("soil", ["HAC", "LAC", "sandy", "wetland"])
def test_reference_stocks_of_2006(soil: str) -> None:
    theirs = default("generic", "soc_ref", soil_type=soil, **CLIMATE)
    assert methodology().agri("2006").soc_ref[soil] == theirs


@pytest.mark.parametrize(
    ("ours", "theirs", "climate"),
    [
        ("annual", "CL-ANNUAL", CLIMATE),
        ("paddy", "CL-RICE", CLIMATE),
        ("perennial", "CL-ORCH", TEMPERATE),
        ("set_aside", "CL-ASIDE", TEMPERATE),
    ],
)
def test_land_use(ours: str, theirs: str, climate: Mapping[str, str]) -> None:
    found = default("generic", "f_lu", landuse_type=theirs, **climate)
    assert methodology().agri("2019").land_use[ours] == found


@pytest.mark.parametrize("tillage", ["full", "reduced", "no_till"])
def test_tillage(tillage: str) -> None:
    practice = {"full": "full-till", "reduced": "reduced-till", "no_till": "no-till"}[tillage]
    found = default("generic", "f_mg", management_practice=practice, **CLIMATE)
    assert methodology().agri("2019").tillage[tillage] == found


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high_no_manure"),
        ("high_manure", "high_with_manure"),
    ],
)
def test_input(ours: str, theirs: str) -> None:
    found = default("generic", "f_i", amendment_level=theirs, **TEMPERATE)
    assert methodology().agri("2019").input[ours] == found


@pytest.mark.parametrize(
    ("ours", "kind", "moisture"),
    [
        ("ef1", "N_unspec", "undefined"),
        ("ef1_synthetic", "N_synthetic", "wet"),
        ("ef1_organic", "N_organic", "wet"),
        ("ef1_rice", "rice_cont_flooding", "undefined"),
    ],
)
def test_direct_nitrous_oxide(ours: str, kind: str, moisture: str) -> None:
    found = default("soils", "ef1", cultivation_type=kind, moisture_regime=moisture)
    assert methodology().agri("2019").n2o[ours] == found


def test_indirect_nitrous_oxide() -> None:
    n2o = methodology().agri("2019").n2o
    assert n2o["ef4"] == default("livestock_manure", "ef4", moisture_regime="wet")
    assert n2o["ef5"] == default("livestock_manure", "ef5")


def test_the_growing_pig() -> None:
    pig = methodology().agri("2019").animals["growing_pig"]
    weight = default("livestock_manure", "weight", **ASIAN_PIG)
    rates = [default("livestock_manure", f"{name}_rate", **ASIAN_PIG) for name in ("vs", "n")]
    assert [pig.vs, pig.nitrogen] == [rate * weight / 1000 for rate in rates]
    assert pig.b0 == default("livestock_manure", "b0", **ASIAN_PIG)


def test_the_mean_growing_pig_has_the_lower_methane_potential() -> None:
    pig, mean = methodology().agri("2019", high=False).animals["growing_pig"], dict(ASIAN_PIG)
    mean["product"] = "swine-growing"
    weight = default("livestock_manure", "weight", **mean)
    rates = [default("livestock_manure", f"{name}_rate", **mean) for name in ("vs", "n")]
    assert [pig.vs, pig.nitrogen] == [rate * weight / 1000 for rate in rates]
    mean["product"] = "swine-growing_lp"
    assert pig.b0 == default("livestock_manure", "b0", **mean)


@pytest.mark.parametrize(("crop", "theirs"), [("rice", "rice"), ("wheat", "wheat_winter")])
def test_the_share_of_straw_that_burns(crop: str, theirs: str) -> None:
    row = cast(BurningRow, methodology().agri_document().sections["burning"][crop])
    assert row.burnt == default("soils", "c_f", crop_type=theirs)


@pytest.mark.parametrize(("high", "product"), [(True, "hp"), (False, "lp")])
@pytest.mark.parametrize("system", sorted(SYSTEMS.keys() - {BY_MCF}))
def test_methane_of_manure(system: str, high: bool, product: str) -> None:
    where = {"activity": SYSTEMS[system], "product": f"swine-growing_{product}", **CLIMATE}
    found = methodology().agri("2019", high=high).manure["growing_pig"][system]
    assert found.ch4_g_per_kg_vs == default("livestock_manure", "ef_ch4_v4c10", **where)


@pytest.mark.parametrize("system", sorted(SYSTEMS.keys() - {NO_EF3}))
def test_nitrous_oxide_of_manure(system: str) -> None:
    found = methodology().agri("2019").manure["growing_pig"][system]
    assert found.ef3 == default("livestock_manure", "ef3", activity=SYSTEMS[system])


def test_compost_by_its_methane_conversion() -> None:
    tables = methodology().agri("2019")
    mcf = default("livestock_manure", "mcf_v4c10", activity=SYSTEMS[BY_MCF], **CLIMATE)
    pig, compost = tables.animals["growing_pig"], tables.manure["growing_pig"][BY_MCF]
    theirs = equations("livestock_manure").ef_mm(float(pig.vs), float(pig.b0), float(mcf), 1)
    ours = pig.vs * 365 * compost.ch4_g_per_kg_vs / 1000
    assert float(ours) == pytest.approx(theirs)


def test_the_soil_equation() -> None:
    """A hundred hectares of upland, from full to reduced tillage and medium to high input."""
    generic, tables = equations("generic"), methodology().agri("2019")
    place = (float(tables.soc_ref["LAC"]), float(tables.land_use["annual"]))
    stocks = [
        generic.soc(*place, float(tables.tillage[tillage]), float(tables.input[level]), 100)
        for tillage, level in (("reduced", "high"), ("full", "medium"))
    ]
    theirs = generic.delta_c_mineral(*stocks, 20) * 44 / 12
    assert round(theirs, 2) == 115.15


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_manure_equations(system: str) -> None:
    theirs, tables = equations("livestock_manure"), methodology().agri("2019")
    figures = tables.manure["growing_pig"][system]
    vs = theirs.vs_tier1_(4.3, 69)
    methane = theirs.ch4_mm(1, vs, 1, float(figures.ch4_g_per_kg_vs))
    nitrous = theirs.n2o_direct_mm(1, theirs.nex_tier1_(0.54, 69), 1, float(figures.ef3))
    ours = manure.kg_per_head("growing_pig", system, "system_before", 2020)
    assert float(ours) == pytest.approx(methane * 28 + nitrous * 265)
