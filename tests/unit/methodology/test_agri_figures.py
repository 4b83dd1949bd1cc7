"""The tables of farms, row by row as in METHODOLOGY 3.2; a row more or less is seen too."""

from collections.abc import Mapping
from fractions import Fraction
from typing import cast

import pytest

from shared.methodology import methodology
from shared.methodology.reader import Document
from shared.methodology.rows import (
    AnimalRow,
    BurningRow,
    EditionRow,
    FarmSourceRow,
    FigureRow,
    ManureRow,
    PaddyRow,
    StrawRow,
)

# Row, figures and confidence; "-" for none.
EDITIONS = {
    # 2006, 2019
    "soc_ref": """
        HAC      88  64  V2
        LAC      63  55  V2
        sandy    34  36  V2
        wetland  88 135  V2
        """,
    "land_use": """
        annual    0.69 0.69 V2
        paddy     1.10 1.35 V2
        perennial 1.00 0.72 V2
        set_aside 0.82 0.82 V2
        """,
    "tillage": """
        full    1.00 1.00 V2
        reduced 1.08 1.05 V2
        no_till 1.15 1.10 V2
        """,
    "input": """
        low         0.92 0.92 V2
        medium      1.00 1.00 V2
        high        1.11 1.11 V2
        high_manure 1.44 1.44 V2
        """,
    "n2o": """
        ef1                0.010  0.010 V
        ef1_synthetic      0.010  0.016 V
        ef1_organic        0.010  0.006 V
        ef1_rice           0.003  0.004 V
        ef4                0.010  0.014 V
        ef5                0.0075 0.011 V
        frac_gas_synthetic 0.10   0.11  R
        frac_gas_organic   0.20   0.21  R
        frac_leach         0.30   0.24  R
        """,
}
FIGURES = """
    soil_years           20    V2
    straw_cap            15    P
    vs_ch4_density       0.67  V
    nitrogen_production  7.759 V
    """
# g CH4 and g N2O per kg burnt, share burnt
BURNING = """
    rice  2.7 0.07 0.80 R
    wheat 2.7 0.07 0.90 R
    """
# kg C/ha/year = a x S + b
STRAW = """
    south     43.548 375.1  R
    north     40.607 181.9  R
    northeast 40.524 340.33 R
    northwest 17.116 30.553 R
    """
# Weight in kg, VS and N in kg per 1000 kg and day, B0
ANIMALS = {
    "animals": "growing_pig 69 4.3 0.54 0.45 V",
    "animals_mean": "growing_pig 58 5.8 0.61 0.29 V",
}
# g CH4 per kg VS, MCF, EF3
MANURE = {
    "manure": """
        lagoon       220.1 -    0      V
        pit_long     116.6 -    0.002  V
        pit_short    39.2  -    0.002  V
        solid        12.1  -    0.010  V
        daily_spread 1.5   -    0      V
        dry_lot      4.5   -    0.02   V
        compost      -     0.01 0.005  V
        digester     6.8   -    0.0006 V
        """,
    "manure_low": """
        lagoon       141.8 -    0      V
        pit_long     71.9  -    0.002  V
        pit_short    25.3  -    0.002  V
        solid        7.8   -    0.010  V
        daily_spread 1.0   -    0      V
        dry_lot      2.9   -    0.02   V
        compost      -     0.01 0.005  V
        digester     21.1  -    0.0006 V
        """,
}
# kg CH4/ha/day, days, exponent, conversion below and from 30 days before flooding
PADDY = "season 1.32 112 0.59 1.0 0.19 R"
# kg CO2, CH4 and N2O per unit
SOURCES = """
    fertiliser_n      0      0      0     D
    fertiliser_n_rice 0      0      0     D
    organic_n         0      0      0     D
    organic_n_rice    0      0      0     D
    urea              2200/3 0      0     R
    paddy_rice        0      147.84 0     D
    enteric_pig       0      1.0    0     R
    manure_pig        0      5.08   0.175 R
    """

Row = tuple[object, ...]


def written(text: str) -> dict[str, Row]:
    """The rows of a table above: figures, then the confidence."""
    rows = (line.split() for line in text.strip().splitlines())
    return {
        name: (*(None if one == "-" else Fraction(one) for one in figures), confidence)
        for name, *figures, confidence in rows
    }


@pytest.fixture(scope="module")
def document() -> Document:
    return methodology().agri_document()


@pytest.mark.parametrize("section", EDITIONS)
def test_figures_of_both_editions(document: Document, section: str) -> None:
    rows = cast(Mapping[str, EditionRow], document.sections[section])
    found = {name: (row.e2006, row.e2019, row.confidence) for name, row in rows.items()}
    assert found == written(EDITIONS[section])


def test_single_figures(document: Document) -> None:
    rows = cast(Mapping[str, FigureRow], document.sections["figures"])
    assert {name: (row.value, row.confidence) for name, row in rows.items()} == written(FIGURES)


def test_straw_that_burns(document: Document) -> None:
    rows = cast(Mapping[str, BurningRow], document.sections["burning"])
    found = {name: (row.ch4, row.n2o, row.burnt, row.confidence) for name, row in rows.items()}
    assert found == written(BURNING)


def test_straw_that_is_returned(document: Document) -> None:
    rows = cast(Mapping[str, StrawRow], document.sections["straw"])
    found = {name: (row.slope, row.intercept, row.confidence) for name, row in rows.items()}
    assert found == written(STRAW)


@pytest.mark.parametrize("section", ANIMALS)
def test_animals(document: Document, section: str) -> None:
    rows = cast(Mapping[str, AnimalRow], document.sections[section])
    found = {n: (row.weight, row.vs, row.n, row.b0, row.confidence) for n, row in rows.items()}
    assert found == written(ANIMALS[section])


@pytest.mark.parametrize("section", MANURE)
def test_manure_by_system(document: Document, section: str) -> None:
    rows = cast(Mapping[str, ManureRow], document.sections[section])
    found = {name: (row.ch4, row.mcf, row.ef3, row.confidence) for name, row in rows.items()}
    assert found == written(MANURE[section])


def test_flooded_rice(document: Document) -> None:
    rows = cast(Mapping[str, PaddyRow], document.sections["paddy"])
    found = {
        name: (
            row.ch4_kg_per_ha_day,
            row.days,
            row.exponent,
            row.cfoa_short,
            row.cfoa_long,
            row.confidence,
        )
        for name, row in rows.items()
    }
    assert found == written(PADDY)


def test_sources(document: Document) -> None:
    rows = cast(Mapping[str, FarmSourceRow], document.sections["sources"])
    found = {name: (row.co2, row.ch4, row.n2o, row.confidence) for name, row in rows.items()}
    assert found == written(SOURCES)


def test_a_season_of_rice_is_its_days(document: Document) -> None:
    season = cast(PaddyRow, document.sections["paddy"]["season"])
    rice = cast(FarmSourceRow, document.sections["sources"]["paddy_rice"])
    assert rice.ch4 == season.ch4_kg_per_ha_day * season.days
