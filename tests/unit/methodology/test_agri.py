"""The worked examples of the three farm pathways, from the tables alone."""

from fractions import Fraction

import pytest

from shared.methodology import AgriTables, MethodologyError, methodology
from shared.methodology.factors import CARBON_TO_CO2, NITROGEN_TO_N2O


def _straw(tables: AgriTables, area: str, tonnes: str) -> Fraction:
    slope, intercept = tables.straw["south"]
    return Fraction(area) * (slope * Fraction(tonnes) + intercept) / 1000 * CARBON_TO_CO2


def _pigs(tables: AgriTables, heads: int, before: str, after: str) -> Fraction:
    animal, systems = tables.animals["growing_pig"], tables.manure["growing_pig"]
    old, new = systems[before], systems[after]
    methane = animal.vs * 365 * (old.ch4_g_per_kg_vs - new.ch4_g_per_kg_vs) / 10**6
    nitrous = animal.nitrogen * 365 * (old.ef3 - new.ef3) * NITROGEN_TO_N2O / 1000
    return heads * (methane * tables.gwp_ch4 + nitrous * tables.gwp_n2o)


def test_straw_returned_on_a_hundred_hectares() -> None:
    tables = methodology().agri()
    assert round(_straw(tables, "100", "1.92"), 2) == Fraction("168.19")
    assert round(_straw(tables, "364.76", "1.92"), 3) == Fraction("613.506")


def test_soil_of_the_example_and_of_the_orchard() -> None:
    tables = methodology().agri()
    gained = (tables.tillage["reduced"] * tables.input["high"] - 1) / tables.soil_years
    upland = tables.soc_ref["LAC"] * tables.land_use["annual"] * gained * CARBON_TO_CO2
    assert round(upland, 6) == Fraction("1.151466")
    rise = (tables.input["high_manure"] - tables.input["medium"]) / tables.soil_years
    orchard = tables.soc_ref["LAC"] * tables.land_use["perennial"] * rise * CARBON_TO_CO2
    assert orchard == Fraction("3.1944")
    assert round(orchard * Fraction("77.32"), 3) == Fraction("246.991")


def test_seven_hundred_pigs_from_long_pit_to_digester() -> None:
    tables = methodology().agri()
    assert round(_pigs(tables, 700, "pit_long", "digester"), 3) == Fraction("238.611")
    assert tables.animals["growing_pig"].vs * 365 == Fraction("108.2955")
    assert tables.animals["growing_pig"].nitrogen * 365 == Fraction("13.5999")


def test_compost_comes_from_the_methane_potential() -> None:
    compost = methodology().agri().manure["growing_pig"]["compost"]
    assert compost.ch4_g_per_kg_vs == Fraction("3.015")


def test_both_editions_and_productivities() -> None:
    old, new = methodology().agri("2006"), methodology().agri()
    assert [old.soc_ref["LAC"], new.soc_ref["LAC"]] == [63, 55]
    assert (old.land_use["paddy"], new.land_use["paddy"]) == (Fraction("1.1"), Fraction("1.35"))
    assert (old.label, new.label) == ("agri@1+IPCC2006+AR5", "agri@1+IPCC2019+AR5")
    low = methodology().agri(high=False)
    assert low.manure["growing_pig"]["digester"].ch4_g_per_kg_vs == Fraction("21.1")
    assert low.animals["growing_pig"].vs == Fraction("0.3364")


@pytest.mark.parametrize(
    ("source", "unit", "expected"),
    [
        ("fertiliser_n", "t", Fraction("20.18") * 44 / 28 * 265 / 1000),
        ("paddy_rice", "ha", Fraction("4.13952")),
        ("enteric_pig", "head", Fraction("0.028")),
        ("manure_pig", "head", Fraction("0.188615")),
    ],
)
def test_emissions_of_the_farm_itself(source: str, unit: str, expected: Fraction) -> None:
    factor = methodology().farm_factor(source)
    assert (factor.t_per_unit, factor.unit, factor.units[0] == "ha") == (
        expected,
        unit,
        unit == "ha",
    )


def test_the_fertiliser_figure_follows_from_the_table() -> None:
    n2o = methodology().agri().n2o
    lost = (
        n2o["ef1_synthetic"]
        + n2o["frac_gas_synthetic"] * n2o["ef4"]
        + n2o["frac_leach"] * n2o["ef5"]
    )
    assert methodology().farm_factor("fertiliser_n").t_per_unit == lost * NITROGEN_TO_N2O * 265
    with pytest.raises(MethodologyError, match="unknown farm source 'nitrogen'; expected one of"):
        methodology().farm_factor("nitrogen")


def test_straw_can_cost_a_flooded_field_more_than_it_stores() -> None:
    paddy = methodology().agri().paddy
    season = paddy.ch4_kg_per_ha_day * paddy.days
    added = float(season) * ((1 + 1.92 * float(paddy.cfoa_short)) ** float(paddy.exponent) - 1)
    assert round(added * 28 / 1000, 2) == 3.65
