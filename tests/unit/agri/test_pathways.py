"""What each pathway counts, and what it refuses."""

from decimal import Decimal

import pytest

from services.agri.domain import emissions
from services.agri.domain.account import Totals
from shared.events.envelope import Event
from shared.methodology import CARRIERS
from shared.stream.service import Decision
from shared.units.amount import tonnes_text
from tests.unit.agri.farm import Farm, emission, manure, record, soil, straw

BIOGAS = {
    "biogas_m3": "900000000",
    "biogas_lhv_mj_per_m3": "40",
    "biogas_replaces": "raw_coal",
    "start": "2020-01-01",
    "end": "2020-02-01",
}


def reasons(decision: Decision) -> list[tuple[str, str]]:
    return [(refusal.reason, refusal.detail) for refusal in decision.refused]


def gross(event: Event, year: int = 2020) -> str:
    farm = Farm()
    decision = farm.post([event])
    assert not decision.refused
    assert farm.account.balance == 0
    return tonnes_text(farm.totals(year).gross)


def test_no_straw_no_intercept() -> None:
    farm = Farm()
    farm.post([straw("zero", "0")])
    assert farm.totals() == Totals()
    assert len(farm.entries()) == 12


def test_straw_is_limited_to_15_t_per_ha() -> None:
    full, more = Farm(), Farm()
    full.post([straw("s", "15000")])
    more.post([straw("s", "60000")])
    assert full.totals().straw == more.totals().straw > 0


def test_a_second_return_posts_the_difference() -> None:
    farm, once = Farm(), Farm()
    once.post([straw("s", "3000")])
    farm.post([straw("a", "1000", time="2020-03-01T00:00:00Z", end="2020-07-01")])
    farm.post([straw("b", "2000", time="2020-11-01T00:00:00Z", start="2020-07-01")])
    assert farm.totals() == once.totals()
    assert not [entry for entry in farm.entries() if entry.reverses]


def test_an_earlier_return_that_comes_late_takes_the_intercept() -> None:
    farm = Farm()
    farm.post([straw("late", "2000", time="2020-11-01T00:00:00Z", start="2020-07-01")])
    decision = farm.post([straw("early", "1000", time="2020-03-01T00:00:00Z", end="2020-07-01")])
    reversed_months = [e for e in decision.rows.entries if e.reverses]
    assert len(reversed_months) == 6
    early = decision.rows.facts[0].key
    assert {entry.cause for entry in decision.rows.entries} == {early}
    in_order = Farm()
    in_order.post([straw("early", "1000", time="2020-03-01T00:00:00Z", end="2020-07-01")])
    in_order.post([straw("late", "2000", time="2020-11-01T00:00:00Z", start="2020-07-01")])
    assert by_event(farm) == by_event(in_order)


def by_event(farm: Farm) -> dict[bytes, int]:
    return {
        key: sum(entry.line.amount for entry in entries)
        for (_, key), entries in farm.book.entries.items()
    }


@pytest.mark.parametrize(("since", "counts"), [(1999, False), (2000, True), (2020, True)])
def test_a_soil_change_counts_for_20_years(since: int, counts: bool) -> None:
    farm = Farm()
    decision = farm.post([soil("s", since=since)])
    assert (farm.totals().soil > 0) is counts
    assert [reason for reason, _ in reasons(decision)] == ([] if counts else ["change_too_old"])


def test_losses_are_posted_with_their_sign() -> None:
    farm = Farm()
    farm.post([manure("worse", system_before="digester", system_after="lagoon")])
    farm.post([soil("less", parcel_id="p2", input_before="high", input_after="low")])
    assert farm.totals().manure < 0 and farm.totals().soil < 0


def test_manure_counts_the_days_of_the_record() -> None:
    year, half = Farm(), Farm()
    year.post([manure("y")])
    half.post([manure("a", end="2020-07-02"), manure("b", start="2020-07-02")])
    assert abs(half.totals().manure - year.totals().manure) <= 1
    january = Farm()
    january.post([manure("j", "366", end="2020-01-02")])
    head = Farm()
    head.post([manure("h", "1")])
    assert january.totals() == head.totals()


@pytest.mark.parametrize(
    ("event", "year", "tonnes"),
    [
        (emission("d", "diesel", "1", "t"), 2020, "3.145122493"),
        (emission("d", "diesel", "1000", "kg"), 2020, "3.145122493"),
        (emission("e", "electricity", "1000", "kWh"), 2020, "0.6101"),
        (
            emission("e", "electricity", "1", "MWh", start="2022-01-01", end="2023-01-01"),
            2022,
            "0.5153",
        ),
        (emission("h", "heat", "10", "GJ"), 2020, "1.1"),
        (emission("p", "paddy_rice", "1", "ha"), 2020, "4.13952"),
        (emission("g", "enteric_pig", "1000", "head"), 2020, "28"),
        (emission("g", "enteric_pig", "366000", "head", end="2020-01-02"), 2020, "28"),
    ],
)
def test_gross_emissions(event: Event, year: int, tonnes: str) -> None:
    assert gross(event, year) == tonnes


