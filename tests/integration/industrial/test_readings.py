"""Readings of intervals and registers: which one stands, in whatever order they come."""

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.industrial.orders import (
    GRID_2022,
    ORDERS,
    QUALITY,
    energy_mg,
    facts,
    hour,
    interval_events,
    outcome,
    ready,
    shuffled,
)


async def test_of_equal_intervals_the_better_quality_then_the_later_stands(desk: Any) -> None:
    await ready(desk)
    span = (hour(0), hour(1))
    await desk.post(desk.interval("est", *span, "1", quality="estimated", time=hour(9)))
    await desk.post(desk.interval("act", *span, "2", time=hour(2)))
    await desk.post(desk.interval("sub", *span, "3", quality="substituted", time=hour(9)))
    await desk.post(desk.interval("old", *span, "4", time=hour(1)))
    assert await energy_mg(desk) == 2 * GRID_2022
    await desk.post(desk.interval("new", *span, "5", time=hour(3)))
    assert await energy_mg(desk) == 5 * GRID_2022
    assert await facts(desk) == {
        "est": "superseded", "act": "superseded", "sub": "superseded", "old": "superseded",
        "new": "posted",
    }  # fmt: skip
    reasons = [(e["event"]["id"], e["reason"], e["reverses"]) for e in await desk.entries()]
    assert sorted(reasons) == [
        ("act", "posted", None), ("act", "superseded", 0), ("est", "posted", None),
        ("est", "superseded", 0), ("new", "posted", None),
    ]  # fmt: skip
    account = await desk.account(2022)
    assert account["quality"] == {
        "actual": "1.000000", "estimated": "0.000000", "substituted": "0.000000",
    }  # fmt: skip
    assert account["months_energy"] == 1
    assert await desk.audit() == []


async def test_intervals_that_overlap_otherwise_are_refused_naming_both(desk: Any) -> None:
    await ready(desk)
    await desk.post(desk.interval("a", hour(0), hour(4), "4"))
    await desk.post(
        desk.interval("b", hour(3), hour(5), "1"),
        desk.interval("c", hour(1), hour(2), "1"),
        desk.interval("d", hour(4), hour(5), "1"),
        desk.interval("e", hour(2), hour(9), "1"),
    )
    refused = await desk.refusals()
    assert {id: reason for id, (reason, _) in refused.items()} == dict.fromkeys(
        "bce", "overlapping_interval"
    )
    assert "'b'" in refused["b"][1] and "'a'" in refused["b"][1]
    await desk.post(desk.interval("f", hour(0), hour(1), "1", replaces="a"))
    await desk.post(desk.interval("g", hour(1), hour(2), "1", quality="estimated"))
    assert await energy_mg(desk) == 3 * GRID_2022
    assert await desk.audit() == []


async def test_a_replacement_makes_room_for_others_of_its_batch(desk: Any) -> None:
    await ready(desk)
    await desk.post(desk.interval("whole", hour(0), hour(4), "9"))
    await desk.post(
        desk.interval("second", hour(2), hour(4), "1"),
        desk.interval("first", hour(0), hour(2), "2", replaces="whole"),
    )
    assert await desk.refusals() == {}
    assert await energy_mg(desk) == 3 * GRID_2022
    assert await desk.audit() == []


@pytest.mark.parametrize("order", ["first second whole", "second first whole"])
async def test_a_whole_that_its_parts_replace_may_come_last(desk: Any, order: str) -> None:
    await ready(desk)
    events = {
        "whole": desk.interval("whole", hour(0), hour(4), "9", quality="estimated"),
        "first": desk.interval("first", hour(0), hour(2), "2", replaces="whole"),
        "second": desk.interval("second", hour(2), hour(4), "1"),
    }
    for id in order.split():
        await desk.post(events[id])
    assert await facts(desk) == {"whole": "replaced", "first": "posted", "second": "posted"}
    assert (await desk.refusals(), await desk.parked()) == ({}, {})
    assert await energy_mg(desk) == 3 * GRID_2022
    assert await desk.audit() == []


async def test_a_correction_that_overlaps_as_well_saves_nothing(desk: Any) -> None:
    await ready(desk)
    await desk.post(desk.interval("a", hour(0), hour(4), "4"))
    await desk.post(desk.interval("right", hour(2), hour(5), "2", replaces="wrong"))
    await desk.post(desk.interval("wrong", hour(2), hour(6), "9"))
    assert {id: reason for id, (reason, _) in (await desk.refusals()).items()} == {
        "wrong": "overlapping_interval"
    }
    assert list(await desk.parked()) == ["right"]
    assert await facts(desk) == {"a": "posted"}


async def test_chains_of_replaced_readings_come_in_any_order_of_a_batch(desk: Any) -> None:
    await ready(desk)
    events = [
        desk.interval("whole", hour(0), hour(4), "9"),
        desk.interval("part", hour(0), hour(2), "2", replaces="whole"),
        desk.interval("other", hour(2), hour(4), "3", replaces="part"),
        desk.interval("first", hour(0), hour(2), "1", quality="substituted"),
    ]
    for order in permutations(events):
        await desk.forget()
        await desk.post(*order)
        assert await energy_mg(desk) == 3 * GRID_2022
        assert (await desk.refusals(), await desk.parked()) == ({}, {})


