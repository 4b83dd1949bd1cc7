"""Meters that go to another asset, take another multiplier, or are registered wrongly."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.industrial.orders import (
    GRID_2022,
    ORDERS,
    energy_mg,
    hour,
    outcome,
    ready,
    shuffled,
)


async def parts(desk: Any, by: str) -> dict[Any, Decimal]:
    """Tonnes of a breakdown."""
    found = await desk.get(f"enterprises/{desk.enterprise}/breakdown", year=2022, by=by)
    name = "asset_id" if by == "asset" else by
    return {item[name]: Decimal(item["total_t"]) for item in found["items"]}


async def test_a_use_is_split_where_its_meter_went_to_another_asset(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", asset_id="line-1")
    await desk.register_meter("m1", asset_id="line-2", valid_from="2022-03-02")
    await desk.register_meter("m1", asset_id="line-3", valid_from="2022-04-01")
    await desk.post(desk.interval("a", hour(18), "2022-04-01T06:00:00+08:00", "732"))
    assert await parts(desk, "asset") == {
        "line-1": Decimal("0.0030918"), "line-2": Decimal("0.371016"),
        "line-3": Decimal("0.0030918"),
    }  # fmt: skip
    assert await parts(desk, "month") == {
        "2022-03": Decimal("0.3741078"), "2022-04": Decimal("0.0030918"),
    }  # fmt: skip
    entries = await desk.entries()
    assert [(e["asset_id"], e["month"], e["quantity"]) for e in entries] == [
        ("line-1", "2022-03", "6"), ("line-2", "2022-03", "720"), ("line-3", "2022-04", "6"),
    ]  # fmt: skip
    assert await energy_mg(desk) == 732 * GRID_2022
    assert await desk.audit() == []


async def test_a_multiplier_counts_for_its_part_of_a_use(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("r1", multiplier="10")
    await desk.register_meter("r1", multiplier="20", valid_from="2022-03-02")
    await desk.post(desk.register("a", hour(12), "0"), desk.register("b", hour(36), "8"))
    assert [e["quantity"] for e in await desk.entries()] == ["40", "80"]
    assert await desk.audit() == []


async def test_an_exchanged_counter_may_have_another_multiplier_and_range(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("r1", multiplier="10", register_max="1000")
    await desk.register_meter(
        "r1", multiplier="1", register_max="100000", valid_from="2022-03-02"
    )  # fmt: skip
    await desk.post(
        desk.register("d", hour(48), "50"),
        desk.register("c", hour(34), "99950", exchange="initial"),
        desk.register("b", hour(34), "10", exchange="final"),
        desk.register("a", hour(20), "990"),
    )
    quantities = {e["event"]["id"]: e["quantity"] for e in await desk.entries()}
    assert quantities == {"b": "200", "d": "100"}
    assert await energy_mg(desk) == 300 * GRID_2022
    assert await desk.audit() == []


@st.composite
def versions(draw: st.DrawFn) -> list[dict[str, str]]:
    """A meter that goes from asset to asset, with another multiplier now and then."""
    days = draw(st.lists(st.integers(1, 31), min_size=1, max_size=4, unique=True))
    return [
        {
            "valid_from": f"2022-03-{day:02}",
            "asset_id": f"line-{draw(st.integers(1, 3))}",
            "multiplier": draw(st.sampled_from(["1", "1", "0.3", "40"])),
        }
        for day in days
    ]


@st.composite
def readings(draw: st.DrawFn, desk: Any) -> list[dict[str, Any]]:
    """Intervals of some days, estimated first and actual later, and a counter beside them."""
    events: list[dict[str, Any]] = []
    at = 0
    while at < 24 * 28 and len(events) < 8:
        length = draw(st.integers(1, 24 * 12))
        for quality in draw(st.sampled_from([["actual"], ["estimated", "actual"], ["estimated"]])):
            value = str(draw(st.decimals(0, 9999, places=3)))
            id = f"i{len(events)}"
            span = (hour(at), end_of(at + length))
            events.append(desk.interval(id, *span, value, quality=quality))
        at += length + draw(st.integers(0, 30))
    shown = Decimal(0)
    for n in range(draw(st.integers(0, 4))):
        shown += draw(st.decimals(0, 9999, places=2))
        events.append(desk.register(f"r{n}", end_of(n * 200 + 5), str(shown)))
    return events


def end_of(n: int) -> str:
    """Hour n of March, or of April after it."""
    day, of_day = divmod(n, 24)
    return hour(n) if day < 31 else f"2022-04-{day - 30:02}T{of_day:02}:00:00+08:00"


@given(data=st.data())
@ORDERS
async def test_assets_and_months_sum_to_the_enterprise_in_any_order(
    desk: Any, data: st.DataObject
) -> None:
    await desk.app.state.pool.execute("delete from meter")
    await ready(desk)
    for id in ("m1", "r1"):
        for version in data.draw(versions()):
            await desk.register_meter(id, **version)
    events = data.draw(readings(desk))
    expected = await outcome(desk, [events])
    assert await outcome(desk, data.draw(shuffled(events))) == expected
    total = Decimal((await desk.account(2022))["total_t"])
    assert sum((await parts(desk, "asset")).values()) == total
    assert sum((await parts(desk, "month")).values()) == total


@given(data=st.data())
@ORDERS
async def test_taking_back_everything_leaves_nothing(desk: Any, data: st.DataObject) -> None:
    await desk.app.state.pool.execute("delete from meter")
    await ready(desk)
    for version in data.draw(versions()):
        await desk.register_meter("m1", **version)
    events = data.draw(readings(desk))
    zeros = [
        {**event, "id": f"{event['id']}-0", "data": event["data"] | zero(event)}
        for event in events
    ]  # fmt: skip
    await outcome(desk, data.draw(shuffled([*events, *zeros])))
    account = await desk.account(2022)
    assert (account["total_t"], account["energy_t"]) == ("0", "0")
    assert set((await parts(desk, "asset")).values()) <= {Decimal(0)}
    nets = await desk.app.state.pool.fetch(
        "select sum(amount_mg), sum(quantity) from ledger_entry group by month, asset_id, meter_id"
    )
    assert all(row[0] == 0 and row[1] == 0 for row in nets)


def zero(event: dict[str, Any]) -> dict[str, str]:
    return {"value": "0", "replaces": event["id"]}


async def test_what_a_meter_measures_stays_once_it_has_readings(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", carrier="heat", unit="GJ")
    await desk.register_meter("m1", asset_id="line-1", valid_from="2022-03-02", carrier="heat",
                              unit="GJ")  # fmt: skip
    corrected = await desk.register_meter("m1", valid_from="2023-01-01")
    assert {(v["carrier"], v["unit"]) for v in corrected.json()["versions"]} == {
        ("electricity", "kWh")
    }
    await desk.post(desk.interval("a", hour(0), hour(1), "1"))
    answer = await desk.register_meter("m1", ok=False, carrier="steam", unit="t", kind="register")
    assert answer.status_code == 409
    assert [(e["pointer"], e["detail"]) for e in answer.json()["errors"]] == [
        (f"/{name}", f"expected {was!r}, as 'm1' has readings; what measures something else is "
         "another meter")
        for name, was in (("carrier", "electricity"), ("unit", "kWh"), ("kind", "interval"))
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["0", "-5"])
async def test_a_limit_below_everything_is_refused(desk: Any, value: str) -> None:
    await desk.register_enterprise()
    answer = await desk.register_meter("m1", ok=False, rate_max=value)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/rate_max", "detail": f"expected a number above zero, got {value}"}
    ]
    stored = (await desk.register_meter("m1", rate_max="12.5")).json()
    assert stored["rate_max"] == "12.5"
