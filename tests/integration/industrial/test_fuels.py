"""Measured fuels, and the catalogue of activities and carriers."""

from decimal import Decimal
from typing import Any

import pytest

from services.industrial.domain.rates import activity_rate
from shared.methodology import methodology

FUELS = "enterprises/91330800704205947U/fuels"
SPAN = ("2022-03-01T00:00:00+08:00", "2022-03-02T00:00:00+08:00")
LATER = ("2022-04-05T00:00:00+08:00", "2022-04-06T00:00:00+08:00")
COAL = {"ncv": "22", "carbon_content": "0.026", "oxidation": "0.98"}
EVIDENCE = {"valid_from": "2022-04-01", "evidence": "laboratory report 17"}


async def coal_meter(desk: Any) -> None:
    await desk.register_enterprise(sector="3120")
    await desk.register_meter("coal", kind="interval", carrier="raw_coal", unit="t")


async def test_measured_coal_counts_from_its_month_on(desk: Any) -> None:
    await coal_meter(desk)
    answer = await desk.put(f"{FUELS}/raw_coal", **COAL, **EVIDENCE)
    assert answer.status_code == 201, answer.text
    factor, usual = answer.json()["factor"], answer.json()["default"]
    assert (factor["ncv_gj_per_unit"], factor["carbon_t_per_gj"]) == ("22", "0.026")
    assert factor["t_per_unit"].startswith("2.0553866")
    assert (usual["set"], usual["ncv_gj_per_unit"]) == ("fuels_a", "20.908")
    await desk.post(
        desk.interval("march", *SPAN, "10", meter_id="coal", unit="t"),
        desk.interval("april", *LATER, "10", meter_id="coal", unit="t"),
    )
    march, april = await desk.entries(year=2022)
    assert (march["factor_set"], april["factor_set"]) == ("fuels_a", "measured")
    assert (april["factor_version"], april["factor_id"]) == ("2022-04-01", "fuel.raw_coal")
    assert (april["factor_source"], april["confidence"]) == (
        "measured, laboratory report 17", "measured",
    )  # fmt: skip
    # 10 x 22 x 0.026 x 0.98 x 44/12 = 20.553867 t
    assert april["amount_mg"] == round(Decimal("220") * Decimal("0.02548") * 44 / 12 * 10**9)
    account = await desk.account(2022)
    assert account["factor_sets"] == ["fuels_a@1", "measured@2022-04-01"]
    share = Decimal(april["amount_mg"]) / (march["amount_mg"] + april["amount_mg"])
    assert account["measured_share"] == str(share.quantize(Decimal("1e-6")))
    assert await desk.audit() == []


async def test_what_was_taken_back_is_no_measured_share(desk: Any) -> None:
    await coal_meter(desk)
    assert (await desk.account(2022))["measured_share"] is None
    await desk.put(f"{FUELS}/raw_coal", **COAL, **EVIDENCE)
    await desk.post(desk.interval("a", *LATER, "10", meter_id="coal", unit="t"))
    assert (await desk.account(2022))["measured_share"] == "1.000000"
    await desk.post(desk.interval("b", *SPAN, "10", meter_id="coal", unit="t", replaces="a"))
    assert (await desk.account(2022))["measured_share"] == "0.000000"
    assert await desk.audit() == []


async def test_versions_stay_and_a_correction_is_told(desk: Any) -> None:
    await coal_meter(desk)
    await desk.put(f"{FUELS}/raw_coal", **COAL, **EVIDENCE)
    await desk.post(desk.interval("a", *LATER, "10", meter_id="coal", unit="t"))
    later = {"valid_from": "2023-01-01", "evidence": "laboratory report 18"}
    assert (await desk.put(f"{FUELS}/raw_coal", ncv="21", **later)).status_code == 200
    found = await desk.get(f"{FUELS}/raw_coal")
    assert [v["valid_from"] for v in found["versions"]] == ["2022-04-01", "2023-01-01"]
    assert (found["ncv"], found["oxidation"]) == ("21", None)
    assert (await desk.get(f"{FUELS}/raw_coal", on="2022-12-31"))["ncv"] == "22"
    [listed] = (await desk.get(FUELS))["items"]
    assert listed == found
    before = await desk.http.get(f"/v1/{FUELS}/raw_coal", params={"on": "2022-03-31"})
    assert before.status_code == 404
    [entry] = await desk.entries()
    assert "corrected" not in entry["factor_source"]
    assert (await desk.put(f"{FUELS}/raw_coal", ncv="23", **EVIDENCE)).status_code == 200
    [entry] = await desk.entries()
    assert entry["factor_source"].endswith("(corrected since this entry)")


