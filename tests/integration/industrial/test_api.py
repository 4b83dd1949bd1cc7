"""The registry, comparisons and listings over HTTP."""

from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.industrial import city

OTHER = "91330000142927960N"
THIRD = "91330000000000000Y"


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


async def test_versions_are_added_and_the_earlier_stay(desk: Any) -> None:
    path = f"enterprises/{desk.enterprise}"
    assert (await desk.register_enterprise()).status_code == 201
    assert (await desk.register_enterprise()).status_code == 200
    assert len((await desk.get(path))["versions"]) == 1
    later = await desk.register_enterprise(sector="2614", valid_from="2024-01-01")
    assert later.status_code == 200
    assert (await desk.get(path))["sector"] == "2614"
    assert (await desk.get(path, on="2023-12-31"))["sector"] == "1495"
    assert (await desk.get(path, on="2024-01-01"))["sector"] == "2614"
    today = await desk.register_enterprise(district="常山县")
    assert today.json()["valid_from"] == "2026-06-01"
    versions = (await desk.get(path))["versions"]
    assert [v["valid_from"] for v in versions] == [None, "2024-01-01", "2026-06-01"]


async def test_a_sector_is_kept_without_its_letter(desk: Any) -> None:
    answer = await desk.register_enterprise(sector="C1495")
    assert (answer.status_code, answer.json()["sector"]) == (201, "1495")
    again = await desk.register_enterprise(sector="1495")
    assert (again.status_code, len(again.json()["versions"])) == (200, 1)


async def test_wrong_words_are_refused_with_pointer_and_list(desk: Any) -> None:
    wrong = {
        "sector": ("steel", "GB/T 4754"),
        "grid_region": ("atlantis", "zhejiang"),
        "name": ("", "characters"),
        "district": ("住户13812345678", "mobile number"),
    }
    for field, (word, expected) in wrong.items():
        answer = await desk.register_enterprise(ok=False, **{field: word})
        assert (answer.status_code, pointers(answer)) == (422, [f"/{field}"])
        assert expected in answer.json()["detail"]
    assert (await desk.register_enterprise("91330800704205947E", ok=False)).status_code == 422
    await desk.register_enterprise()
    wrong_meter = {
        "carrier": ("plutonium", "natural_gas"),
        "unit": ("t", "kWh"),
        "kind": ("clock", "interval"),
        "multiplier": ("0", "above zero"),
        "register_max": ("100", "register"),
        "enterprise_id": (OTHER, "registered"),
    }
    for field, (word, expected) in wrong_meter.items():
        answer = await desk.register_meter(ok=False, **{field: word})
        assert (answer.status_code, pointers(answer)) == (422, [f"/{field}"]), answer.text
        assert expected in answer.json()["detail"]


async def test_assets_belong_to_an_enterprise_and_hang_on_each_other(desk: Any) -> None:
    path = f"enterprises/{desk.enterprise}/assets"
    assert (await desk.put(f"{path}/site", kind="site", name="Plant")).status_code == 404
    await desk.register_enterprise()
    assert (await desk.put(f"{path}/site", kind="site", name="Plant")).status_code == 201
    line = {"kind": "line", "name": "Line 1", "parent": "site"}
    assert (await desk.put(f"{path}/line", **line)).status_code == 201
    assert (await desk.get(f"{path}/line"))["parent"] == "site"
    assert (await desk.put(f"{path}/line/1:a", **line)).status_code == 201
    assert (await desk.get(f"{path}/line%2F1:a"))["parent"] == "site"
    circle = await desk.put(f"{path}/site", kind="site", name="Plant", parent="line")
    assert (circle.status_code, pointers(circle)) == (422, ["/parent"])
    lost = await desk.put(f"{path}/device", kind="device", name="Pump", parent="nowhere")
    assert pointers(lost) == ["/parent"]


async def test_assets_hang_on_each_other_in_no_circle_on_any_day(desk: Any) -> None:
    await desk.register_enterprise()
    path = f"enterprises/{desk.enterprise}/assets"

    async def put(id: str, parent: str | None, since: str) -> Any:
        return await desk.put(f"{path}/{id}", kind="line", name=id, parent=parent, valid_from=since)

    for id, parent, since in (
        ("a", None, "1900-01-01"), ("b", None, "1900-01-01"),
        ("a", "b", "2020-01-01"), ("a", None, "2022-01-01"),
    ):  # fmt: skip
        assert (await put(id, parent, since)).status_code in (200, 201)
    # From 2020 to 2022 the one hangs on the other.
    circle = await put("b", "a", "2018-01-01")
    assert (circle.status_code, pointers(circle)) == (422, ["/parent"])
    assert "2020-01-01" in circle.json()["detail"]
    assert (await put("b", "a", "2022-01-01")).status_code == 200
    # What hangs on it by now did not always.
    assert (await put("a", "b", "2021-01-01")).status_code == 200


