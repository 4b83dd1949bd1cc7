from decimal import Decimal
from fractions import Fraction

import pytest

from shared.methodology import MethodologyError, methodology
from shared.units.quantity import UnitError

CARBONATES = {
    "CaCO3": "0.4397",
    "MgCO3": "0.5220",
    "CaMg(CO3)2": "0.4773",
    "Na2CO3": "0.4149",
    "NaHCO3": "0.5237",
    "FeCO3": "0.3799",
    "MnCO3": "0.3829",
    "BaCO3": "0.2230",
    "Li2CO3": "0.5955",
    "K2CO3": "0.3184",
    "SrCO3": "0.2980",
}


@pytest.mark.parametrize(("formula", "value"), CARBONATES.items())
def test_carbonates(formula: str, value: str) -> None:
    activity = methodology().activity(f"carbonate.{formula}")
    assert activity.factor.t_per_unit == Fraction(value)
    half = activity.tonnes(Decimal(10), "t", Decimal("0.5"))
    assert half == 5 * Fraction(value)


def test_calcination_scales_a_carbonate() -> None:
    activity = methodology().activity("carbonate.CaCO3")
    part = activity.tonnes(Decimal(100), "t", Decimal("0.9"), {"calcined": Decimal("0.98")})
    assert part == Fraction("0.4397") * 90 * Fraction("0.98")


def test_clinker_by_default_and_by_its_oxides() -> None:
    clinker = methodology().activity("clinker")
    assert clinker.tonnes(Decimal(1000), "t") == 538
    content = {
        "CaO": Decimal("0.65"),
        "MgO": Decimal("0.02"),
        "CaO_noncarbonate": Decimal("0.01"),
    }
    expected = Fraction("0.64") * Fraction(44, 56) + Fraction("0.02") * Fraction(44, 40)
    assert clinker.tonnes(Decimal(1), "t", content=content) == expected


def test_nitric_acid_counts_nitrous_oxide_and_its_destruction() -> None:
    acid = methodology().activity("nitric_acid.high_pressure")
    assert acid.tonnes(Decimal(1), "t") == Fraction("3.6835")
    abated = acid.tonnes(Decimal(1), "t", content={"abated": Decimal("0.8")})
    assert abated == Fraction("0.7367")
    assert acid.factor.label == "process@1+AR5"


def test_carbon_balance() -> None:
    into = methodology().activity("carbon_in").tonnes(Decimal(3), "t", Decimal("0.5"))
    out = (
        methodology()
        .activity("carbon_out")
        .tonnes(Decimal(3), "t", content={"carbon": Decimal("0.5")})
    )
    assert into == Fraction(11, 2)
    assert out == -into
    urea = methodology().activity("carbon_out.urea")
    assert urea.tonnes(Decimal(15), "t") == -11


def test_anaerobic_waste_water() -> None:
    assert methodology().activity("wastewater.anaerobic").factor.t_per_unit == Fraction("5.6")


@pytest.mark.parametrize(
    ("name", "bucket"),
    [
        ("direct.energy_co2", "energy"),
        ("direct.co2", "process"),
        ("direct.avoided_co2", "avoided"),
    ],
)
def test_verified_figures_are_taken_as_reported(name: str, bucket: str) -> None:
    activity = methodology().activity(name)
    assert activity.bucket == bucket
    assert activity.tonnes(Decimal("11659.61"), "t") == Fraction("11659.61")


@pytest.mark.parametrize(
    ("name", "purity", "content", "message"),
    [
        ("clinker", "0.5", {}, "clinker takes no purity"),
        ("clinker", None, {"CaCO3": "0.5"}, "unknown content 'CaCO3'; expected CaO, MgO"),
        ("carbonate.CaCO3", "1.2", {}, "purity: expected a share between 0 and 1, got 1.2"),
        ("clinker", None, {"CaO": "65"}, "CaO: expected a share between 0 and 1, got 65"),
    ],
)
def test_what_an_activity_does_not_take_is_refused(
    name: str, purity: str | None, content: dict[str, str], message: str
) -> None:
    shares = {key: Decimal(value) for key, value in content.items()}
    with pytest.raises(MethodologyError, match=message):
        methodology().activity(name).tonnes(
            Decimal(1), "t", Decimal(purity) if purity else None, shares
        )


def test_words_and_units_outside_the_lists_are_refused() -> None:
    with pytest.raises(MethodologyError, match=r"unknown activity 'cement'; expected one of carb"):
        methodology().activity("cement")
    with pytest.raises(UnitError, match="kWh does not convert to t"):
        methodology().activity("clinker").tonnes(Decimal(1), "kWh")


def test_warming_potentials() -> None:
    figures = methodology()
    assert [figures.gwp("CH4"), figures.gwp("N2O")] == [28, 265]
    assert [figures.gwp("CH4", "SAR"), figures.gwp("N2O", "AR4")] == [21, 298]
    assert figures.gwp("CH4", "AR6") == Fraction("27.9")
