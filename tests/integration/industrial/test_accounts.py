"""Readings, reports and activities become accounts."""

from decimal import Decimal
from typing import Any

import prometheus_client
import pytest

from services.industrial.rebuild import FORGET, YEARS
from shared.database.migrations import check


async def test_the_schema_is_what_the_tables_say(desk: Any, empty_url: str) -> None:
    await check(empty_url, "industrial")
    assert await desk.audit() == []


def activity(desk: Any, id: str, name: str, quantity: str, **more: Any) -> dict[str, Any]:
    data = {"start": "2020-01-01", "end": "2021-01-01", "unit": "t"} | more
    return desk.event("activity", id, activity=name, quantity=quantity, **data)  # type: ignore[no-any-return]


def output(desk: Any, id: str, quantity: str, **more: Any) -> dict[str, Any]:
    data = {"start": "2020-01-01", "end": "2021-01-01", "unit": "t", "product": "xylitol"} | more
    return desk.event("production", id, quantity=quantity, **data)  # type: ignore[no-any-return]


async def test_golden_1_and_2_an_enterprise_before_and_after_its_reduction(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.post(
        activity(desk, "energy", "direct.energy_co2", "11659.61"),
        activity(desk, "process", "direct.co2", "2491.14"),
        output(desk, "output", "137120"),
    )
    before = await desk.account(2020)
    assert (before["energy_t"], before["process_t"]) == ("11659.61", "2491.14")
    assert (before["total_t"], before["output"]) == ("14150.75", "137120")
    assert before["intensity"] == "0.103200"
    assert (before["months_energy"], before["months_output"]) == (12, 12)

    await desk.post(activity(desk, "pv", "direct.avoided_co2", "275.51"))
    after = await desk.account(2020)
    assert (after["avoided_t"], after["total_t"]) == ("275.51", "13875.24")
    assert after["intensity"] == "0.101190"
    first, last = (await desk.states())[0], (await desk.states())[-1]
    assert (first["data"]["sequence"], last["data"]["sequence"]) == (1, 2)
    assert first["id"] != last["id"]
    told = last["data"]
    assert Decimal(told["total_t"]) == Decimal("13875.24")
    assert Decimal(told["output"]) == 137120
    assert (told["year"], told["sector"], told["product_unit"]) == (2020, "1495", "t")
    assert (told["months_energy"], told["months_output"]) == (12, 12)
    assert told["energy_covered"] == told["output_covered"] == list(range(1, 13))
    assert Decimal(told["quality"]["actual"]) == 1
    assert await desk.audit() == []


async def test_golden_6_and_7_diesel_and_grid_electricity(desk: Any) -> None:
    await desk.register_enterprise(sector="3120")
    await desk.register_meter("diesel", kind="interval", carrier="diesel", unit="t")
    await desk.register_meter("m1")
    span = ("2022-03-01T00:00:00+08:00", "2022-03-02T00:00:00+08:00")
    await desk.post(
        desk.interval("d", *span, "1", meter_id="diesel", unit="t"),
        desk.interval("e", *span, "1000"),
    )
    [diesel, power] = sorted(await desk.entries(year=2022), key=lambda e: e["activity"])
    exact = Decimal("42.652") * Decimal("0.0202") * Decimal("0.98") * 44 / 12
    assert diesel["amount_mg"] == round(exact * 10**9) == 3_095_909_637
    assert diesel["factor_id"] == "fuel.diesel"
    assert (power["amount_t"], power["fallback"]) == ("0.5153", False)
    assert power["factor_id"] == "grid.zhejiang.2022"
    account = await desk.account(2022)
    assert len(account["factor_sets"]) == 2
    assert await desk.audit() == []


async def test_a_reading_over_a_year_end_takes_each_years_factor_and_sums_exactly(
    desk: Any,
) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await desk.post(
        desk.interval("e", "2021-12-31T00:00:00+08:00", "2022-01-03T00:00:00+08:00", "1000.1")
    )
    entries = await desk.entries()
    assert [e["month"] for e in entries] == ["2021-12", "2022-01"]
    assert [e["factor_id"][-4:] for e in entries] == ["2021", "2022"]
    assert sum(Decimal(e["quantity"]) for e in entries) == Decimal("1000.1")
    exact = Decimal("1000.1") / 3 * (Decimal("542200") + 2 * Decimal("515300"))
    assert sum(e["amount_mg"] for e in entries) == round(exact)
    assert len(await desk.states()) == 2
    assert await desk.audit() == []


async def test_carriers_by_their_sign(desk: Any) -> None:
    await desk.register_enterprise()
    units = {
        "electricity": "kWh", "exported_electricity": "kWh", "pv_generation": "kWh",
        "heat": "GJ", "exported_heat": "GJ", "green_power": "kWh", "water": "m3",
        "steam": "t", "exported_steam": "t", "green_certificate": "kWh",
    }  # fmt: skip
    for carrier, unit in units.items():
        await desk.register_meter(carrier, carrier=carrier, unit=unit, kind="interval")
    span = ("2022-03-01T00:00:00+08:00", "2022-03-02T00:00:00+08:00")
    await desk.post(
        *(
            desk.interval(c, *span, "1000", meter_id=c, unit=u, evidence="GEC-2022-1")
            for c, u in units.items()
        ),
        desk.interval("bare", *span, "5", meter_id="green_power"),
        desk.interval("blank", *span, "5", meter_id="green_certificate"),
    )
    amounts = {e["activity"]: e["amount_t"] for e in await desk.entries()}
    assert amounts == {
        "electricity": "0.5153", "exported_electricity": "-0.5153", "pv_generation": "0.5153",
        "heat": "110", "exported_heat": "-110", "green_power": "0", "water": "0",
        "steam": "295.3126", "exported_steam": "-295.3126", "green_certificate": "-0.5153",
    }  # fmt: skip
    account = await desk.account(2022)
    assert (account["energy_t"], account["avoided_pv_t"]) == ("-0.5153", "0.5153")
    refused = await desk.refusals()
    assert (refused["bare"][0], refused["blank"]) == (
        "certificate_required",
        (
            "certificate_required",
            "/data/evidence: meter:green_certificate meters green_certificate; "
            "expected its certificate",
        ),
    )
    parts = (await desk.get(f"enterprises/{desk.enterprise}/breakdown", by="carrier,month"))[
        "items"
    ]
    assert {p["carrier"] for p in parts} == set(units)
    assert await desk.audit() == []


async def test_a_month_is_covered_by_what_was_used_alone(desk: Any) -> None:
    """A certificate of the whole year, or what was sold, says nothing of what was used: of that the
    label must not take estimates for readings."""
    await desk.register_enterprise()
    year = ("2022-01-01T00:00:00+08:00", "2023-01-01T00:00:00+08:00")
    for carrier in ("electricity", "green_certificate", "exported_electricity"):
        await desk.register_meter(carrier, carrier=carrier, kind="interval")
    await desk.post(
        desk.interval("a", *year, "900", meter_id="green_certificate", evidence="GEC-1"),
        desk.interval("b", *year, "100", meter_id="exported_electricity"),
    )
    account = await desk.account(2022)
    assert (account["months_energy"], account["quality"]) == (0, {})
    march = ("2022-03-01T00:00:00+08:00", "2022-03-09T00:00:00+08:00")
    guess = {"meter_id": "electricity", "quality": "estimated"}
    await desk.post(desk.interval("c", *march, "2000", **guess))
    account = await desk.account(2022)
    assert (account["months_energy"], account["energy_t"]) == (1, "0.5153")
    assert account["quality"]["estimated"] == "1.000000"
    assert await desk.audit() == []
    pool = desk.app.state.pool
    numbers = [row[0] for row in await pool.fetch("select number from account")]
    for statement in (FORGET, YEARS):
        await pool.execute(statement, numbers)
    assert await desk.account(2022) == account


async def test_what_is_not_registered_is_parked_until_it_is(desk: Any) -> None:
    reading = desk.interval("e", "2022-03-01T00:00:00Z", "2022-03-01T01:00:00Z", "1000")
    await desk.post(reading)
    assert await desk.parked() == {"e": "enterprise"}
    await desk.register_enterprise()
    assert await desk.parked() == {"e": "meter:m1"}
    before = counted()
    await desk.register_meter()
    assert await desk.parked() == {}
    assert (await desk.account(2022))["energy_t"] == "0.5153"
    assert counted() == before + 1


def counted() -> float:
    """How many events this process says it has posted."""
    own = {"service": "industrial"}
    return prometheus_client.REGISTRY.get_sample_value("tanzhang_events_posted_total", own) or 0


async def test_a_meter_of_another_enterprise_is_refused(desk: Any) -> None:
    other = "91330000142927960N"
    await desk.register_enterprise()
    await desk.register_enterprise(other)
    await desk.register_meter()
    taken = await desk.register_meter(ok=False, enterprise_id=other)
    assert taken.status_code == 409
    await desk.post(
        desk.interval("e", "2022-03-01T00:00:00Z", "2022-03-01T01:00:00Z", "1") | {"subject": other}
    )
    assert (await desk.refusals())["e"][0] == "foreign_meter"


async def test_reports_must_name_the_registered_product_and_may_not_overlap(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.post(
        output(desk, "a", "100", start="2020-01-01", end="2020-02-01"),
        output(desk, "b", "50", start="2020-01-01", end="2020-02-01"),
        output(desk, "c", "50", start="2020-01-15", end="2020-03-01"),
        output(desk, "d", "50", product="sorbitol"),
        output(desk, "e", "50", unit="kg"),
        output(desk, "f", "70", start="2020-01-15", end="2020-03-01", replaces="a"),
        output(desk, "g", "1", replaces="a"),
        desk.event("economy", "v", start="2020-01-01", end="2020-07-01", value_added="12.5", unit="1e4CNY"),
    )  # fmt: skip
    refused = await desk.refusals()
    assert {id: reason for id, (reason, _) in refused.items()} == {
        "b": "overlapping_interval", "c": "overlapping_interval", "d": "wrong_product",
        "e": "wrong_unit", "g": "already_replaced",
    }  # fmt: skip
    assert "'f'" in refused["b"][1] and "'xylitol'" in refused["d"][1] and "'t'" in refused["e"][1]
    account = await desk.account(2020)
    assert (account["output"], account["value_added_1e4cny"]) == ("70", "12.5")
    assert (account["months_output"], account["intensity"]) == (2, "0.000000")
    assert await desk.audit() == []


async def test_the_output_of_a_year_has_one_unit(desk: Any) -> None:
    await desk.register_enterprise()
    for changes in ({"valid_from": "2022-07-01"}, {}):
        answer = await desk.register_enterprise(ok=False, product_unit="kg", **changes)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/product_unit")
        assert "is 't' before 202" in answer.json()["detail"]
    await desk.register_enterprise(product_unit="kg", valid_from="2022-01-01")
    answer = await desk.register_enterprise(ok=False, valid_from="2021-05-01", product_unit="kg")
    assert answer.status_code == 409
    await desk.register_enterprise(valid_from="2022-03-01", product_unit="kg", name="n")
    years = (
        {"start": "2021-01-01", "end": "2022-01-01"},
        {"start": "2022-01-01", "end": "2023-01-01"},
    )
    await desk.post(
        output(desk, "a", "70", **years[0]),
        output(desk, "b", "70000", unit="kg", **years[1]),
        output(desk, "c", "1", start="2021-12-01", end="2022-02-01", replaces="a"),
    )
    refused = await desk.refusals()
    assert refused == {"c": ("wrong_unit", "/data/unit: expected 'kg' from 2022-01-01 on, got 't'")}
    told = [await desk.account(year) for year in (2021, 2022)]
    assert [(one["output"], one["product_unit"]) for one in told] == [("70", "t"), ("70000", "kg")]


async def test_a_report_can_be_corrected_once_its_product_has_its_right_name(desk: Any) -> None:
    await desk.register_enterprise(product="xylitoll")
    span = {"start": "2020-01-01", "end": "2020-02-01"}
    line = {"asset_id": "line-1"}
    await desk.post(
        output(desk, "a", "70", product="xylitoll", **span),
        output(desk, "b", "5", product="xylitoll", **span, **line),
    )
    await desk.register_enterprise(valid_from="1900-01-01")
    await desk.post(
        output(desk, "c", "77", replaces="a", **span),
        output(desk, "d", "6", replaces="b", **span),
        output(desk, "e", "7", replaces="b", **span, **line),
        output(desk, "f", "8", **span),
    )
    refused = {id: reason for id, (reason, _) in (await desk.refusals()).items()}
    assert refused == {"d": "wrong_target", "f": "overlapping_interval"}
    assert (await desk.account(2020))["output"] == "84"
    assert await desk.audit() == []


async def test_a_replacement_waits_for_its_target_in_a_later_batch_or_the_same(desk: Any) -> None:
    await desk.register_enterprise()
    span = {"start": "2020-01-01", "end": "2020-02-01"}
    third = activity(desk, "c", "direct.co2", "3", replaces="b", **span)
    second = activity(desk, "b", "direct.co2", "2", replaces="a", **span)
    await desk.post(third)
    assert list(await desk.parked()) == ["c"]
    await desk.post(second, activity(desk, "a", "direct.co2", "1", **span))
    assert await desk.parked() == {}
    assert (await desk.account(2020))["process_t"] == "3"
    wrong = activity(desk, "x", "clinker", "1", replaces="c", **span)
    await desk.post(wrong, activity(desk, "y", "direct.co2", "1", replaces="y"))
    assert {k: v[0] for k, v in (await desk.refusals()).items()} == {
        "x": "wrong_target", "y": "wrong_target",
    }  # fmt: skip
    assert await desk.audit() == []


@pytest.mark.parametrize(
    ("name", "more", "tonnes"),
    [
        ("carbonate.CaCO3", {"purity": "0.9"}, "39.573"),
        ("direct.co2", {"unit": "kg"}, "0.1"),
    ],
)
async def test_process_activities(desk: Any, name: str, more: Any, tonnes: str) -> None:
    await desk.register_enterprise()
    await desk.post(activity(desk, "a", name, "100", **more))
    assert (await desk.account(2020))["process_t"] == tonnes


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"name": "unheard_of"}, "unknown_activity"),
        ({"unit": "kWh"}, "wrong_unit"),
        ({"purity": "2", "name": "carbonate.CaCO3"}, "wrong_share"),
        ({"content": {"gold": "0.5"}}, "wrong_share"),
        ({"end": "2020-01-01"}, "wrong_interval"),
        ({"start": "2020-01-01T01:00:00+08:00"}, "wrong_date"),
        ({"quantity": "-1"}, "negative_quantity"),
        ({"quantity": "999999999999999"}, "out_of_range"),
        ({"quantity": "NaN"}, "out_of_range"),
        ({"quantity": "1e-30"}, "out_of_range"),
        ({"purity": "NaN", "name": "carbonate.CaCO3"}, "wrong_share"),
        ({"name": "direct\x00"}, "wrong_text"),
        ({"end": "2099-01-01"}, "wrong_interval"),
    ],
)
async def test_activities_that_can_never_be_posted(desk: Any, more: Any, reason: str) -> None:
    await desk.register_enterprise()
    given = {"name": "direct.co2", "quantity": "1"} | more
    await desk.post(activity(desk, "a", given.pop("name"), given.pop("quantity"), **given))
    assert (await desk.refusals())["a"][0] == reason
    assert await desk.entries() == []


async def test_repeats_change_nothing_and_other_content_is_a_conflict(desk: Any) -> None:
    await desk.register_enterprise()
    first = activity(desk, "a", "direct.co2", "1")
    await desk.post(first, first)
    await desk.post(first, activity(desk, "a", "direct.co2", "2"))
    assert (await desk.account(2020))["process_t"] == "1"
    assert (await desk.refusals())["a"][0] == "conflict"
    assert len(await desk.states()) == 1
