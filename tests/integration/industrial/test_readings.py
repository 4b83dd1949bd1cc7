"""Readings of intervals and registers: which one stands, in whatever order they come."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MARCH = "2022-03-{:02}T{:02}:00:00+08:00"
GRID_2022 = Decimal("515300")
ORDERS = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def hour(n: int) -> str:
    return MARCH.format(1 + n // 24, n % 24)


async def ready(desk: Any, **meter: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1")
    await desk.register_meter("r1", **meter)


async def energy_mg(desk: Any) -> int:
    return int(Decimal((await desk.account(2022))["energy_t"]) * 10**9)


async def facts(desk: Any) -> dict[str, str]:
    rows = await desk.app.state.pool.fetch("select event_id, state from fact")
    return {row[0]: row[1] for row in rows}


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


async def test_a_register_that_runs_backwards_is_refused(desk: Any) -> None:
    await ready(desk)
    await desk.register_meter("r2", register_max="100000")
    await desk.post(
        desk.register("a", hour(0), "100"),
        desk.register("b", hour(1), "99"),
        desk.register("c", hour(0), "50000", meter_id="r2"),
        desk.register("d", hour(1), "49000", meter_id="r2"),
        desk.interval("e", hour(0), hour(1), "1", meter_id="r1"),
        desk.register("f", hour(2), "1", unit="t"),
    )
    refused = await desk.refusals()
    assert {id: reason for id, (reason, _) in refused.items()} == {
        "b": "register_backwards", "d": "register_backwards", "e": "wrong_kind", "f": "wrong_unit",
    }  # fmt: skip
    assert "register_max 100000" in refused["d"][1]


async def test_units_convert_and_the_multiplier_applies_to_intervals(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", multiplier="2", unit="MWh")
    await desk.post(desk.interval("a", hour(0), hour(1), "500", unit="kWh"))
    assert await energy_mg(desk) == 1000 * GRID_2022
    [entry] = await desk.entries()
    assert (entry["quantity"], entry["unit"]) == ("1", "MWh")


async def outcome(desk: Any, batches: Sequence[Sequence[dict[str, Any]]]) -> tuple[Any, ...]:
    """Post batch by batch from nothing; what came out, and proof that the books agree."""
    await desk.forget()
    for batch in batches:
        await desk.post(*batch)
    assert await desk.audit() == []
    assert await desk.refusals() == {}
    assert await desk.parked() == {}
    months = await desk.app.state.pool.fetch(
        "select month, sum(amount_mg), sum(quantity), category, quality from ledger_entry "
        "group by month, category, quality "
        "having sum(case when reverses is null then 1 else -1 end) > 0 order by 1, 4, 5"
    )
    standing = await desk.app.state.pool.fetch(
        "select event_id from fact where state = 'posted' order by event_id"
    )
    return [tuple(row) for row in months], [row[0] for row in standing]


@st.composite
def shuffled(draw: st.DrawFn, events: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Any order, some repeated, cut into batches."""
    repeated = draw(st.lists(st.sampled_from(events), max_size=3))
    order = draw(st.permutations([*events, *repeated]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [list(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True) if b > a]


QUALITY = st.sampled_from(["actual", "estimated", "substituted"])


@st.composite
def interval_events(draw: st.DrawFn, make: Any) -> list[dict[str, Any]]:
    """Up to three variants of each of three intervals, some replaced by others of the interval."""
    events: list[dict[str, Any]] = []
    for n, start in enumerate([0, 5, 24 * 30 + 20]):
        ids: list[str] = []
        for k in range(draw(st.integers(1, 3))):
            free = [id for id in ids if id not in {e["data"].get("replaces") for e in events}]
            target = draw(st.none() | st.sampled_from(free)) if free else None
            more = {"replaces": target} if target else {}
            span = (
                (MARCH.format(1, start), hour(start + 3))
                if n < 2
                else (hour(24 * 30 + 20), "2022-04-01T03:00:00+08:00")
            )
            events.append(
                make(
                    f"{n}{k}", *span, str(draw(st.integers(1, 99))), quality=draw(QUALITY),
                    time=hour(draw(st.integers(1, 4))), **more,
                )
            )  # fmt: skip
            ids.append(f"{n}{k}")
    return events


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
