"""One worked example of each branch's process rule, calculated by hand."""

from decimal import Decimal
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.methodology import MethodologyError, methodology
from shared.methodology.rows import Sector

SHARES = st.decimals(0, 1, places=4)


def tonnes(
    name: str, quantity: str, unit: str = "t", purity: str | None = None, **content: str
) -> Fraction:
    shares = {share: Decimal(value) for share, value in content.items()}
    given = None if purity is None else Decimal(purity)
    return methodology().activity(name).tonnes(Decimal(quantity), unit, given, shares)


def total(*parts: Fraction) -> Fraction:
    """To six places, as the hand calculations below are."""
    return round(sum(parts, Fraction(0)), 6)


def test_cement() -> None:
    """0.65 x 44/56 + 0.015 x 44/40 = 0.527214 t per t; half of the dust is calcined."""
    oxides = {
        "CaO": "0.66", "CaO_noncarbonate": "0.01", "MgO": "0.02", "MgO_noncarbonate": "0.005"
    }  # fmt: skip
    clinker = tonnes("clinker", "1000", **oxides)
    kiln = tonnes("clinker.kiln_dust", "10", calcined="0.5", **oxides)
    bypass = tonnes("clinker.bypass_dust", "5", **oxides)
    meal = tonnes("raw_meal_carbon", "1550", purity="0.002")
    assert [total(clinker), total(kiln), total(bypass), total(meal)] == [
        Fraction("527.214286"), Fraction("2.636071"), Fraction("2.636071"), Fraction("11.366667"),
    ]  # fmt: skip
    assert total(clinker, kiln, bypass, meal) == Fraction("543.853095")


def test_cement_without_a_scale_for_its_dust() -> None:
    """IPCC: 0.65 x 44/56 = 0.510714, and 2 % for dust."""
    assert total(tonnes("clinker", "1000", CaO="0.65", dust="0.02")) == Fraction("520.928571")
    assert total(tonnes("clinker", "1000")) == 538


def test_lime() -> None:
    assert tonnes("lime", "100") == 75
    assert tonnes("lime.with_dust", "100") == Fraction("76.8")
    by_oxides = tonnes("lime", "100", CaO="0.90", MgO="0.02")
    assert total(by_oxides) == Fraction("72.914286")
    stone = tonnes("carbonate.CaCO3", "100", purity="0.95", calcined="0.98")
    assert stone == Fraction("40.93607")


def test_glass() -> None:
    soda = tonnes("carbonate.Na2CO3", "180", purity="0.99")
    dolomite = tonnes("carbonate.CaMg(CO3)2", "60", purity="0.95")
    powder = tonnes("carbon_powder", "2", carbon="0.9")
    assert [soda, dolomite, powder] == [Fraction("73.93518"), Fraction("27.2061"), Fraction("6.6")]
    assert total(soda, dolomite, powder) == Fraction("107.741280")


def test_ceramics() -> None:
    calcite = tonnes("carbonate.CaCO3", "40", purity="0.9")
    assert total(calcite, tonnes("carbonate.MgCO3", "10")) == Fraction("21.0492")


def test_chemicals_carbon_balance() -> None:
    """(1000 x 0.7 - 500 x 0.375 - 100 x 0.856 - 20 x 0.5) x 44/12."""
    balance = total(
        tonnes("carbon_in", "1000", carbon="0.7"),
        tonnes("carbon_out.methanol", "500"),
        tonnes("carbon_out.ethylene", "100"),
        tonnes("carbon_out", "20", purity="0.5"),
    )
    assert balance == Fraction("1528.633333")


PRODUCTS = {
    "ethylene": ".856", "propylene": ".8563", "methanol": ".375", "urea": ".200",
    "ammonium_bicarbonate": ".1519", "calcium_carbide": ".314", "vcm": ".384",
    "ethylene_oxide": ".545", "ethylene_glycol": ".387", "carbon_black": ".970",
}  # fmt: skip


@pytest.mark.parametrize(("product", "carbon"), PRODUCTS.items())
def test_carbon_of_products(product: str, carbon: str) -> None:
    assert tonnes(f"carbon_out.{product}", "12") == -44 * Fraction(carbon)


NITRIC = {
    "high_pressure": "0.0139", "medium_pressure": "0.0118", "atmospheric": "0.0097",
    "dual_pressure": "0.0080", "combined": "0.0075", "low_pressure": "0.0050",
}  # fmt: skip


@pytest.mark.parametrize(("process", "n2o"), NITRIC.items())
def test_nitric_acid_by_process(process: str, n2o: str) -> None:
    assert tonnes(f"nitric_acid.{process}", "1000") == 1000 * Fraction(n2o) * 265


def test_nitric_and_adipic_acid_with_destruction_and_uptime() -> None:
    """1000 x 0.0139 x (1 - 0.8 x 0.95) x 265, and 10 x 0.3 x (1 - 0.9 x 0.9) x 265."""
    nitric = tonnes("nitric_acid.high_pressure", "1000", destroyed="0.8", uptime="0.95")
    assert nitric == Fraction("884.04")
    assert nitric == tonnes("nitric_acid.high_pressure", "1000", abated="0.76")
    adipic = tonnes("adipic_acid", "10", destroyed="0.9", uptime="0.9")
    assert adipic == Fraction("151.05")


