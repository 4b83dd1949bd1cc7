"""Payments in over Kafka, grams in the ledger, reductions out."""

from decimal import Decimal
from typing import Any

ACCOUNT = "jsrcb:token-0001"


def payment(
    id: str, *, subject: str = ACCOUNT, time: str = "2026-03-01T10:00:00+08:00", **data: Any
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": "cn.tanzhang.payment.v1",
        "source": "urn:bank:jsrcb",
        "id": id,
        "subject": subject,
        "time": time,
        "data": {"kind": "transfer", "channel": "online", "amount": "10.00", "currency": "CNY"}
        | data,
    }


async def balance(http: Any, subject: str = ACCOUNT) -> str | None:
    answer = await http.get(f"/v1/accounts/{subject}")
    return answer.json()["reduction_g"] if answer.status_code == 200 else None


async def test_one_transfer_saves_23_096_grams(
    start: Any, publish: Any, client: Any, eventually: Any, read_topic: Any
) -> None:
    app = await start("personal")
    await publish("payments", [payment("p1"), payment("p1")])
    async with client(app) as http:

        async def credited() -> bool:
            return await balance(http) == "23.096"

        await eventually(credited)
        entries = (await http.get(f"/v1/accounts/{ACCOUNT}/entries")).json()["items"]
        city = (await http.get("/v1/region/summary")).json()

    async def emitted() -> Any:
        return await read_topic("personal-reductions")

    [reduction] = await eventually(emitted)
    assert reduction["subject"] == ACCOUNT
    assert Decimal(reduction["data"]["reduction_g"]) == Decimal("23.096")
    assert [e["event_id"] for e in entries] == ["p1"]
    assert (city["customers"], city["reduction_t"]) == (1, "0.000023096")


async def test_a_cap_is_filled_in_the_order_of_time_and_refilled_after_a_reversal(
    start: Any, publish: Any, client: Any, eventually: Any
) -> None:
    app = await start("personal")
    rides = [
        payment(f"r{n}", kind="bus_ride", channel="nfc", time=f"2026-03-01T0{n}:00:00+08:00")
        for n in range(9)
    ]
    back = payment("back", kind="bus_ride", channel="nfc", reverses="r0")
    await publish("payments", [back, *reversed(rides), rides[3]])
    async with client(app) as http:

        async def settled() -> Any:
            items = (await http.get(f"/v1/accounts/{ACCOUNT}/entries")).json().get("items", [])
            return len({i["event_id"] for i in items if i["event_id"]}) == 10 and items

        items = await eventually(settled)
        assert await balance(http) == "588.000"
    given: dict[str, Decimal] = {}
    for item in items:
        key = item["entry_id"].split("-")[0]
        given[key] = given.get(key, Decimal(0)) + Decimal(item["reduction_g"])
    by_event = {i["event_id"]: given[i["entry_id"].split("-")[0]] for i in items if i["event_id"]}
    assert [by_event[f"r{n}"] for n in range(9)] == [0, 98, 98, 98, 98, 98, 98, 0, 0]


async def test_erasure_forgets_the_person_and_keeps_the_total(
    start: Any, publish: Any, client: Any, eventually: Any, read_topic: Any
) -> None:
    app = await start("personal")
    await publish("payments", [payment("p1", time="2026-03-01T10:00:00+08:00")])
    async with client(app) as http:

        async def credited() -> bool:
            return await balance(http) == "23.096"

        await eventually(credited)
        assert (await http.delete(f"/v1/accounts/{ACCOUNT}")).status_code == 204
        assert (await http.get(f"/v1/accounts/{ACCOUNT}")).status_code == 404
        await publish("payments", [payment("p1"), payment("p2", subject="jsrcb:token-0002")])

        async def other() -> bool:
            return await balance(http, "jsrcb:token-0002") == "23.096"

        await eventually(other)
        assert (await http.get(f"/v1/accounts/{ACCOUNT}")).status_code == 404
        assert (await http.get("/v1/region/summary")).json()["reduction_t"] == "0.000046192"

    async def told() -> bool:
        types = [event["type"] for event in await read_topic("personal-reductions")]
        return "cn.tanzhang.personal.erased.v1" in types

    assert await eventually(told)


async def test_what_the_door_would_not_let_in_is_set_aside_and_stops_nothing(
    start: Any, publish: Any, client: Any, eventually: Any
) -> None:
    app = await start("personal")
    timeless = payment("timeless")
    del timeless["time"]
    endless = payment("endless", kind="bike_ride", quantity="1E+999999")
    early = payment("early", time="0001-01-01T00:00:00+14:00")
    late = payment("late", time="9999-12-31T23:59:59-08:00")
    await publish("payments", [timeless, early, late, endless, payment("p1")])
    async with client(app) as http:

        async def credited() -> bool:
            return await balance(http) == "23.096"

        await eventually(credited)
        entries = (await http.get(f"/v1/accounts/{ACCOUNT}/entries")).json()["items"]
    reasons = {entry["event_id"]: entry["reason"] for entry in entries}
    assert reasons == {"endless": "quantity_out_of_range", "p1": None}
    buried = await app.state.pool.fetch("select event_id, reason from dead_letter")
    assert {tuple(row) for row in buried} == {
        ("timeless", "time_missing"),
        ("early", "time_out_of_range"),
        ("late", "time_out_of_range"),
    }