def test_fertiliser_nitrogen_emits_nitrous_oxide() -> None:
    assert Decimal(gross(emission("n", "fertiliser_n", "1000", "kg"))) > 4


@pytest.mark.parametrize("source", emissions.sources())
def test_every_source_has_a_factor(source: str) -> None:
    units = {"electricity": "kWh", "heat": "GJ", "paddy_rice": "ha"}
    head = ("enteric_pig", "manure_pig")
    volume = CARRIERS[source].dimensions[0] == "volume" if source in CARRIERS else False
    is_herd = source in head or source.startswith("manure.")
    unit = units.get(source, "head" if is_herd else "Nm3" if volume else "t")
    assert Decimal(gross(emission("x", source, "1000", unit))) > 0


@pytest.mark.parametrize(
    ("event", "reason", "field", "expected"),
    [
        (emission("x", "moonshine", "1", "t"), "unknown_source", "/data/source", "diesel"),
        (emission("x", "diesel", "1", "head"), "bad_unit", "/data/unit", "kg"),
        (emission("x", "enteric_pig", "1", "t"), "bad_unit", "/data/unit", "head"),
        (emission("x", "diesel", "-1", "t"), "bad_value", "/data/quantity", "from 0"),
        (emission("x", "diesel", "1e-999999", "t"), "bad_value", "/data/quantity", "places"),
        (emission("x", "diesel", "999999999", "t"), "too_large", "/data/quantity", "1000000 t"),
        (manure("x", "900000000"), "too_large", "/data/heads", "at most 1000000 t in a month"),
        (manure("x", "0", **BIOGAS), "too_large", "/data/biogas_m3", "1000000 t"),
        (straw("x", "9000", "99999999"), "too_large", "/data/area_ha", "1000000 t"),
        (straw("x", "1", start="9998-01-01", end="9999-01-01"), "bad_period", "/data/end", "9998"),
        (straw("x", "1000", "0"), "bad_value", "/data/area_ha", "above 0"),
        (record("x", pathway="straw_return"), "missing_field", "/data/area_ha", "straw_return"),
        (record("x", pathway="emission"), "missing_field", "/data/source", "required"),
        (emission("x", "", "1", "t"), "missing_field", "/data/source", "required"),
        (emission("x", "diesel", "1", " "), "missing_field", "/data/unit", "required"),
        (soil("x", input_after=None), "missing_field", "/data/input_after", "required"),
        (soil("x", since=2021), "bad_value", "/data/since", "2020 or earlier"),
        (soil("x", stock_years="2"), "missing_field", "/data/stock_before_t_per_ha", "required"),
        (manure("x", animal=None), "missing_field", "/data/animal", "required"),
        (straw("x", "1", end="2021-01-02"), "spans_years", "/data/end", "2021-01-01"),
        (straw("x", "1", end="2020-01-01"), "bad_period", "/data/end", "after"),
        (straw("x", "1", start="yesterday"), "bad_period", "/data/start", "got 'yesterday'"),
        (straw("x", "1", start="2020-1-1"), "bad_period", "/data/start", "such as 2020-01-31"),
        (
            straw("x", "1", start="2020-01-01T00:00:00Z"),
            "bad_period",
            "/data/start",
            "midnight of the city",
        ),
        (
            straw("x", "1", start="0001-01-01T00:00:00+14:00"),
            "bad_period",
            "/data/start",
            "such as 2020-01-31",
        ),
        (straw("x", "1", parcel_id=""), "bad_value", "/data/parcel_id", "1 to 128"),
        (straw("x", "1", replaces="x"), "replaces_itself", "/data/replaces", "another"),
    ],
)
def test_refusals_name_the_field(event: Event, reason: str, field: str, expected: str) -> None:
    farm = Farm()
    [(found, detail)] = reasons(farm.post([event]))
    assert found == reason
    assert field in detail and expected in detail
    assert not farm.entries() and not farm.book.facts


def test_a_midnight_of_the_city_is_a_date() -> None:
    farm = Farm()
    farm.post([straw("s", "1000", start="2019-12-31T16:00:00Z", end="2021-01-01T00:00:00+08:00")])
    assert farm.totals().straw > 0
