"""Every entry says where its factor is from."""

import pytest

from services.agri.domain.emissions import sources
from services.agri.domain.origins import origin
from shared.events.envelope import Event
from shared.methodology import CARRIERS
from tests.unit.agri.farm import Farm, emission, manure, soil, straw

SAMPLES = {"stock_before_t_per_ha": "40", "stock_after_t_per_ha": "41", "stock_years": "2"}
BIOGAS = {"biogas_m3": "10", "biogas_lhv_mj_per_m3": "21", "biogas_replaces": "natural_gas"}
NITROGEN = {"synthetic_n_before_t": "9", "synthetic_n_after_t": "8", "evidence": "ledger/7"}
HAN = "Han, Wang, Lu et al., straw-return regression"
IPCC = "IPCC 2019 refinement and IPCC 2006 guidelines, volume 4"


def origins(event: Event) -> dict[str, tuple[str, str | None] | None]:
    farm = Farm()
    assert not farm.post([event]).refused
    return {
        line.rule: origin(line.rule, line.factor_set, line.factor_version, entry.year)
        for entry in farm.entries()
        for line in [entry.line]
    }


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (
            straw("s", "1", crop="wheat", burnt_before="1"),
            {
                "straw.regression": (HAN, "R"),
                "straw.burning.wheat": ("IPCC 2006 tables 2.5 and 2.6", "R"),
            },
        ),
        (soil("c"), {"soil.factors": (IPCC, "V2")}),
        (soil("m", **SAMPLES), {"soil.measured": ("measured on the farm", None)}),
        (
            manure("n", **NITROGEN),
            {
                "manure.systems": (IPCC, "V"),
                "manure.nitrogen": ("fertiliser manufacture in China (mean)", "V"),
            },
        ),
        (
            emission("e", "manure_pig", "1", "head"),
            {"farm.manure_pig": ("provincial inventory guide, East China", "R")},
        ),
    ],
)
def test_where_figures_are_from(event: Event, found: dict[str, tuple[str, str | None]]) -> None:
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
    assert found is not None and all(found)


def test_a_figure_that_nobody_has_is_not_invented() -> None:
    assert origin("fuel.peat", "fuels_b", "1", 2020) is None
