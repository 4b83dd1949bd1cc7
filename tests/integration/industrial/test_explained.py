"""Held readings that later ones explain, and readings that nothing explains."""

from typing import Any

import pytest

from tests.integration.industrial.held import decided, limited, review
from tests.integration.industrial.orders import GRID_2022, energy_mg, facts, hour, ready


async def test_an_actual_reading_releases_what_an_estimate_made_doubtful(desk: Any) -> None:
    await ready(desk)
    await desk.post(desk.register("guess", hour(0), "9000", quality="estimated"))
    await desk.post(desk.register("next", hour(1), "910"))
    assert (await review(desk))["reason"] == "register_backwards"
    await desk.post(desk.register("read", hour(0), "900"))
    assert await energy_mg(desk) == 10 * GRID_2022
    assert await desk.parked() == {}
    assert (await review(desk))["state"] == "released"


async def test_a_reading_between_two_others_may_explain_the_later_one(desk: Any) -> None:
    await ready(desk, register_max="1000")
    await desk.post(desk.register("a", hour(0), "950"), desk.register("c", hour(2), "940"))
    assert (await review(desk))["event"]["id"] == "c"
    await desk.post(desk.register("b", hour(1), "200"))
    assert await desk.parked() == {}
    assert await energy_mg(desk) == (250 + 740) * GRID_2022


async def test_a_held_reading_that_was_moved_does_not_get_in_the_way(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("spike", hour(0), hour(2), "900"))
    await desk.post(desk.interval("there", hour(0), hour(1), "1"))
    await desk.post(desk.interval("moved", hour(5), hour(6), "2", replaces="spike"))
    assert await facts(desk) == {"spike": "replaced", "there": "posted", "moved": "posted"}
    assert await desk.refusals() == {}
    assert await energy_mg(desk) == 3 * GRID_2022
    assert await desk.audit() == []


async def test_a_counter_that_shows_more_than_it_can_is_held(desk: Any) -> None:
    await ready(desk, register_max="1000")
    await desk.post(desk.register("a", hour(0), "950"), desk.register("b", hour(1), "9600"))
    item = await review(desk)
    assert (item["reason"], item["detail"]) == (
        "impossible_consumption",
        "meter:r1: expected at most register_max 1000, got 9600 kWh at "
        "2022-03-01T01:00:00+08:00 (event 'b')",
    )
    await desk.post(desk.register("c", hour(2), "970"))
    assert await energy_mg(desk) == 20 * GRID_2022
    await decided(desk, "reject")
    assert await energy_mg(desk) == 20 * GRID_2022


async def test_a_reading_of_no_sense_is_refused_while_others_are_held(desk: Any) -> None:
    await limited(desk)
    await desk.post(desk.interval("a", hour(0), hour(1), "101"))
    await desk.post(
        desk.register("b", hour(1), "1", meter_id="r\x001"),
        desk.register("c", "9999-12-31T23:59:59-18:00", "1"),
    )
    reasons = {id: reason for id, (reason, _) in (await desk.refusals()).items()}
    assert reasons == {"b": "wrong_text", "c": "wrong_interval"}


async def test_a_held_reading_of_a_far_offset_stops_nothing(desk: Any) -> None:
    """The database takes no offset beyond 16 hours."""
    await ready(desk)
    await desk.post(desk.register("a", hour(3), "900"))
    await desk.post(desk.register("b", "2022-03-01T00:00:00-18:00", "10"))
    await desk.post(desk.register("c", "2022-03-03T00:00:00-18:00", "20"))
    assert set(await desk.parked()) == {"b", "c"}
    await desk.post(desk.register("d", hour(3), "900", exchange="final"))
    assert await desk.parked() == {}
    assert await energy_mg(desk) == 10 * GRID_2022


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("order", ["first second", "second first"])
async def test_corrections_that_are_possible_together_only(
    desk: Any, order: str, by_name: bool
) -> None:
    """At most 100 an hour: either correction, or actual reading after an estimate, alone
    contradicts what stands beside it."""
    await ready(desk, rate_max="100")
    shown = {0: "0", 1: "5", 2: "10"}
    quality = "actual" if by_name else "estimated"
    await desk.post(
        *(desk.register(f"{at}", hour(at), value, quality=quality) for at, value in shown.items())
    )
    named = [{"replaces": f"{at}"} if by_name else {} for at in shown]
    events = {
        "first": desk.register("first", hour(1), "90", **named[1]),
        "second": desk.register("second", hour(2), "180", **named[2]),
    }
    for id in order.split():
        await desk.post(events[id])
    assert (await desk.parked(), await desk.refusals()) == ({}, {})
    assert await energy_mg(desk) == 180 * GRID_2022
    states = [item["state"] for item in (await desk.get("reviews"))["items"]]
    assert states == ["released"]
    assert await desk.audit() == []
