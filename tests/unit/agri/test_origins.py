"""Every entry says where its factor is from."""

from datetime import date

import pytest

from services.agri.domain.emissions import sources
from services.agri.domain.origins import MEASURED, Origin, origin
from shared.events.envelope import Event
from shared.methodology import CARRIERS
from tests.unit.agri.farm import Farm, emission, manure, soil, straw

SAMPLES = {"stock_before_t_per_ha": "40", "stock_after_t_per_ha": "41", "stock_years": "2"}
BIOGAS = {"biogas_m3": "10", "biogas_lhv_mj_per_m3": "21", "biogas_replaces": "natural_gas"}
NITROGEN = {"synthetic_n_before_t": "9", "synthetic_n_after_t": "8", "evidence": "ledger/7"}
HAN = "Han, Wang, Lu et al., straw-return regression"
IPCC = "IPCC 2019 refinement and IPCC 2006 guidelines, volume 4"


def origins(event: Event) -> dict[str, Origin | None]:
    farm = Farm()
    assert not farm.post([event]).refused
    starts = farm.book.facts[(7, event.key)].starts
    return {
        line.rule: origin(line.rule, line.factor_set, line.factor_version, starts)
        for entry in farm.entries()
        for line in [entry.line]
    }


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (
            straw("s", "1", crop="wheat", burnt_before="1"),
            {
                "straw.regression": Origin(HAN, "R"),
                "straw.burning.wheat": Origin("IPCC 2006 tables 2.5 and 2.6", "R"),
            },
        ),
        (soil("c"), {"soil.factors": Origin(IPCC, "V2")}),
        (soil("m", **SAMPLES), {"soil.measured": MEASURED}),
        (
            manure("n", **NITROGEN),
            {
                "manure.systems": Origin(IPCC, "V"),
                "manure.nitrogen": Origin("fertiliser manufacture in China (mean)", "V"),
            },
        ),
        (
            emission("e", "manure_pig", "1", "head"),
            {"farm.manure_pig": Origin("provincial inventory guide, East China", "R")},
        ),
    ],
)
def test_where_figures_are_from(event: Event, found: dict[str, Origin]) -> None:
    assert origins(event) == found


def test_biogas_is_counted_by_the_fuel_that_it_replaces() -> None:
    gas = origins(emission("g", "natural_gas", "1", "1e4Nm3"))["fuel.natural_gas"]
    assert gas is not None
    assert origins(manure("m", **BIOGAS))["manure.biogas.natural_gas"] == gas


@pytest.mark.parametrize("source", sources())
def test_every_source_has_an_origin(source: str) -> None:
    units = {"electricity": "kWh", "heat": "GJ", "paddy_rice": "ha"}
    herd = source.startswith(("enteric", "manure"))
    volume = CARRIERS[source].dimensions[0] == "volume" if source in CARRIERS else False
    unit = units.get(source, "head" if herd else "Nm3" if volume else "t")
    [found] = origins(emission("x", source, "1", unit)).values()
    assert found is not None and found.source and found.confidence


def test_a_figure_that_nobody_has_is_not_invented() -> None:
    assert origin("fuel.peat", "fuels_b", "1", date(2020, 1, 1)) is None


@pytest.mark.parametrize(
    ("year", "fallback", "warned"),
    [
        (2020, True, "no factor of zhejiang up to 2020"),
        (2022, False, None),
        (2024, False, "no factor of zhejiang for 2024; that of 2022 taken"),
    ],
)
def test_power_by_a_factor_that_stands_in_is_marked(
    year: int, fallback: bool, warned: str | None
) -> None:
    days = {"start": f"{year}-01-01", "end": f"{year + 1}-01-01"}
    [found] = origins(emission("e", "electricity", "1", "MWh", **days)).values()
    assert found is not None and found.fallback is fallback
    assert (found.warning is None) is (warned is None)
    if warned and found.warning:
        assert warned in found.warning[0] and found.warning[1]


def test_a_fuel_of_the_other_set_is_marked() -> None:
    [found] = origins(emission("e", "coal_gangue", "1", "t")).values()
    assert found is not None and found.fallback
    assert found.warning == (
        "fuels_b has no coal_gangue; taken from fuels_a",
        "fuels_b 中没有 煤矸石,采用 fuels_a",
    )


def test_a_figure_that_is_no_longer_taken_has_no_warning() -> None:
    found = origin("grid.national.2021", "grid", "1", date(2020, 5, 1))
    assert found is not None and (found.fallback, found.warning) == (False, None)