def test_recovered_carbon_dioxide() -> None:
    assert tonnes("recovered_co2", "2", "1e4Nm3", purity="0.99") == Fraction("-39.1446")
    assert tonnes("recovered_co2", "20000", "Nm3", purity="0.99") == Fraction("-39.1446")


def test_paper() -> None:
    """100 t of COD x 0.25 x 0.8 x 28 - 5 t of recovered methane x 28."""
    limestone = tonnes("paper_limestone", "10")
    water, caught = tonnes("wastewater.anaerobic", "100"), tonnes("recovered_ch4", "5")
    assert [limestone, water, caught] == [Fraction("4.05"), 560, -140]
    assert total(limestone, water, caught) == Fraction("424.05")


def test_waste_water_with_sludge_and_another_correction() -> None:
    """100 t x (1 - 0.1) x 0.25 x 0.5 x 28."""
    assert tonnes("wastewater.anaerobic", "100", sludge="0.1", mcf="0.5") == 315


def test_machinery() -> None:
    """Gas with 80 % CO2; SF6: 100 + 50 - 80 - 10 - 40 = 20 kg lost."""
    assert tonnes("welding_co2", "5", purity="0.8") == 4
    stocks = {"opening": "100", "purchased": "50", "closing": "80", "sold": "10", "installed": "40"}
    lost = total(*(tonnes(f"leak.SF6.{name}", kg, "kg") for name, kg in stocks.items()))
    assert lost == 470 == tonnes("leak.SF6", "20", "kg")
    assert tonnes("leak.SF6.retired", "2", "kg") == 47


def test_power() -> None:
    assert tonnes("fgd.limestone", "1000", purity="0.9") == Fraction("395.73")


def test_food() -> None:
    """Bicarbonate, bought gas and 10 t of COD."""
    soda, gas = tonnes("carbonate.NaHCO3", "10", purity="0.99"), tonnes("purchased_co2", "3")
    assert [soda, gas] == [Fraction("5.18463"), 3]
    assert tonnes("wastewater.anaerobic", "10") == 56


def test_every_branch_has_its_activities() -> None:
    activities = [methodology().activity(name) for name in methodology().activities()]
    for sector in get_args(Sector):
        assert any(sector in activity.sectors for activity in activities), sector
    assert {a.name for a in activities if "any" in a.sectors} == {
        "direct.energy_co2", "direct.co2", "direct.avoided_co2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "purity", "content", "message"),
    [
        ("adipic_acid", None, {"destroyed": "0.9"},
         "adipic_acid: expected abated or destroyed with uptime in content, got destroyed"),
        ("adipic_acid", None, {"abated": "0.9", "uptime": "1"}, "got abated, uptime"),
        ("raw_meal_carbon", None, {}, "expected either purity or carbon, got none"),
        ("carbon_in", "0.5", {"carbon": "0.5"}, "expected either purity or carbon, got both"),
        ("carbon_powder", "0.9", {"carbon": "0.9"},
         "carbon_powder: expected either purity or carbon, got both"),
        ("clinker", None, {"CaO_noncarbonate": "0.01"}, "clinker: expected CaO in content as well"),
        ("clinker", None, {"CaO": "0.65", "CaO_noncarbonate": "0.66"},
         "clinker: expected less in CaO_noncarbonate than in CaO"),
        ("clinker", "0.9", {"CaO": "0.65"}, "clinker takes no purity"),
        ("clinker", None, {"MgO": "0.02"}, "clinker: expected CaO in content as well"),
        ("lime", None, {"CaO": "0.9", "MgO": "0.9"},
         "lime: expected shares in content that sum to 1 at most, got 1.800000"),
        ("clinker", None, {"silica": "0.1"}, "unknown content 'silica'; expected CaO, MgO"),
        ("carbonate.CaCO3", "1.01", {}, "purity: expected a share between 0 and 1, got 1.01"),
        ("paper_limestone", "-0.1", {}, "purity: expected a share between 0 and 1, got -0.1"),
        ("leak.HFC134a", None, {}, "unknown activity 'leak.HFC134a'; expected one of carbonate"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused(
    name: str, purity: str | None, content: dict[str, str], message: str
) -> None:
    with pytest.raises(MethodologyError) as error:
        tonnes(name, "1", purity=purity, **content)
    assert message in str(error.value)


@given(quantity=st.decimals(0, 10**6, places=3), destroyed=SHARES, uptime=SHARES)
def test_destruction_never_adds_and_never_takes_more_than_all(
    quantity: Decimal, destroyed: Decimal, uptime: Decimal
) -> None:
    acid = methodology().activity("nitric_acid.dual_pressure")
    whole = acid.tonnes(quantity, "t")
    left = acid.tonnes(quantity, "t", None, {"destroyed": destroyed, "uptime": uptime})
    assert left == whole * (1 - Fraction(destroyed) * Fraction(uptime))
    assert 0 <= left <= whole


@given(st.sampled_from(methodology().activities()), st.decimals(0, 10**6, places=3), SHARES)
def test_an_activity_has_one_sign(name: str, quantity: Decimal, share: Decimal) -> None:
    activity = methodology().activity(name)
    for content in [{one: share} for one in activity.shares]:
        try:
            found = activity.tonnes(quantity, activity.factor.unit, None, content)
        except MethodologyError:
            continue
        assert found * activity.factor.t_per_unit >= 0
