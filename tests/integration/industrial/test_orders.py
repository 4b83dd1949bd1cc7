"""Readings of which some are held on the way, or in the end: the order of arrival does not matter."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.industrial.orders import (
    GRID_2022,
    ORDERS,
    energy_mg,
    facts,
    hour,
    interval_events,
    outcome,
    ready,
    shuffled,
)


@st.composite
def exchanged(draw: st.DrawFn, make: Any) -> list[dict[str, Any]]:
    """Up to three counters one after another, each rising from anywhere, read at some hours; its
    exchanges may be at one instant or leave a gap; some readings come twice, estimated first, or
    mistyped first and corrected later."""
    events: list[dict[str, Any]] = []
    at = 0

    def read(value: int, **more: Any) -> None:
        if draw(st.integers(0, 3)) == 0:
            typo = f"{len(events)}-typo"
            wrong = str(draw(st.integers(0, 20_000)))
            events.append(make(typo, hour(at), wrong, **more))
            events.append(make(f"{typo}-right", hour(at), str(value), replaces=typo, **more))
            return
        for quality in draw(st.sampled_from([["actual"], ["estimated", "actual"], ["estimated"]])):
            id = f"{len(events)}-{quality}"
            events.append(make(id, hour(at), str(value), quality=quality, **more))

    counters = draw(st.integers(2, 3))
    for counter in range(counters):
        value = draw(st.integers(0, 5000))
        if counter:
            read(value, exchange="initial")
        for _ in range(draw(st.integers(0 if counter else 1, 2))):
            at += draw(st.integers(1, 90))
            value += draw(st.integers(0, 900))
            read(value)
        if counter < counters - 1:
            at += draw(st.integers(1, 20))
            value += draw(st.integers(0, 900))
            read(value, exchange="final")
            at += draw(st.sampled_from([0, 3]))
    return events


@given(data=st.data())
@ORDERS
async def test_exchanged_counters_give_the_same_account_in_any_order(
    desk: Any, data: st.DataObject
) -> None:
    """Some are held on the way, when one counter is not told from another yet; none in the end."""
    await ready(desk, rate_max="10000")
    events = data.draw(exchanged(desk.register))
    expected = await outcome(desk, [events])
    assert await outcome(desk, data.draw(shuffled(events))) == expected
    assert (await desk.get("reviews", state="open"))["items"] == []
    assert await energy_mg(desk) == used(events) * GRID_2022


def used(events: list[dict[str, Any]]) -> int:
    """What the counters show by themselves: a rise counts unless another counter began with it."""
    values: dict[tuple[str, str | None], tuple[int, str | None]] = {}
    for event in events:
        data = event["data"]
        exchange = data.get("exchange")
        values[data["end"], exchange] = (int(data["value"]), exchange)
    pairs = pairwise(values.values())
    return sum(b[0] - a[0] for a, b in pairs if b[1] != "initial")


async def held_outcome(desk: Any, batches: Sequence[Sequence[dict[str, Any]]]) -> tuple[Any, ...]:
    """Post batch by batch from nothing; what stands, what is held, what was emitted."""
    await desk.forget()
    for batch in batches:
        await desk.post(*batch)
    assert await desk.audit() == []
    assert await desk.refusals() == {}
    parked = await desk.parked()
    held = {id for id, waits_for in parked.items() if waits_for.startswith("review:")}
    reviews = (await desk.get("reviews", state="open"))["items"]
    assert {item["event"]["id"] for item in reviews} == held
    standing = {id for id, state in (await facts(desk)).items() if state == "posted"}
    return standing, parked, await energy_mg(desk)


@given(data=st.data())
@ORDERS
async def test_what_is_held_is_the_same_in_any_order(desk: Any, data: st.DataObject) -> None:
    """Some of the readings are above the limit; some of those are replaced."""
    await ready(desk)
    await desk.register_meter("m1", rate_max="20", valid_from="2000-01-01")
    events = data.draw(interval_events(desk.interval))
    expected = await held_outcome(desk, [events])
    assert await held_outcome(desk, data.draw(shuffled(events))) == expected


@st.composite
def guessed(draw: st.DrawFn, make: Any) -> list[dict[str, Any]]:
    """A counter that may pass its end once, read at some hours; some of its readings were guessed
    before, as anything that it could show."""
    begun = draw(st.integers(0, 9999))
    hours = draw(st.lists(st.integers(0, 90), min_size=2, max_size=5, unique=True))
    guesses = [
        make(f"guess-{at}", hour(at), str(draw(st.integers(0, 10_000))), quality="estimated")
        for at in hours[: draw(st.integers(1, 3))]
    ]
    return [*guesses, *(make(f"{at}", hour(at), str((begun + 100 * at) % 10_000)) for at in hours)]


@given(data=st.data())
@ORDERS
async def test_a_guess_holds_nothing_up_once_the_counter_was_read(
    desk: Any, data: st.DataObject
) -> None:
    await desk.app.state.pool.execute("delete from meter")
    await ready(desk, rate_max="150", register_max="10000")
    events = data.draw(guessed(desk.register))
    order = data.draw(st.permutations(events))
    standing, parked, emitted = await held_outcome(desk, [[event] for event in order])
    read = {event["id"] for event in events if event["data"]["quality"] == "actual"}
    assert (standing, parked) == (read, {})
    hours = [int(id) for id in read]
    assert emitted == 100 * (max(hours) - min(hours)) * GRID_2022
