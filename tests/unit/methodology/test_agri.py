"""The worked examples of the three farm pathways, from the tables alone."""

from fractions import Fraction

import pytest

from shared.methodology import AgriTables, Methodology, MethodologyError, methodology
from shared.methodology.factors import CARBON_TO_CO2, NITROGEN_TO_N2O
from shared.methodology.files import DATA, load
from shared.methodology.rows import Edition


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
    ("edition", "source", "lost"),
    [
        ("2019", "fertiliser_n", "0.02018"),
        ("2019", "fertiliser_n_rice", "0.00818"),
        ("2019", "organic_n", "0.01158"),
        ("2019", "organic_n_rice", "0.00958"),
        ("2006", "fertiliser_n", "0.01325"),
        ("2006", "fertiliser_n_rice", "0.00625"),
        ("2006", "organic_n", "0.01425"),
    ],
)
def test_nitrogen_lost_by_edition(edition: Edition, source: str, lost: str) -> None:
    """Direct, of what volatilises, of what leaches."""
    found = Methodology(load(DATA), ipcc_edition=edition).farm_factor(source)
    assert found.t_per_unit == Fraction(lost) * NITROGEN_TO_N2O * 265
    assert found.label == f"agri@1+IPCC{edition}+AR5"


def test_the_city_chooses_the_edition_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANZHANG_IPCC_EDITION", "2006")
    assert methodology.__wrapped__().agri().soc_ref["LAC"] == 63
    monkeypatch.setenv("TANZHANG_IPCC_EDITION", "1996")
    said = "TANZHANG_IPCC_EDITION: expected one of 2019, 2006, got '1996'"
    with pytest.raises(MethodologyError, match=said):
        methodology.__wrapped__()


def test_burning_straw_is_weighed_by_the_chosen_potentials() -> None:
    """75 kg per t of rice straw; by SAR (21, 310): (2.7 x 21 + 0.07 x 310) x 0.8."""
    assert methodology().agri().straw_burning["rice"] == Fraction("0.07532")
    sar = Methodology(load(DATA), "SAR").agri()
    assert sar.straw_burning["rice"] == Fraction("0.06272")
    assert sar.label == "agri@1+IPCC2019+SAR"


@pytest.mark.parametrize("system", ["lagoon", "pit_long", "compost", "digester"])
def test_manure_of_a_head_by_system(system: str) -> None:
    figures = methodology().agri().manure["growing_pig"][system]
    methane = Fraction("108.2955") * figures.ch4_g_per_kg_vs / 10**6 * 28
    nitrous = Fraction("13.5999") * figures.ef3 * NITROGEN_TO_N2O / 1000 * 265
    factor = methodology().farm_factor(f"manure.growing_pig.{system}")
    assert (factor.t_per_unit, factor.unit) == (methane + nitrous, "head")


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
