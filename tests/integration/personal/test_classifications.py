"""Rules from payments to scenarios, read and changed over HTTP, and the payments that follow."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.database import migrations
from tests.integration.personal.conftest import Desk, payment

# 08:00 in the city on 1 June 2026: the third is the first day that may change.
FIRST = "2026-06-03"
EXCLUDED = {"priority": 10, "kind": "purchase", "mcc_from": "5411", "reason": "excluded"}


def shop(id: str, day: str, mcc: str = "5411") -> dict[str, Any]:
    return payment(id, time=f"{day}T10:00:00+08:00", kind="purchase", channel="qr", mcc=mcc)


async def change(desk: Desk, id: str, **body: Any) -> Any:
    answer = await desk.http.put(f"/v1/classifications/{id}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def classified(desk: Desk) -> dict[str, Any]:
    """Scenario or reason, and rule, by event id."""
    return {
        e["event_id"]: (e["scenario"] or e["reason"], e["rule"])
        for e in await desk.entries()
        if e["event_id"]
    }


async def test_the_tables_are_as_the_migrations_make_them(database_url: str) -> None:
    await migrations.migrate(database_url, "personal")
    await migrations.check(database_url, "personal")


async def test_the_defaults_are_listed_with_source_and_validity(desk: Desk) -> None:
    items = (await desk.get("classifications"))["items"]
    bus = next(item for item in items if item["id"] == "mcc_bus")
    assert bus["scenario"] == {"code": "BUS_RIDE", "name": "bus ride", "name_zh": "公交出行"}
    assert (bus["default"], bus["valid_from"], bus["valid_until"]) == (True, "2018-01-01", None)
    assert (bus["mcc_from"], bus["mcc_to"], bus["confidence"]) == ("4131", "4131", "P")
    assert bus["source"].startswith("ISO 18245:2023")
    cash = next(item for item in items if item["id"] == "mcc_cash")
    assert cash["reason"]["name_zh"] == "现金支取不计入"
    priorities = [item["priority"] for item in items]
    assert priorities == sorted(priorities)


async def test_every_entry_names_the_rule_that_classified_its_payment(desk: Desk) -> None:
    await desk.post(shop("ride", "2026-05-01", "4131"), shop("cash", "2026-05-01", "6011"))
    await desk.post(payment("back", time="2026-05-02T10:00:00+08:00", reverses="ride"))
    rules = {(e["event_id"], e["cause"]): e["rule"] for e in await desk.entries()}
    assert rules == {
        ("ride", "payment"): "mcc_bus@2018-01-01",
        (None, "reversed"): "mcc_bus@2018-01-01",
        ("cash", "payment"): "mcc_cash@2018-01-01",
        ("back", "reversal"): None,
    }
    assert await desk.audit() == []


async def test_a_change_counts_from_its_day_whenever_a_payment_comes(desk: Desk) -> None:
    await desk.post(shop("early-before", "2026-06-02"))
    stored = await change(desk, "supermarket", **EXCLUDED, valid_from=FIRST)
    assert (stored["default"], stored["changed_by"]) == (False, "local")
    # Workers look once a minute: by the time of these days they know.
    desk.now += timedelta(days=3)
    days = {"late-before": "2026-06-02", "at": FIRST, "after": "2026-06-04"}
    await desk.post(*(shop(id, day) for id, day in days.items()))
    excluded = ("excluded", f"supermarket@{FIRST}")
    paid = ("MOBILE_PAY", "purchase@2018-01-01")
    assert await classified(desk) == {
        "early-before": paid, "late-before": paid, "at": excluded, "after": excluded,
    }  # fmt: skip
    assert await desk.audit() == []


async def test_a_worker_knows_of_a_change_long_before_its_day(desk: Desk) -> None:
    await desk.post(shop("warms-the-memory", "2026-05-31"))
    await change(desk, "supermarket", **EXCLUDED, valid_from=FIRST)
    desk.now += timedelta(minutes=1)
    await desk.post(shop("ahead", FIRST))
    assert (await classified(desk))["ahead"] == ("excluded", f"supermarket@{FIRST}")


async def test_an_ended_default_leaves_its_payments_to_the_next_rule(desk: Desk) -> None:
    answer = await desk.http.delete("/v1/classifications/mcc_bus", params={"from": FIRST})
    assert answer.status_code == 204
    [version] = (await desk.get("classifications/mcc_bus"))["versions"]
    assert (version["valid_until"], version["default"]) == (FIRST, True)
    desk.now += timedelta(days=3)
    await desk.post(shop("before", "2026-06-02", "4131"), shop("since", FIRST, "4131"))
    found = await classified(desk)
    assert {id: what for id, (what, _) in found.items()} == {
        "before": "BUS_RIDE",
        "since": "MOBILE_PAY",
    }
    assert await desk.audit() == []


async def test_the_versions_of_a_rule_follow_each_other(desk: Desk) -> None:
    await change(desk, "supermarket", **EXCLUDED, valid_from="2026-07-01")
    await change(desk, "supermarket", **(EXCLUDED | {"reason": "business"}), valid_from=FIRST)
    await change(desk, "supermarket", **(EXCLUDED | {"mcc_to": "5499"}), valid_from="2026-07-01")
    versions = (await desk.get("classifications/supermarket"))["versions"]
    assert [(v["valid_from"], v["valid_until"], v["mcc_to"]) for v in versions] == [
        (FIRST, "2026-07-01", "5411"),
        ("2026-07-01", None, "5499"),
    ]
    on_day = (await desk.get("classifications", on="2026-06-30"))["items"]
    assert [i["reason"]["reason"] for i in on_day if i["id"] == "supermarket"] == ["business"]


async def test_ending_a_rule_withdraws_what_was_to_come_of_it(desk: Desk) -> None:
    await change(desk, "supermarket", **EXCLUDED, valid_from=FIRST)
    await change(desk, "supermarket", **EXCLUDED, valid_from="2026-07-01")
    assert (await desk.http.delete("/v1/classifications/supermarket")).status_code == 204
    assert (await desk.http.get("/v1/classifications/supermarket")).status_code == 404
    answer = await desk.http.delete("/v1/classifications/supermarket")
    detail = f"There is no classification on {FIRST} or later: 'supermarket'"
    assert (answer.status_code, answer.json()["detail"]) == (404, detail)


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"valid_from": "2026-06-02"}, "/valid_from", "expected 2026-06-03 to 2100-12-31: "),
        ({"valid_from": "2101-01-01"}, "/valid_from", "expected 2026-06-03 to 2100-12-31: "),
        ({"valid_from": "soon"}, "/valid_from", "RFC3339"),
        ({"mcc_from": "541"}, "/mcc_from", "expected four digits, got '541'"),
        ({"mcc_to": "5410"}, "/mcc_to", "expected mcc_from too, and not after it"),
        ({"mcc_from": None, "mcc_to": "5411"}, "/mcc_to", "expected mcc_from too"),
        ({"scenario": "BUS_RIDE"}, "/scenario", "expected either scenario or reason"),
        ({"reason": None}, "/scenario", "expected either scenario or reason"),
        ({"reason": None, "scenario": "TAXI"}, "/scenario", "expected one of ONLINE_TRANSFER, "),
        ({"reason": "capped"}, "/reason", "expected one of cash, not_green"),
        ({"kind": "lottery"}, "/kind", "must be one of: bike_ride, "),
        ({"channel": "pigeon"}, "/channel", "must be one of: atm, "),
        ({"priority": 0}, "/priority", "expected 1 to 100000"),
        ({"prio": 1}, "/prio", "is not a field of this body"),
    ],
)
async def test_a_wrong_rule_is_refused_with_the_field(
    desk: Desk, changes: dict[str, Any], pointer: str, detail: str
) -> None:
    body = EXCLUDED | {"valid_from": FIRST} | changes
    status, errors = await desk.refused("PUT", "classifications/supermarket", json=body)
    assert (status, errors[0]["pointer"]) == (422, pointer)
    assert detail in errors[0]["detail"]


async def test_a_wrong_name_or_day_of_the_path_is_refused(desk: Desk) -> None:
    body = EXCLUDED | {"valid_from": FIRST}
    status, [error] = await desk.refused("PUT", "classifications/Super-Market", json=body)
    assert (status, error["pointer"]) == (422, "/path/id")
    ending = "classifications/mcc_bus?from=2026-06-02"
    status, [error] = await desk.refused("DELETE", ending)
    assert (status, error["pointer"]) == (422, "/query/from")
    assert error["detail"].startswith("expected 2026-06-03 to 2100-12-31")


async def test_late_in_the_evening_a_change_waits_a_day_longer(desk: Desk) -> None:
    desk.now = datetime(2026, 6, 1, 15, 30, tzinfo=UTC)
    body = EXCLUDED | {"valid_from": FIRST}
    status, [error] = await desk.refused("PUT", "classifications/supermarket", json=body)
    assert (status, error["detail"].split(":")[0]) == (422, "expected 2026-06-04 to 2100-12-31")


async def test_the_audit_finds_a_payment_that_is_not_what_its_rule_says(desk: Desk) -> None:
    await desk.post(
        shop("one", "2026-05-01"), shop("two", "2026-05-02"), shop("three", "2026-05-03")
    )
    pool = desk.app.state.pool
    await pool.execute("update ledger_entry set rule = 'mcc_bus@2018-01-01' where event_id = 'one'")
    await pool.execute("update ledger_entry set rule = 'mcc_bus@2026-01-01' where event_id = 'two'")
    await pool.execute("update ledger_entry set rule = null where event_id = 'three'")
    found = sorted((f.expected, f.found) for f in await desk.audit())
    assert found == [
        ("a rule in force on 2026-05-02", "scenario 6 by mcc_bus@2026-01-01"),
        ("scenario 12", "scenario 6 by mcc_bus@2018-01-01"),
        ("unclassified", "scenario 6 by no rule"),
    ]


async def test_scenarios_show_their_figures_of_a_day(desk: Desk) -> None:
    items = (await desk.get("scenarios", on="2026-03-01"))["items"]
    assert len(items) == 18
    saving = items[16]
    assert (saving["factor_g"], saving["unit"], saving["cap"]) == ("515.300", "kWh", "300")
    assert (saving["formula"], saving["cap_period"]) == ("saving", "month")
    assert (saving["valid_from"], saving["valid_until"]) == ("2018-01-01", None)
    assert saving["formula_text"]["zh"]


@pytest.mark.parametrize("on", ["someday", "0", "1772323200", "2026-03-01T00:00:00"])
async def test_what_is_no_date_is_no_day(desk: Desk, on: str) -> None:
    for path in ("scenarios", "classifications"):
        status, [error] = await desk.refused("GET", f"{path}?on={on}")
        assert (status, error["pointer"]) == (422, "/query/on")
        assert "expected a date such as 2026-03-01" in error["detail"]