async def test_the_properties_of_a_day_are_those_that_its_month_counts_with(desk: Any) -> None:
    await coal_meter(desk)
    path, middle = f"{FUELS}/raw_coal", {"valid_from": "2022-04-15", "evidence": "report 19"}
    await desk.put(path, **COAL, **EVIDENCE)
    await desk.put(path, ncv="21", **middle)
    await desk.post(
        desk.interval("a", "2022-04-20T00:00:00+08:00", "2022-04-21T00:00:00+08:00", "10",
                      meter_id="coal", unit="t"),
    )  # fmt: skip
    [entry] = await desk.entries()
    shown = await desk.get(path, on="2022-04-20")
    assert entry["factor_version"] == shown["valid_from"] == "2022-04-01"
    assert (await desk.get(path, on="2022-05-01"))["valid_from"] == "2022-04-15"
    assert (await desk.get(path))["valid_from"] == "2022-04-15"


async def test_what_is_no_measurement_is_refused_with_the_field(desk: Any) -> None:
    assert (await desk.put(f"{FUELS}/raw_coal", **COAL, **EVIDENCE)).status_code == 404
    await desk.register_enterprise(sector="3120")
    wrong: list[tuple[str, dict[str, str], str, str]] = [
        ("raw_coal", {}, "/ncv", "at least one of ncv, carbon_content, oxidation"),
        ("raw_coal", {"ncv": "-1"}, "/ncv", "above zero, got -1"),
        ("raw_coal", {"ncv": "5000"}, "/ncv", "as the default is 20.908000; got 5000"),
        ("raw_coal", {"oxidation": "94"}, "/oxidation", "between 0 and 1, got 94"),
        ("raw_coal", {"carbon_content": "0"}, "/carbon_content", "above zero"),
        ("raw_coal", {"ncv": "22", "ncv_unit": "GJ/m3"}, "/ncv_unit", "m3 (volume) does not"),
        ("steam", {"ncv": "2"}, "/ncv", "steam takes enthalpy"),
        ("raw_coal", COAL | {"evidence": ""}, "/evidence", "characters"),
    ]
    for carrier, given, pointer, message in wrong:
        answer = await desk.put(f"{FUELS}/{carrier}", **(EVIDENCE | given))
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        assert error["pointer"] == pointer
        assert message in error["detail"]
    bare = await desk.put(f"{FUELS}/raw_coal", ncv="22", valid_from="2022-04-01")
    assert bare.json()["errors"] == [{"pointer": "/evidence", "detail": "is missing"}]
    unknown = await desk.put(f"{FUELS}/electricity", **COAL, **EVIDENCE)
    assert (
        "/path/carrier: must be one of: steam, exported_steam, raw_coal"
        in (unknown.json()["detail"])
    )
    assert (await desk.http.get(f"/v1/{FUELS}/coke")).status_code == 404


