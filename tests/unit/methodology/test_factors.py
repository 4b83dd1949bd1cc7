from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.methodology import CARRIERS, Factor, MethodologyError, methodology
from shared.units.quantity import UnitError

DAY = date(2022, 6, 1)


def test_a_tonne_of_diesel_in_iron_and_steel() -> None:
    factor = methodology().fuel_factor("3120", "diesel", DAY)
    exact = Fraction("42.652") * Fraction("0.0202") * Fraction("0.98") * Fraction(44, 12)
    assert factor.t_per_unit == exact
    assert round(factor.tonnes(Decimal(1000), "kg"), 4) == Fraction("3.0959")
    assert factor.label == "fuels_a@1"


def test_energy_goes_through_the_calorific_value() -> None:
    gas = methodology().fuel_factor("2614", "natural_gas", DAY)
    assert gas.amount(Decimal("389.31"), "GJ") == 1
    assert gas.amount(Decimal("29315"), "m3") == Fraction(27315, 10_000)
    with pytest.raises(UnitError, match="kg does not convert to 1e4Nm3; expected one of Nm3"):
        gas.tonnes(Decimal(1), "kg")


def test_a_fuel_that_a_set_does_not_have_is_taken_from_the_other_and_marked() -> None:
    naphtha = methodology().fuel_factor("3120", "naphtha", DAY)
    assert (naphtha.set, naphtha.fallback) == ("fuels_b", True)
    assert naphtha.warning == "fuels_a has no naphtha; taken from fuels_b"
    assert methodology().fuel_factor("2614", "raw_coal", DAY).set == "fuels_a"


@pytest.mark.parametrize("division", [17, 22, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 44])
def test_divisions_of_set_a(division: int) -> None:
    assert methodology().sector(f"C{division}11").fuels == "fuels_a"


@pytest.mark.parametrize("sector", ["14", "1495", "2614", "41", "45", "9999"])
def test_all_other_divisions_take_set_b(sector: str) -> None:
    assert methodology().sector(sector).fuels == "fuels_b"


@pytest.mark.parametrize("sector", ["", "3", "ABC", "31 ", "31200"])
def test_a_wrong_sector_is_refused(sector: str) -> None:
    with pytest.raises(MethodologyError, match="GB/T 4754"):
        methodology().sector(sector)


def test_an_unknown_fuel_is_refused_with_the_list() -> None:
    with pytest.raises(MethodologyError, match="unknown fuel 'petrol'; expected one of raw_coal"):
        methodology().fuel_factor("3120", "petrol", DAY)


@pytest.mark.parametrize(
    ("region", "year", "value", "fallback"),
    [
        ("zhejiang", 2010, "0.6101", True),
        ("zhejiang", 2018, "0.6101", True),
        ("zhejiang", 2020, "0.6101", True),
        ("zhejiang", 2021, "0.5422", False),
        ("zhejiang", 2022, "0.5153", False),
        ("zhejiang", 2023, "0.5153", False),
        ("zhejiang", 2030, "0.5153", False),
        ("shanghai", 2021, "0.5568", True),
        ("east_china", 2023, "0.5500", False),
        ("southwest_china", 2024, "0.2268", False),
        ("national", 2023, "0.5306", False),
    ],
)
def test_grid_factor_of_a_year(region: str, year: int, value: str, fallback: bool) -> None:
    factor = methodology().electricity_factor(region, year)
    assert factor.t_per_unit == Fraction(value)
    assert factor.fallback is fallback
    assert (factor.warning is not None) is (factor.id != f"grid.{region}.{year}")


def test_a_grid_factor_of_an_earlier_year_warns_in_both_languages() -> None:
    factor = methodology().electricity_factor("zhejiang", 2024)
    assert factor.warning == "no factor of zhejiang for 2024; that of 2022 taken"
    assert factor.warning_zh == "zhejiang 没有 2024 年因子,采用 2022 年因子"


def test_a_thousand_kilowatt_hours_in_zhejiang() -> None:
    factor = methodology().electricity_factor("zhejiang", 2022)
    assert factor.tonnes(Decimal(1000), "kWh") == Fraction("0.5153")
    assert factor.id == "grid.zhejiang.2022"


@given(st.sampled_from(methodology().grid_regions()), st.integers(1, 9999))
def test_a_grid_factor_is_of_the_year_or_before_or_marked(region: str, year: int) -> None:
    factor = methodology().electricity_factor(region, year)
    _, found, of = factor.id.split(".")
    assert factor.fallback is (found != region or int(of) > year)
    assert int(of) <= year or (found, of) == ("national", "2015")


def test_an_unknown_region_is_refused_with_the_list() -> None:
    with pytest.raises(MethodologyError, match="unknown grid region 'Zhejiang'; expected anhui"):
        methodology().electricity_factor("Zhejiang", 2022)


def test_heat_and_steam() -> None:
    assert methodology().heat_factor().tonnes(Decimal(10), "GJ") == Fraction("1.1")
    steam = methodology().steam_factor()
    assert steam.tonnes(Decimal(1), "t") == Fraction("0.2953126")
    assert steam.tonnes(Decimal(1), "GJ") == Fraction("0.11")


@pytest.mark.parametrize("carrier", sorted(CARRIERS))
def test_every_carrier_has_a_factor_in_each_of_its_units(carrier: str) -> None:
    factor = _meter(carrier)
    for unit in CARRIERS[carrier].units:
        assert (factor.tonnes(Decimal(1), unit) > 0) is (CARRIERS[carrier].sign != 0)


@pytest.mark.parametrize("carrier", ["pv_generation", "green_power", "water"])
def test_carriers_without_emission(carrier: str) -> None:
    assert _meter(carrier).t_per_unit == 0
    assert CARRIERS[carrier].sign == 0


def _meter(carrier: str) -> Factor:
    return methodology().meter_factor(carrier, sector="1495", region="zhejiang", on=DAY)
