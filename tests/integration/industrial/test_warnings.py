"""Days above the usual band: told once, by the clock."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.industrial import replay, watching
from services.industrial.store.loads import DAYS
from shared.events.types import IndustrialWarning
from shared.stream import accounts as engine_accounts
from shared.stream.tick import Tick
from shared.units.calendar import CITY

OTHER = "91330000142927960N"
# The last completed day at NOW, 1 June 2026 08:00 in the city, is a Sunday.
SUNDAY = date(2026, 5, 31)
WEEKS = 9


def day_of(desk: Any, day: date, value: str, meter: str = "m1", **more: Any) -> Any:
    start = datetime(day.year, day.month, day.day, tzinfo=CITY)
    end = start + timedelta(days=1)
    return desk.interval(
        f"{meter}-{day}-{value}", start.isoformat(), end.isoformat(), value, meter_id=meter, **more
    )


async def usual(desk: Any, meter: str = "m1", weeks: int = WEEKS, **more: Any) -> None:
    """A hundred a day, up to the day before SUNDAY."""
    days = [SUNDAY - timedelta(days=n) for n in range(1, 7 * weeks)]
    await desk.post(*(day_of(desk, day, "100", meter, **more) for day in days))


async def tick(desk: Any) -> None:
    state = desk.app.state
    assert await Tick(state.poster, state.pool, state.clock).once()


async def told(desk: Any) -> list[dict[str, Any]]:
    return [event for event in await desk.states() if event["type"] == watching.WARNING]


async def test_a_day_above_its_band_is_told_once_for_line_and_enterprise(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter(asset_id="line-1")
    await desk.register_meter("m2")
    await usual(desk)
    await usual(desk, "m2")
    await desk.post(day_of(desk, SUNDAY, "160"), day_of(desk, SUNDAY, "100", "m2"))
    before = (await desk.states())[-1]["data"]["sequence"]
    await tick(desk)
    events = await told(desk)
    assert [(e["subject"], e["data"].get("asset_id")) for e in events] == [
        (desk.enterprise, None), (desk.enterprise, "line-1"),
    ]  # fmt: skip
    assert [e["data"]["sequence"] for e in events] == [before + 1, before + 2]
    line = events[1]["data"]
    assert (line["day"], line["carrier"], line["unit"], line["days"]) == (
        "2026-05-31", "electricity", "kWh", 8,
    )  # fmt: skip
    assert [Decimal(line[name]) for name in ("value", "median", "band")] == [160, 100, 105]
    assert line["reason"]["en"].startswith("line-1 used 160 kWh of purchased electricity on Sunday")
    assert "超出通常上限105 kWh" in line["reason"]["zh"]

    await tick(desk)
    await desk.app.state.pool.execute("delete from watched")
    await tick(desk)
    assert len(await told(desk)) == 2

    path = f"enterprises/{desk.enterprise}/warnings"
    first = await desk.get(path, limit=1)
    second = await desk.get(path, limit=1, cursor=first["next"])
    shown = [*first["items"], *second["items"]]
    assert [item["asset_id"] for item in shown] == ["line-1", None]
    assert (shown[0]["value"], shown[0]["band"], second["next"]) == ("160", "105", None)
    assert shown[0]["reason"] == line["reason"]


async def test_a_line_runs_above_its_band_when_its_devices_do(desk: Any) -> None:
    await desk.register_enterprise()
    path = f"enterprises/{desk.enterprise}/assets"
    await desk.put(f"{path}/line-1", kind="line", name="一号线")
    await desk.put(f"{path}/pump", kind="device", name="水泵", parent="line-1")
    await desk.register_meter(asset_id="pump")
    await desk.register_meter("m2", asset_id="line-1")
    await usual(desk)
    await usual(desk, "m2")
    await desk.post(day_of(desk, SUNDAY, "160"), day_of(desk, SUNDAY, "100", "m2"))
    await tick(desk)
    found = {e["data"].get("asset_id"): e["data"]["value"] for e in await told(desk)}
    assert found == {None: "260", "line-1": "260", "pump": "160"}


async def test_what_comes_two_days_late_is_told_and_later_is_not(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    days = [SUNDAY - timedelta(days=n) for n in range(4, 7 * WEEKS)]
    await desk.post(*(day_of(desk, day, "100") for day in days))
    await tick(desk)
    assert await told(desk) == []
    late = [day_of(desk, SUNDAY - timedelta(days=n), "300") for n in (0, 1, 2, 3)]
    await desk.post(*late)
    # Looked at already today; tomorrow the last three days are looked at again.
    await tick(desk)
    assert await told(desk) == []
    now = desk.app.state.clock()
    desk.app.state.clock = lambda: now + timedelta(days=1)
    await tick(desk)
    assert [e["data"]["day"] for e in await told(desk)] == ["2026-05-30", "2026-05-31"]


async def test_days_on_which_nobody_looked_are_looked_at_after_a_pause(desk: Any) -> None:
    """The clock stood still from Sunday to Saturday: five of the days are older than three days."""
    await desk.register_enterprise()
    await desk.register_meter()
    await usual(desk)
    await desk.post(day_of(desk, SUNDAY, "100"))
    await tick(desk)
    days = [SUNDAY + timedelta(days=n) for n in range(1, 7)]
    await desk.post(*(day_of(desk, day, "100" if day.day == 3 else "300") for day in days))
    now = desk.app.state.clock()
    desk.app.state.clock = lambda: now + timedelta(days=6)
    await tick(desk)
    assert [e["data"]["day"] for e in await told(desk)] == [
        f"2026-06-0{n}" for n in (1, 2, 4, 5, 6)
    ]  # fmt: skip
    assert {e["data"]["days"] for e in await told(desk)} == {8}


async def test_after_a_long_pause_a_week_is_looked_at(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await usual(desk)
    await tick(desk)
    days = [SUNDAY + timedelta(days=n) for n in range(20)]
    await desk.post(*(day_of(desk, day, "300") for day in days))
    now = desk.app.state.clock()
    desk.app.state.clock = lambda: now + timedelta(days=19)
    await tick(desk)
    events = [event["data"] for event in await told(desk)]
    assert [event["day"] for event in events] == [day.isoformat() for day in days[-7:]]
    assert {event["value"] for event in events} == {"300"}


async def test_a_counter_that_is_read_by_the_day_is_told_too(desk: Any) -> None:
    """Through one multiplier up to SATURDAY's end, through another since."""
    await desk.register_enterprise()
    await desk.register_meter("r1", multiplier="2", asset_id="line-1")
    await desk.register_meter(
        "r1", multiplier="4", asset_id="line-1", valid_from=SUNDAY.isoformat()
    )
    ends = [SUNDAY - timedelta(days=n) for n in range(7 * WEEKS, -2, -1)]
    shown = [*(50 * n for n in range(len(ends) - 1)), 50 * (len(ends) - 2) + 40]
    await desk.post(
        *(
            desk.register(f"{day}", datetime(day.year, day.month, day.day, tzinfo=CITY).isoformat(),
                          str(value))
            for day, value in zip(ends, shown, strict=True)
        )
    )  # fmt: skip
    await tick(desk)
    events = [event["data"] for event in await told(desk)]
    assert [(e.get("asset_id"), e["day"]) for e in events] == [
        (None, "2026-05-31"), ("line-1", "2026-05-31"),
    ]  # fmt: skip
    assert [Decimal(events[1][name]) for name in ("value", "median", "band")] == [160, 100, 105]


