"""Measured fuel properties before defaults; energy, volume, steam and export by hand."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain.facts import Fact
from services.industrial.domain.fuels import (
    MEASURABLE,
    Fuels,
    MeasuredFuel,
    WrongFuel,
    check,
    in_force,
    measured_factor,
)
from services.industrial.domain.postings import Posting, metered
from services.industrial.domain.rates import meter_rate
from services.industrial.domain.registry import Enterprise, Meter
from services.industrial.domain.years import Year
from shared.methodology import MEASURED, Factor, methodology
from shared.units.calendar import CITY

MARCH = date(2022, 3, 1)
STEEL = Enterprise("E", "n", "3120", "d", "zhejiang", "p", "t")
DAY = timedelta(days=1)


def record(carrier: str = "raw_coal", /, **given: str) -> MeasuredFuel:
    def number(name: str) -> Decimal | None:
        return Decimal(given[name]) if name in given else None

    return MeasuredFuel(
        "E",
        carrier,
        date.fromisoformat(given.get("valid_from", "2022-03-01")),
        number("ncv"),
        given.get("ncv_unit"),
        number("carbon_content"),
        number("oxidation"),
        number("enthalpy"),
        "laboratory 17",
    )


def default(carrier: str, sector: str = "3120") -> Factor:
    return methodology().meter_factor(carrier, sector=sector, region="zhejiang", on=MARCH)


def tonnes(
    carrier: str, quantity: str, unit: str, measured: MeasuredFuel | None = None
) -> Fraction:
    rate = meter_rate(carrier, unit, "3120", "zhejiang", MARCH, measured)
    return Fraction(quantity) * rate.per_unit * rate.sign / 10**9


def test_measured_coal_by_hand() -> None:
    """22 GJ/t x 0.026 t C/GJ x 0.98 x 44/12 = 2.055387 t per t."""
    coal = record(ncv="22", carbon_content="0.026", oxidation="0.98")
    assert round(tonnes("raw_coal", "1", "t", coal), 6) == Fraction("2.055387")
    assert tonnes("raw_coal", "22", "GJ", coal) == tonnes("raw_coal", "1", "t", coal)
    rate = meter_rate("raw_coal", "t", "3120", "zhejiang", MARCH, coal)
    assert (rate.factor_id, rate.factor_set, rate.factor_version, rate.fallback) == (
        "fuel.raw_coal", MEASURED, "2022-03-01", False,
    )  # fmt: skip


def test_what_was_not_measured_is_the_default() -> None:
    """22 GJ/t with the carbon and oxidation of SET A: 22 x 0.02637 x 0.94 x 44/12."""
    only_ncv = record(ncv="22")
    expected = 22 * Fraction("0.02637") * Fraction("0.94") * Fraction(44, 12)
    assert tonnes("raw_coal", "1", "t", only_ncv) == expected
    source = measured_factor(only_ncv, default("raw_coal")).source
    assert source.startswith("measured, laboratory 17; carbon content, oxidation: fuels_a@1, GB/T")


@pytest.mark.parametrize(
    ("ncv", "unit"),
    [("22", None), ("22", "GJ/t"), ("22", "MJ/kg"), ("0.022", "GJ/kg"), ("22000", "MJ/t")],
)
def test_a_calorific_value_in_any_unit_that_converts(ncv: str, unit: str | None) -> None:
    given = {"ncv": ncv} | ({"ncv_unit": unit} if unit else {})
    assert measured_factor(record(**given), default("raw_coal")).ncv_gj_per_unit == 22


def test_a_gas_by_its_calorific_value_per_normal_cubic_metre() -> None:
    gas = record("natural_gas", ncv="36", ncv_unit="MJ/Nm3")
    assert measured_factor(gas, default("natural_gas")).ncv_gj_per_unit == 360
    assert round(tonnes("natural_gas", "1", "1e4Nm3", gas), 4) == Fraction("19.9940")


def test_measured_steam_by_its_enthalpy() -> None:
    """1 t x (2800 - 83.74) / 1000 GJ x 0.11."""
    steam = record("steam", enthalpy="2800")
    assert tonnes("steam", "1", "t", steam) == Fraction("0.2987886")
    assert tonnes("steam", "1", "GJ", steam) == Fraction("0.11")


def test_steam_without_an_enthalpy_takes_the_default() -> None:
    """1000 t x (2768.4 - 83.74) / 1000 GJ/t x 0.11."""
    assert tonnes("steam", "1000", "t") == Fraction("295.3126")


def test_fuel_in_units_of_energy() -> None:
    """SET A diesel: 0.0202 x 0.98 x 44/12 = 0.0725853 t per GJ; 1 MWh 3.6 GJ, 1 tce 29.3076 GJ."""
    per_gj = Fraction("0.0202") * Fraction("0.98") * Fraction(44, 12)
    assert tonnes("diesel", "42.652", "GJ") == tonnes("diesel", "1", "t")
    assert round(tonnes("diesel", "1", "t"), 4) == Fraction("3.0959")
    assert round(per_gj, 7) == Fraction("0.0725853")
    assert tonnes("diesel", "10", "MWh") == 36 * per_gj
    assert tonnes("diesel", "2", "tce") == Fraction("58.6152") * per_gj


def test_gas_metered_at_twenty_degrees() -> None:
    """29 315 m3 x 273.15/293.15 = 27 315 Nm3; x 21.6219 t per 10^4 Nm3 = 59.0602."""
    assert tonnes("natural_gas", "29315", "m3") == tonnes("natural_gas", "27315", "Nm3")
    assert round(tonnes("natural_gas", "29315", "m3"), 4) == Fraction("59.0602")


def test_what_leaves_is_subtracted() -> None:
    assert tonnes("heat", "100", "GJ") == 11
    assert tonnes("exported_heat", "40", "GJ") == Fraction("-4.4")
    assert tonnes("exported_steam", "40", "GJ") == Fraction("-4.4")
    assert tonnes("exported_steam", "1000", "t") == Fraction("-295.3126")
    measured = record("exported_steam", enthalpy="2800")
    assert tonnes("exported_steam", "1", "t", measured) == Fraction("-0.2987886")
    assert tonnes("electricity", "1000", "MWh") == Fraction("515.3")
    assert tonnes("exported_electricity", "200", "MWh") == Fraction("-103.06")


def test_green_power_and_self_used_solar_power() -> None:
    green = meter_rate("green_power", "MWh", "3120", "zhejiang", MARCH)
    assert green.per_unit == 0
    assert (green.category, green.factor_id) == ("energy", "green_power.certificate")
    assert tonnes("green_certificate", "200", "MWh") == Fraction("-103.06")
    solar = meter_rate("pv_generation", "MWh", "3120", "zhejiang", MARCH)
    assert solar.per_unit == 515_300_000
    assert solar.category == "pv_memo"


def test_a_version_counts_in_the_months_that_begin_from_its_day_on() -> None:
    first, second = (
        record(ncv="20", valid_from="2022-03-02"),
        record(ncv="21", valid_from="2022-06-01"),
    )
    fuels: Fuels = {"raw_coal": [first, second]}
    found = [in_force(fuels, "raw_coal", date(2022, month, 1)) for month in (3, 4, 5, 6, 7)]
    assert found == [None, first, first, second, second]
    assert in_force(fuels, "coke", MARCH) is None


def post(start: datetime, end: datetime, fuels: Fuels) -> Posting:
    meter = Meter("m", "E", "raw_coal", "t", "interval")
    fact = Fact(1, b"k", b"", "urn:t", "i", "reading", "meter:m", start, end, None, "actual",
                Decimal(31), "t")  # fmt: skip
    return metered(fact, Decimal(31), "actual", (start, end), meter, [STEEL], CITY, fuels)


def test_each_month_of_a_reading_takes_its_own_version() -> None:
    april = record(ncv="22", valid_from="2022-04-01")
    start = datetime(2022, 3, 30, tzinfo=CITY)
    posting = post(start, start + 4 * DAY, {"raw_coal": [april]})
    assert [(p.month.month, p.rate.factor_set) for p in posting.pieces] == [
        (3, "fuels_a"), (4, MEASURED),
    ]  # fmt: skip
    whole = sum((Fraction(p.quantity) * p.rate.per_unit for p in posting.pieces), Fraction(0))
    assert sum(p.amount_mg for p in posting.pieces) == round(whole)


@pytest.mark.parametrize(
    ("carrier", "given", "field", "message"),
    [
        ("raw_coal", {}, "ncv", "expected at least one of ncv, carbon_content, oxidation"),
        ("steam", {}, "enthalpy", "expected at least one of enthalpy"),
        ("raw_coal", {"ncv": "0"}, "ncv", "expected a number above zero, got 0"),
        ("raw_coal", {"carbon_content": "-1"}, "carbon_content", "above zero, got -1"),
        ("raw_coal", {"oxidation": "94"}, "oxidation", "a share between 0 and 1, got 94"),
        ("raw_coal", {"ncv": "5000"}, "ncv",
         "expected 4.181600 to 62.724000 GJ/t, as the default is 20.908000; got 5000"),
        ("raw_coal", {"carbon_content": "26.37"}, "carbon_content",
         "expected 0.005274 to 0.079110 t C per GJ, as the default is 0.026370; got 26.37"),
        ("raw_coal", {"oxidation": "0"}, "oxidation",
         "expected 0.188000 to 1.000000 of the carbon, as the default is 0.940000; got 0"),
        ("raw_coal", {"ncv": "22", "ncv_unit": "GJ/Nm3"}, "ncv_unit",
         "such as GJ/t: Nm3 (volume) does not convert to t (mass)"),
        ("raw_coal", {"ncv": "22", "ncv_unit": "GJ"}, "ncv_unit", "unknown unit ''"),
        ("raw_coal", {"ncv": "22", "ncv_unit": "t/GJ"}, "ncv_unit", "t is no unit of energy"),
        ("raw_coal", {"oxidation": "1", "ncv_unit": "GJ/t"}, "ncv", "expected a value with ncv_unit"),
        ("raw_coal", {"enthalpy": "2800"}, "enthalpy", "raw_coal takes ncv, carbon_content, oxid"),
        ("steam", {"ncv": "2.7"}, "ncv", "steam takes enthalpy"),
        ("steam", {"enthalpy": "2.8"}, "enthalpy", "above the feed water, as the default is 2.684660"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused(
    carrier: str, given: dict[str, str], field: str, message: str
) -> None:
    with pytest.raises(WrongFuel) as wrong:
        check(record(carrier, **given), default(carrier))
    assert wrong.value.field == field
    assert message in str(wrong.value)


@given(st.sampled_from(MEASURABLE), st.sampled_from(["1495", "3120"]))
def test_measuring_the_default_changes_nothing_but_its_name(carrier: str, sector: str) -> None:
    usual = default(carrier, sector)
    ncv = usual.ncv_gj_per_unit
    assert ncv is not None
    if carrier in ("steam", "exported_steam"):
        measured = record(carrier, enthalpy=str(float(ncv * 1000 + Fraction("83.74"))))
    else:
        measured = record(carrier, ncv=str(float(ncv)), oxidation=str(float(usual.oxidation or 0)))
    check(measured, usual)
    found = measured_factor(measured, usual)
    assert (found.t_per_unit, found.set) == (usual.t_per_unit, MEASURED)


def test_a_year_knows_how_much_of_its_energy_was_measured() -> None:
    year = Year(actual_mg=300, estimated_mg=100, measured_mg=100)
    assert year.measured_share() == Decimal("0.25")
    assert Year().measured_share() is None
