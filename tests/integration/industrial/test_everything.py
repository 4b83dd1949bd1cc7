"""Readings, reports, the registry, closed years and what was measured, in any order: in the end,
computed again, the account is that of the same registry and the same events."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.industrial.closing import YearError, close, reopen
from shared.units.calendar import CITY
from tests.integration.industrial.conftest import NOW, empty
from tests.integration.industrial.orders import ORDERS, interval_events
from tests.integration.industrial.restated import LATER, restated, standing
from tests.integration.industrial.test_orders import exchanged
from tests.integration.industrial.test_readings import register_events

FUEL = "enterprises/{}/fuels/natural_gas"
WHOLE = ("2021-12-30T00:00:00+08:00", "2022-01-03T00:00:00+08:00")
MIDDLE = "2021-12-31T18:00:00+08:00"
Put = tuple[str, dict[str, Any]]


@st.composite
def registry(draw: st.DrawFn, enterprise: str) -> list[Put]:
    """What is registered, in its order: every record, versions of it, corrections of those."""
    one: dict[str, Any] = {
        "name": "n", "sector": "1495", "district": "d", "grid_region": "zhejiang",
        "product": "xylitol", "product_unit": "t",
    }  # fmt: skip
    puts: list[Put] = [(f"enterprises/{enterprise}", one)]
    for id, carrier, unit in (("m1", "electricity", "kWh"), ("g1", "natural_gas", "m3"),
                              ("r1", "electricity", "kWh"), ("r2", "electricity", "kWh")):  # fmt: skip
        kind = "register" if id.startswith("r") else "interval"
        meter = {"enterprise_id": enterprise, "carrier": carrier, "unit": unit, "kind": kind}
        limits = {"r1": {"rate_max": "10000"}, "r2": {"register_max": "10000"}}.get(id, {})
        days = draw(st.lists(st.sampled_from(["2022-01-01", "2022-03-02", "2022-03-12"]),
                             max_size=3))  # fmt: skip
        if draw(st.booleans()):
            puts.append((f"meters/{id}", meter | limits | {"rate_max": "3"}))
        for day in ("1900-01-01", *days):
            more = {
                "valid_from": day,
                "asset_id": f"line-{draw(st.integers(1, 3))}",
                "multiplier": draw(st.sampled_from(["1", "0.3"])) if id != "r1" else "1",
            }
            puts.append((f"meters/{id}", meter | limits | more))
    for day in draw(st.lists(st.sampled_from(["1900-01-01", "2022-01-01", "2022-03-01"]),
                             max_size=3)):  # fmt: skip
        changes = {
            "valid_from": day,
            "sector": draw(st.sampled_from(["1495", "3120"])),
            "grid_region": draw(st.sampled_from(["zhejiang", "shanghai", "national"])),
        }
        puts.append((puts[0][0], one | changes))
    for day in draw(st.lists(st.sampled_from(["2021-01-01", "2022-01-01"]), max_size=2)):
        ncv = str(draw(st.integers(300, 420)))
        puts.append((FUEL.format(enterprise), {"ncv": ncv, "valid_from": day, "evidence": "L-1"}))
    return puts


@st.composite
def everything(draw: st.DrawFn, desk: Any) -> list[dict[str, Any]]:
    """Events of every kind."""
    found = draw(interval_events(desk.interval)) + draw(exchanged(desk.register))
    for event in draw(register_events(desk.register)):
        data = event["data"] | {"meter_id": "r2"}
        if "replaces" in data:
            data["replaces"] = f"2-{data['replaces']}"
        found.append(event | {"id": f"2-{event['id']}", "data": data})
    gas = {"meter_id": "g1", "unit": "m3"}
    found.append(desk.interval("whole", *WHOLE, "900", quality="estimated", **gas))
    if draw(st.booleans()):
        found.append(desk.interval("first", WHOLE[0], MIDDLE, "410", replaces="whole", **gas))
        found.append(desk.interval("second", MIDDLE, WHOLE[1], "433.3", **gas))
    for n, (start, end) in enumerate((("2021-11-20", "2022-02-07"), ("2022-02-07", "2022-05-01"))):
        made = {"start": start, "end": end, "unit": "t"}
        lime = {"activity": "carbonate.CaCO3", "purity": "0.93"}
        for k in range(draw(st.integers(0, 2))):
            more = {"replaces": f"o{n}0"} if k else {}
            quantity = str(draw(st.integers(0, 999)))
            found.append(desk.event("production", f"o{n}{k}", product="xylitol", quantity=quantity,
                                    **made, **more))  # fmt: skip
            more = {"replaces": f"a{n}0"} if k else {}
            found.append(desk.event("activity", f"a{n}{k}", quantity=quantity, **lime, **made,
                                    **more))  # fmt: skip
    return found


@st.composite
def steps(draw: st.DrawFn, puts: Sequence[Put], events: Sequence[Any]) -> list[Any]:
    """Any order, some events repeated; what is registered keeps its order, and a part that names
    nothing follows the one that makes room for it."""
    repeated = draw(st.lists(st.sampled_from(events), max_size=3))
    order = draw(st.permutations([*events, *repeated]))
    at = [order.index(event) for event in events if event["id"] in ("first", "second")]
    if at and at[0] > at[1]:
        order[at[0]], order[at[1]] = order[at[1]], order[at[0]]
    batches = []
    while order:
        count = draw(st.integers(1, 9))
        batches.append(order[:count])
        order = order[count:]
    marks = ["put"] * len(puts) + ["post"] * len(batches) + ["close", "open", "close", "restate"]
    waiting = {"put": iter(puts), "post": iter(batches)}
    return [next(waiting[m]) if m in waiting else m for m in draw(st.permutations(marks))]


async def take(desk: Any, step: Any) -> None:
    state = desk.app.state
    try:
        if step == "close":
            await close(state.pool, 2021, None, "auditor", NOW, CITY)
        elif step == "open":
            await reopen(state.pool, state.poster, 2021, "late", "auditor", NOW)
        elif step == "restate":
            await restated(desk, LATER - timedelta(minutes=1), reason="figures of now")
        elif isinstance(step, tuple):
            await desk.put(step[0], **step[1])
        else:
            await desk.post(*step)
    except YearError:
        assert step == "open"


async def outcome(desk: Any, puts: Sequence[Put], order: Sequence[Any]) -> Any:
    """Everything in an order, then the registry as it is to be, and all computed again."""
    await desk.app.state.pool.execute(empty())
    for step in order:
        await take(desk, step)
    await take(desk, "open")
    for path, body in puts:
        answer = await desk.put(path, **body)
        assert answer.status_code in (200, 201), answer.text
    await restated(desk, reason="at last")
    assert await desk.audit() == []
    assert (await desk.refusals(), await desk.parked()) == ({}, {})
    assert (await desk.get("reviews", state="open"))["items"] == []
    assert await restated(desk, reason="again") == []
    return await standing(desk), [await desk.account(year) for year in (2021, 2022)]


@given(data=st.data())
@settings(ORDERS, max_examples=12)
async def test_everything_in_any_order_gives_the_same_account(
    desk: Any, data: st.DataObject
) -> None:
    puts = data.draw(registry(desk.enterprise))
    events = data.draw(everything(desk))
    expected = await outcome(desk, puts, [*puts, events])
    assert await outcome(desk, puts, data.draw(steps(puts, events))) == expected