async def test_an_estimate_is_not_told_before_it_is_read(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await usual(desk)
    await desk.post(day_of(desk, SUNDAY, "900", quality="estimated"))
    await tick(desk)
    assert await told(desk) == []
    await desk.post(day_of(desk, SUNDAY, "800"))
    await desk.app.state.pool.execute("delete from watched")
    await tick(desk)
    assert [event["data"]["value"] for event in await told(desk)] == ["800"]


async def test_estimates_are_not_what_is_usual(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await usual(desk, quality="estimated")
    await desk.post(day_of(desk, SUNDAY, "900"))
    await tick(desk)
    assert await told(desk) == []


async def test_a_day_is_complete_two_hours_after_its_end(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await usual(desk)
    await desk.post(day_of(desk, SUNDAY, "300"))
    desk.app.state.clock = lambda: datetime(2026, 6, 1, 1, 59, tzinfo=CITY)
    await tick(desk)
    assert await told(desk) == []
    desk.app.state.clock = lambda: datetime(2026, 6, 1, 2, 0, tzinfo=CITY)
    await tick(desk)
    assert len(await told(desk)) == 1


async def test_every_account_is_looked_at_in_time(desk: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(watching, "ACCOUNTS_A_TICK", 1)
    for id, meter in ((desk.enterprise, "m1"), (OTHER, "m2")):
        await desk.register_enterprise(id)
        await desk.register_meter(meter, enterprise_id=id)
        await usual(desk, meter, subject=id)
        await desk.post(day_of(desk, SUNDAY, "200", meter, subject=id))
    await tick(desk)
    assert len(await told(desk)) == 1
    await tick(desk)
    assert {e["subject"] for e in await told(desk)} == {desk.enterprise, OTHER}


async def test_too_short_a_history_and_standing_loads_tell_nothing(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await usual(desk, weeks=4)
    await desk.post(day_of(desk, SUNDAY, "900"))
    await tick(desk)
    assert await told(desk) == []


async def test_a_warning_is_told_again_to_a_broker_that_lost_it(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await usual(desk)
    await desk.post(day_of(desk, SUNDAY, "160"))
    await tick(desk)
    [first] = await told(desk)
    now = desk.app.state.clock()
    async with desk.app.state.pool.acquire() as connection, connection.transaction():
        [account] = (await desk.app.state.poster.lock(connection, [desk.enterprise])).values()
        since = now - timedelta(minutes=1)
        touched = await connection.fetch(replay.TOUCHED, [account.number], since)
        assert [row[0] for row in touched] == [account.number]
        again = [
            event
            async for some in replay.announced_since(connection, [account], since, now)
            for event in some
        ]
        await engine_accounts.save(connection, [account])
    assert again[0].id == first["id"]
    assert isinstance(again[0].data, IndustrialWarning)
    assert again[0].data.sequence == first["data"]["sequence"]
    assert [event.type for event in again[1:]] == ["cn.tanzhang.industrial.account.v1"]


@pytest.mark.parametrize("of", [1, 40])
async def test_days_are_read_by_the_index(desk: Any, of: int) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await usual(desk)
    pool = desk.app.state.pool
    account = await pool.fetchval("select account from subject")
    await pool.execute(
        "insert into fact (account, event_key, content_hash, source, event_id, kind, slot, starts,"
        " ends, quality, value, unit, data, state) select account, decode(md5(n || event_id),"
        " 'hex'), content_hash, source, event_id, kind, 'meter:m' || n % 200, starts, ends,"
        " quality, value, unit, data, state from fact, generate_series(1, 400) n"
    )
    await pool.execute("analyze fact")
    slots = [f"meter:m{n}" for n in range(1, of + 1)]
    start, end = (datetime(2026, month, 1, tzinfo=CITY) for month in (1, 12))
    spans = [datetime(2026, 5, day, tzinfo=CITY) for day in (3, 10, 17, 24, 31)]
    rows = await pool.fetch(
        f"explain {DAYS}", account, slots, [start] * of, [end] * of,
        spans, [day + timedelta(days=1) for day in spans], CITY.key,
    )  # fmt: skip
    plan = "\n".join(row[0] for row in rows)
    assert "fact_slot" in plan, plan
    assert "Seq Scan on fact" not in plan, plan