async def test_a_register_posts_what_was_used_between_readings(desk: Any) -> None:
    await ready(desk, multiplier="10", register_max="1000")
    await desk.post(desk.register("first", hour(0), "900"))
    assert await desk.entries() == []
    await desk.post(desk.register("third", hour(8), "50"))
    assert await energy_mg(desk) == 1500 * GRID_2022
    await desk.post(desk.register("second", hour(4), "950", quality="estimated"))
    entries = await desk.entries()
    assert await energy_mg(desk) == 1500 * GRID_2022
    assert [e["reason"] for e in entries if e["event"]["id"] == "third"] == [
        "posted", "split", "split",
    ]  # fmt: skip
    assert entries[-1]["cause"]["id"] == "second" or entries[0]["cause"]["id"] == "second"
    quality = (await desk.account(2022))["quality"]
    assert quality["estimated"] == "1.000000"
    await desk.post(desk.register("again", hour(4), "960"))
    assert (await desk.account(2022))["quality"]["actual"] == "1.000000"
    await desk.post(desk.register("back", hour(6), "10", replaces="again"))
    assert await energy_mg(desk) == 1500 * GRID_2022
    assert await desk.audit() == []


async def test_readings_of_the_wrong_kind_or_unit_are_refused(desk: Any) -> None:
    await ready(desk)
    await desk.post(
        desk.interval("a", hour(0), hour(1), "1", meter_id="r1"),
        desk.register("b", hour(2), "1", unit="t"),
        desk.register("c", hour(2), "1", meter_id="m1"),
        desk.interval("d", hour(0), hour(1), "1", exchange="final"),
    )
    refused = await desk.refusals()
    assert {id: reason for id, (reason, _) in refused.items()} == {
        "a": "wrong_kind", "b": "wrong_unit", "c": "wrong_kind", "d": "wrong_exchange",
    }  # fmt: skip
    assert refused["a"][1] == (
        "/data/kind: meter:r1 is registered as register; expected that, got interval"
    )
    assert "'t'" in refused["b"][1] or "t " in refused["b"][1]
    assert refused["d"][1] == "/data/exchange: expected with kind register only"


async def test_units_convert_and_the_multiplier_applies_to_intervals(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", multiplier="2", unit="MWh")
    await desk.post(desk.interval("a", hour(0), hour(1), "500", unit="kWh"))
    assert await energy_mg(desk) == 1000 * GRID_2022
    [entry] = await desk.entries()
    assert (entry["quantity"], entry["unit"]) == ("1", "MWh")


@given(data=st.data())
@ORDERS
async def test_interval_readings_give_the_same_account_in_any_order(
    desk: Any, data: st.DataObject
) -> None:
    await ready(desk)
    events = data.draw(interval_events(desk.interval))
    expected = await outcome(desk, [events])
    assert await outcome(desk, data.draw(shuffled(events))) == expected


@st.composite
def register_events(draw: st.DrawFn, make: Any) -> list[dict[str, Any]]:
    """A counter that only rises (past its end), read at some hours, some of them twice; a reading
    may be replaced by another of its hour, or by one three hours later."""
    hours = draw(st.lists(st.sampled_from(range(0, 700, 7)), min_size=2, max_size=6, unique=True))
    events: list[dict[str, Any]] = []

    def read(id: str, at: int, **more: Any) -> None:
        value = (7000 + at * 10 + draw(st.integers(0, 30))) % 10000
        more |= {"quality": draw(QUALITY), "time": hour(draw(st.integers(1, 4)))}
        events.append(make(id, hour(at), str(value), **more))

    for at in sorted(hours):
        read(f"{at}-first", at)
        second = draw(st.sampled_from(["", "other", "better", "moved"]))
        if second == "other":
            read(f"{at}-other", at)
        elif second:
            later = at + 3 if second == "moved" else at
            read(f"{later}-{second}", later, replaces=f"{at}-first")
            if draw(st.booleans()):
                read(f"{at}-third", at)
    return events


@given(data=st.data())
@ORDERS
async def test_register_readings_give_the_same_account_in_any_order(
    desk: Any, data: st.DataObject
) -> None:
    await ready(desk, register_max="10000", multiplier="1.5")
    events = data.draw(register_events(desk.register))
    expected = await outcome(desk, [events])
    assert await outcome(desk, data.draw(shuffled(events))) == expected
    values = {e["id"]: Decimal(e["data"]["value"]) for e in events}
    standing = sorted(expected[1], key=lambda id: int(id.split("-")[0]))
    use = (values[standing[-1]] - values[standing[0]] + 10000) % 10000
    assert sum(month[1] for month in expected[0]) == round(use * Decimal("1.5") * GRID_2022)