async def test_a_meter_version_counts_from_its_day(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await desk.register_meter(multiplier="10", valid_from="2022-03-02")
    assert (await desk.get("meters/m1"))["multiplier"] == "10"
    assert (await desk.get("meters/m1", on="2022-03-01"))["multiplier"] == "1"
    await desk.post(
        desk.interval("a", "2022-03-01T22:00:00+08:00", "2022-03-01T23:00:00+08:00", "1"),
        desk.interval("b", "2022-03-02T00:00:00+08:00", "2022-03-02T01:00:00+08:00", "1"),
    )
    assert sorted(e["quantity"] for e in await desk.entries()) == ["1", "10"]


async def test_the_id_of_a_meter_may_have_slashes(desk: Any) -> None:
    await desk.register_enterprise()
    assert (await desk.register_meter("hall%2F1:a")).status_code == 201
    assert (await desk.get("meters/hall/1:a"))["id"] == "hall/1:a"


async def test_a_corrected_enterprise_is_told_again(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.post(
        desk.event("activity", "a", activity="direct.co2", start="2020-12-01", end="2021-02-01",
                   quantity="62", unit="t")
    )  # fmt: skip
    await desk.register_enterprise(district="龙游县", valid_from="2021-01-01")
    states = [s["data"] for s in await desk.states()]
    assert [(s["year"], s["sequence"], s["district"]) for s in states] == [
        (2020, 1, "开化县"), (2021, 2, "开化县"), (2020, 3, "开化县"), (2021, 4, "龙游县"),
    ]  # fmt: skip
    assert {Decimal(s["process_t"]) for s in states} == {Decimal(31)}


async def test_entries_are_listed_in_pages_with_their_lineage(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.post(
        desk.event("activity", "a", activity="direct.co2", start="2020-01-01", end="2021-01-01",
                   quantity="1", unit="t")
    )  # fmt: skip
    path = f"enterprises/{desk.enterprise}/entries"
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await desk.get(path, year=2020, limit=5, **cursor)
        found += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [e["month"] for e in found] == [f"2020-{m:02}" for m in range(1, 13)]
    assert sum(Decimal(e["amount_t"]) for e in found) == 1
    assert found[0]["event"] == {"source": "urn:utility:test", "id": "a"}
    assert found[0]["factor_mg_per_unit"] == "1000000000"
    assert (await desk.get(path, year=2019))["items"] == []


async def test_the_citys_numbers_are_measured(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.post(
        desk.event("activity", "a", activity="direct.co2", start="2020-01-01", end="2021-01-01",
                   quantity="2.5", unit="t")
    )  # fmt: skip
    async with desk.app.state.pool.acquire() as connection:
        await city.measure(connection)
    assert REGISTRY.get_sample_value("tanzhang_city_tonnes", {"kind": "industrial"}) == 2.5
    assert REGISTRY.get_sample_value("tanzhang_city_accounts", {"kind": "industrial"}) == 1


@pytest.mark.parametrize(
    "path", ["", "/account", "/entries", "/breakdown", "/opportunities", "/warnings"]
)
async def test_what_is_not_there_is_not_found(desk: Any, path: str) -> None:
    answer = await desk.http.get(f"/v1/enterprises/{THIRD}{path}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:tanzhang:problem:not-found"


async def test_the_audit_finds_what_was_tampered_with(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await desk.post(desk.interval("a", "2022-03-01T00:00:00Z", "2022-03-01T01:00:00Z", "1000"))
    pool = desk.app.state.pool
    await pool.execute("update account_year set energy_mg = energy_mg + 1")
    [finding] = await desk.audit()
    assert (finding.what, finding.expected, finding.found) == (
        "energy_mg of 2022", "515300000", "515300001",
    )  # fmt: skip
    await pool.execute("update account_year set energy_mg = energy_mg - 1")
    await pool.execute("update ledger_entry set amount_mg = amount_mg + 2")
    found = {finding.what.split()[0] for finding in await desk.audit()}
    assert found == {"entry", "event", "energy_mg", "actual_mg", "balance", "energy_months"}


async def test_over_kafka_from_reading_to_account_state(
    start: Any, publish: Any, client: Any, eventually: Any, read_topic: Any
) -> None:
    app = await start("industrial")
    id = "91330800704205947U"
    reading = {
        "specversion": "1.0", "type": "cn.tanzhang.meter.reading.v1", "source": "urn:utility:test",
        "id": "e1", "subject": id,
        "data": {
            "meter_id": "m1", "kind": "interval", "start": "2022-03-01T00:00:00+08:00",
            "end": "2022-03-01T01:00:00+08:00", "value": "1000", "unit": "kWh", "quality": "actual",
        },
    }  # fmt: skip
    await publish("meter-readings", [reading, reading])
    enterprise = {
        "name": "华康药业", "sector": "1495", "district": "开化县", "grid_region": "zhejiang",
        "product": "xylitol", "product_unit": "t",
    }  # fmt: skip
    meter = {"enterprise_id": id, "carrier": "electricity", "unit": "kWh", "kind": "interval"}
    async with client(app) as http:
        assert (await http.put(f"/v1/enterprises/{id}", json=enterprise)).status_code == 201
        assert (await http.put("/v1/meters/m1", json=meter)).status_code == 201

        async def counted() -> bool:
            account = (await http.get(f"/v1/enterprises/{id}/account?year=2022")).json()
            return bool(account["energy_t"] == "0.5153")

        await eventually(counted)

    async def told() -> Any:
        return await read_topic("industrial-accounts")

    [state] = await eventually(told)
    assert (state["subject"], state["data"]["energy_t"]) == (id, "0.5153")