async def test_measured_steam(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("steam", kind="interval", carrier="steam", unit="t")
    answer = await desk.put(f"{FUELS}/steam", enthalpy="2800", **EVIDENCE)
    assert answer.json()["factor"]["t_per_unit"] == "0.2987886"
    await desk.post(desk.interval("s", *LATER, "1000", meter_id="steam", unit="t"))
    [entry] = await desk.entries()
    assert entry["amount_t"] == "298.7886"
    assert (await desk.account(2022))["measured_share"] == "1.000000"


async def test_activities_are_listed_with_what_they_take(desk: Any) -> None:
    answer = await desk.get("activities", sector="chemicals")
    assert answer["gwp_set"] == "AR5"
    found = {item["name"]: item for item in answer["items"]}
    assert "clinker" not in found and "direct.co2" in found
    acid = found["nitric_acid.high_pressure"]
    assert acid["scales"] == {"abated": "removes", "destroyed*uptime": "removes"}
    assert (acid["gas"], acid["units"], acid["name_zh"]) == ("N2O", ["kg", "t"], "硝酸（高压法）")
    assert (acid["factor"]["t_per_unit"], acid["factor"]["confidence"]) == ("3.6835", "V")
    assert len((await desk.get("activities"))["items"]) > len(found)
    wrong = await desk.http.get("/v1/activities", params={"sector": "steel"})
    assert wrong.status_code == 422
    assert "cement, lime, glass" in wrong.json()["detail"]


async def test_a_figure_that_the_chosen_set_lacks_is_refused(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.register_enterprise()
    monkeypatch.setenv("TANZHANG_GWP_SET", "AR6")
    for cached in (methodology, activity_rate):
        cached.cache_clear()
    report = {"start": "2022-01-01", "end": "2022-02-01", "quantity": "1", "unit": "t"}
    await desk.post(
        desk.event("activity", "sf6", activity="leak.SF6", **report),
        desk.event("activity", "ch4", activity="wastewater.anaerobic", **report),
    )
    listed = {item["name"]: item for item in (await desk.get("activities"))["items"]}
    [entry] = await desk.entries()
    monkeypatch.undo()
    for cached in (methodology, activity_rate):
        cached.cache_clear()
    refused = "AR6 has no warming potential of SF6; it has CO2, CH4"
    reason, detail = (await desk.refusals())["sf6"]
    assert (reason, refused in detail) == ("no_factor", True)
    assert listed["leak.SF6"]["factor"] is None
    assert refused in listed["leak.SF6"]["refused"]
    # 1 t of COD x 0.25 x 0.8 x 27.9
    assert (entry["amount_t"], entry["factor_version"]) == ("5.58", "1+AR6")
    # The set of an entry stays known when another is chosen later.
    [entry] = await desk.entries()
    assert entry["factor_source"] == "IPCC: B0 0.25 kg CH4 per kg COD, MCF 0.8"


async def test_carriers_are_listed_with_units_and_figures(desk: Any) -> None:
    found = {item["name"]: item for item in (await desk.get("carriers"))["items"]}
    diesel = found["diesel"]
    assert (diesel["name_zh"], diesel["sign"], diesel["measurable"]) == ("柴油", 1, True)
    assert diesel["units"][:2] == ["kg", "t"]
    assert [(f["set"], f["ncv_gj_per_unit"]) for f in diesel["factors"]] == [
        ("fuels_a", "42.652"), ("fuels_b", "43.33"),
    ]  # fmt: skip
    assert "grid.zhejiang.2022" in {f["id"] for f in found["electricity"]["factors"]}
    assert [f["t_per_unit"] for f in found["exported_heat"]["factors"]] == ["0.11"]
    assert (found["water"]["factors"], found["green_power"]["factors"]) == ([], [])


@pytest.mark.parametrize(
    ("more", "reason", "message"),
    [
        ({"activity": "cement"}, "unknown_activity", "unknown activity 'cement'; expected one of"),
        ({"activity": "clinker", "unit": "kWh"}, "wrong_unit",
         "/data/unit of clinker: kWh does not convert to t; expected one of kg, t"),
        ({"activity": "fgd.limestone", "purity": "1.2"}, "wrong_share",
         "purity: expected a share between 0 and 1, got 1.2"),
        ({"activity": "lime", "content": {"SiO2": "0.1"}}, "wrong_share",
         "lime: unknown content 'SiO2'; expected CaO, MgO"),
        ({"activity": "adipic_acid", "content": {"uptime": "0.9"}}, "wrong_share",
         "expected abated or destroyed with uptime in content, got uptime"),
        ({"activity": "raw_meal_carbon"}, "wrong_share", "expected either purity or carbon"),
    ],
)  # fmt: skip
async def test_bad_activities_are_refused_in_words(
    desk: Any, more: dict[str, Any], reason: str, message: str
) -> None:
    await desk.register_enterprise()
    given = {"start": "2022-01-01", "end": "2022-02-01", "quantity": "1", "unit": "t"} | more
    await desk.post(desk.event("activity", "a", **given))
    found, detail = (await desk.refusals())["a"]
    assert (found, message in detail) == (reason, True), detail


async def test_a_reading_in_a_unit_of_the_wrong_kind_is_refused(desk: Any) -> None:
    await coal_meter(desk)
    await desk.post(desk.interval("a", *SPAN, "1", meter_id="coal", unit="m3"))
    reason, detail = (await desk.refusals())["a"]
    assert reason == "wrong_unit"
    assert "m3 (volume) does not convert to t (mass)" in detail
    unknown = await desk.register_meter("x", ok=False, carrier="petrol")
    assert "/carrier: must be one of: electricity" in unknown.json()["detail"]
    wrong = await desk.register_meter("x", ok=False, carrier="raw_coal", unit="m3")
    assert "/unit: of raw_coal must be one of: kg, t, Wh" in wrong.json()["detail"]
