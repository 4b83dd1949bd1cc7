"""What an account is told: its statement, what was not counted, and why."""

from decimal import Decimal
from typing import Any

import pytest

from tests.integration.personal.conftest import ACCOUNT, Desk, payment


def ride(n: int, day: str = "2026-03-01", **more: Any) -> dict[str, Any]:
    time = f"{day}T{n:02}:00:00+08:00"
    return payment(f"ride-{day}-{n}", time=time, kind="bus_ride", channel="nfc", **more)


def power(year: int, quantity: str) -> dict[str, Any]:
    time = f"{year}-02-10T10:00:00+08:00"
    return payment(f"power-{year}", time=time, kind="electricity_saving", quantity=quantity)


LEDGER = [
    payment("transfer"),
    payment("counter", channel="counter"),
    payment("cash", kind="purchase", channel="qr", mcc="6011"),
    payment("gone", kind="statement"),
    payment("gone-back", time="2026-03-05T10:00:00+08:00", reverses="gone"),
    *(ride(n) for n in range(8)),
    ride(9, "2026-04-01"),
    power(2025, "250.5"),
    power(2026, "200"),
]


async def test_a_statement_is_by_month_and_scenario_and_adds_up(desk: Desk) -> None:
    await desk.post(*LEDGER)
    found = await desk.get(f"accounts/{ACCOUNT}/statement")
    months = {m["month"]: m for m in found["months"]}
    assert list(months) == ["2025-02", "2026-02", "2026-03", "2026-04"]
    march = {s["code"]: (s["reduction_g"], s["payments"]) for s in months["2026-03"]["scenarios"]}
    assert march == {
        "ONLINE_TRANSFER": ("23.096", 1),
        "E_STATEMENT": ("0.000", 1),
        "BUS_RIDE": ("588.000", 8),
    }
    assert months["2026-03"]["scenarios"][0]["name_zh"] == "线上转账"
    parts = [s for month in found["months"] for s in month["scenarios"]]
    assert sum(Decimal(s["reduction_g"]) for s in parts) == Decimal(found["reduction_g"])
    assert sum(s["payments"] for s in parts) == found["payments"] == 13
    account = await desk.account()
    assert found["reduction_g"] == found["account_reduction_g"] == account["reduction_g"]


async def test_a_statement_of_some_months_has_these_only(desk: Desk) -> None:
    await desk.post(*LEDGER)
    path = f"accounts/{ACCOUNT}/statement"
    found = await desk.get(path, **{"from": "2026-02", "until": "2026-03"})
    assert [m["month"] for m in found["months"]] == ["2026-02", "2026-03"]
    assert (found["from"], found["until"]) == ("2026-02", "2026-03")
    # 50.5 kWh of 515.3 g, one transfer, six rides.
    assert Decimal(found["reduction_g"]) == Decimal("26022.650") + Decimal("611.096")
    since = await desk.get(path, **{"from": "2026-04"})
    assert [m["month"] for m in since["months"]] == ["2026-04"]


async def test_trees_of_a_person_are_told_in_parts(desk: Desk) -> None:
    await desk.post(*LEDGER)
    found = await desk.get(f"accounts/{ACCOUNT}/statement", until="2026-02")
    # 26.02265 kg at 75.58 kg a tree.
    assert (found["trees"], found["tree_equivalent"]) == (0, "0.344306")


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ({"from": "2026-13"}, "/query/from", "expected a month such as 2026-03, got '2026-13'"),
        ({"until": "2026-3"}, "/query/until", "expected a month such as 2026-03, got '2026-3'"),
        ({"from": "0000-01"}, "/query/from", "expected a month such as 2026-03, got '0000-01'"),
        ({"from": "2026-W1"}, "/query/from", "expected a month such as 2026-03, got '2026-W1'"),
        (
            {"from": "2026-04", "until": "2026-03"},
            "/query/until",
            "expected 2026-04 or a later month, got 2026-03",
        ),
    ],
)
async def test_a_wrong_month_is_refused_with_its_parameter(
    desk: Desk, query: dict[str, str], pointer: str, detail: str
) -> None:
    path = f"accounts/{ACCOUNT}/statement"
    status, [error] = await desk.refused("GET", path, params=query)
    assert (status, error) == (422, {"pointer": pointer, "detail": detail})


async def test_an_unknown_account_has_no_statement(desk: Desk) -> None:
    assert (await desk.http.get(f"/v1/accounts/{ACCOUNT}/statement")).status_code == 404


async def test_payments_that_give_nothing_are_counted_by_reason(desk: Desk) -> None:
    await desk.post(*LEDGER)
    items = (await desk.account())["not_counted"]
    assert {item["reason"]: item["payments"] for item in items} == {
        "capped": 2,
        "cash": 1,
        "channel_earns_nothing": 1,
        "no_saving": 1,
        "reversed": 1,
    }
    assert all(item["name"] and item["name_zh"] for item in items)


async def test_a_month_that_saves_has_no_bill_that_is_not_counted(desk: Desk) -> None:
    """All bills of a month make its consumption; the last one carries the credit."""
    bills = [power(2025, "250.5"), power(2026, "100"), {**power(2026, "60"), "id": "second"}]
    await desk.post(*bills)
    [baseline] = (await desk.account())["not_counted"]
    assert (baseline["reason"], baseline["payments"]) == ("no_saving", 1)
    await desk.post({**power(2026, "500"), "id": "third"})
    [none] = (await desk.account())["not_counted"]
    assert (none["reason"], none["payments"]) == ("no_saving", 4)


async def test_what_was_over_the_cap_counts_once_there_is_room(desk: Desk) -> None:
    await desk.post(*(ride(n) for n in range(7)))
    assert [i["reason"] for i in (await desk.account())["not_counted"]] == ["capped"]
    await desk.post(payment("back", reverses="ride-2026-03-01-0"))
    found = {i["reason"]: i["payments"] for i in (await desk.account())["not_counted"]}
    assert found == {"reversed": 1}


async def test_a_payment_that_another_bank_reported_before_is_counted_as_a_duplicate(
    desk: Desk,
) -> None:
    other = "icbc:token-0009"
    await desk.post(ride(8, channel_ref="trip-1"))
    await desk.post({**ride(7, channel_ref="trip-1"), "subject": other})
    found = {i["reason"]: i["payments"] for i in (await desk.account())["not_counted"]}
    assert found == {"duplicate_behaviour": 1}
    assert (await desk.account(other))["not_counted"] == []
    assert await desk.audit() == []
