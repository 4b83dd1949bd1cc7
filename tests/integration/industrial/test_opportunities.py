"""Reduction points from hourly readings, beside sums made by hand from the same readings."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from services.industrial.store.loads import PROFILES, loads, meters_of_enterprise
from shared.units.calendar import CITY, Zone

FIRST = date(2021, 12, 27)
DAYS = 70
MG = 515_300


def kilowatts(day: date, hour: int) -> int:
    """A works that leaves things on at night and on week-ends, save on every fifth day."""
    off = day.day % 5 == 0
    if day.weekday() > 4:
        return 5 if off else 30
    if hour >= 22 or hour < 6:
        return 10 if off else 40
    return 100 + day.day


def hours(first: date = FIRST, days: int = DAYS) -> list[tuple[date, int]]:
    return [(first + timedelta(days=n), hour) for n in range(days) for hour in range(24)]


def readings(desk: Any, first: date = FIRST, days: int = DAYS, less: int = 1) -> list[Any]:
    """Hour by hour; what is read on the nights of working days is divided by `less`."""
    found = []
    for day, hour in hours(first, days):
        start = datetime(day.year, day.month, day.day, hour, tzinfo=CITY)
        night = day.weekday() <= 4 and (hour >= 22 or hour < 6)
        value = Decimal(kilowatts(day, hour)) / (less if night else 1)
        end = start + timedelta(hours=1)
        found.append(
            desk.interval(f"{start:%Y%m%d%H}", start.isoformat(), end.isoformat(), str(value))
        )
    return found


async def posted(desk: Any, events: list[Any]) -> None:
    for at in range(0, len(events), 1000):
        outcome = await desk.post(*events[at : at + 1000])
        assert not outcome.refused


async def found(desk: Any, **query: Any) -> dict[str, dict[str, Any]]:
    path = f"enterprises/{desk.enterprise}/opportunities"
    return {item["finding"]: item for item in (await desk.get(path, **query))["items"]}


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def six(value: Fraction) -> str:
    scaled = round(value * 10**6)
    return f"{scaled // 10**6}.{scaled % 10**6:06d}"


async def test_findings_are_those_that_the_readings_show(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await posted(desk, readings(desk))
    # An estimate that was beaten, and one longer than an hour, change no profile.
    await desk.post(
        desk.interval("late", "2022-01-03T03:00:00+08:00", "2022-01-03T04:00:00+08:00", "900",
                      quality="estimated"),
        desk.interval("long", "2022-06-01T00:00:00+08:00", "2022-06-02T00:00:00+08:00", "7"),
    )  # fmt: skip
    of_year = [(d, h) for d, h in hours() if d.year == 2022]
    nights: dict[date, list[Fraction]] = {}
    rest: dict[date, list[Fraction]] = {}
    for day, hour in of_year:
        if day.weekday() > 4:
            rest.setdefault(day, []).append(Fraction(kilowatts(day, hour)))
        elif hour >= 22 or hour < 6:
            nights.setdefault(day, []).append(Fraction(kilowatts(day, hour)))
    items = await found(desk, year=2022)
    night, weekend = items["night_load"], items["weekend_load"]

    level = mean([kw for day in nights.values() for kw in day])
    avoidable = (level - 10) * 8 * 260
    assert night["evidence"]["figures"]["level"] == six(level)
    assert night["evidence"]["figures"]["target"] == "10.000000"
    assert night["avoidable"] == six(avoidable)
    assert Decimal(night["avoidable_t"]) * 10**9 == round(avoidable * MG)
    assert night["avoidable_yuan"] == f"{float(avoidable * Fraction('0.35')):.2f}"
    assert night["meter_id"] == "m1"
    assert night["evidence"]["period"] == {"from": "2022-01-03", "to": "2022-03-04"}
    series = night["evidence"]["series"]
    at_noon = mean([Fraction(kilowatts(d, 12)) for d, h in of_year if h == 12 and d.weekday() < 5])
    assert series[12]["working"] == six(at_noon)

    level = mean([kw for day in rest.values() for kw in day])
    assert weekend["evidence"]["figures"]["level"] == six(level)
    assert weekend["avoidable"] == six((level - 5) * 24 * 105)
    assert {night["adds_up"], weekend["adds_up"]} == {True}

    peak = items["peak_demand"]
    assert peak["evidence"]["series"][0] == {
        "month": "2022-01", "peak": "131.000000", "usual": "117.000000",
    }  # fmt: skip
    assert peak["avoidable_t"] == "0"


async def test_a_meters_versions_and_units_count(desk: Any) -> None:
    """From February on the meter shows a half; some readings come in Wh."""
    await desk.register_enterprise()
    await desk.register_meter()
    await desk.register_meter(multiplier="2", valid_from="2022-02-01")
    halved = []
    for event in readings(desk):
        data = event["data"]
        value = Decimal(data["value"])
        if data["start"] >= "2022-02-01":
            value /= 2
        if data["start"][8:10] == "17":
            value, data["unit"] = value * 1000, "Wh"
        halved.append(event | {"data": data | {"value": str(value)}})
    await posted(desk, halved)
    doubled = await found(desk, year=2022)
    await desk.forget()
    await desk.register_meter(multiplier="1", valid_from="2022-02-01")
    await posted(desk, readings(desk))
    plain = await found(desk, year=2022)
    assert doubled == plain
    assert {"night_load", "weekend_load"} <= plain.keys()


def counted(desk: Any) -> list[Any]:
    """The same as a counter shows it, which is exchanged at noon of 1 February."""
    shown, exchanged = Decimal(0), "2022-02-01T12:00:00+08:00"
    found = [desk.register("first", readings(desk)[0]["data"]["start"], "0")]
    for event in readings(desk):
        end, id = event["data"]["end"], event["id"]
        shown += Decimal(event["data"]["value"])
        if end != exchanged:
            found.append(desk.register(id, end, str(shown)))
            continue
        found.append(desk.register(f"{id}-final", end, str(shown), exchange="final"))
        shown = Decimal(7)
        found.append(desk.register(f"{id}-initial", end, str(shown), exchange="initial"))
    return found


async def test_a_counter_that_is_read_by_the_hour_shows_the_same(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await posted(desk, readings(desk))
    by_interval = await found(desk, year=2022)
    await desk.app.state.pool.execute("delete from meter")
    await desk.forget()
    await desk.register_meter("r1")
    await posted(desk, counted(desk))
    # What was guessed, is a day apart, or on another counter, tells nothing of hours.
    await desk.post(
        desk.register("final", "2022-03-09T01:00:00+08:00", "90000000", exchange="final"),
        desk.register("other", "2022-03-09T02:00:00+08:00", "90500000"),
        desk.register("guess", "2022-03-07T01:00:00+08:00", "90000000", quality="estimated"),
        desk.register("later", "2022-06-01T00:00:00+08:00", "90000001"),
        desk.register("last", "2022-06-02T00:00:00+08:00", "99000001"),
    )
    by_counter = await found(desk, year=2022)
    assert by_counter.keys() >= {"night_load", "weekend_load", "peak_demand"}
    for kind, finding in by_counter.items():
        assert finding["meter_id"] == "r1"
        assert finding["evidence"] == by_interval[kind]["evidence"]


async def test_days_of_other_zones_have_their_own_hours(desk: Any) -> None:
    """In Berlin clocks go forward on 27 March 2022, and back on 30 October."""
    berlin = Zone("Europe/Berlin")
    await desk.register_enterprise()
    await desk.register_meter()
    for first in (date(2022, 3, 26), date(2022, 10, 29)):
        await posted(desk, readings(desk, first, 4))
    async with desk.app.state.pool.acquire() as connection:
        account = await connection.fetchval("select account from subject")
        meters = await meters_of_enterprise(connection, desk.enterprise)
        span = (date(2022, 3, 27), date(2022, 10, 31))
        [load] = await loads(connection, account, meters, span, berlin)
    hours = {day.day: day.whole.hours for day in load.days}
    assert (hours[date(2022, 3, 27)], hours[date(2022, 3, 28)]) == (Fraction(23), Fraction(24))
    assert hours[date(2022, 10, 30)] == 25
    # Two Sundays and a Saturday: the hour from two to three is missing once and there twice.
    assert (load.hours[True, 2].hours, load.hours[True, 4].hours) == (Fraction(3), Fraction(3))


async def test_what_was_acted_on_is_measured_against_what_was_then(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    await posted(desk, readings(desk))
    night = (await found(desk, year=2022))["night_load"]
    path = f"enterprises/{desk.enterprise}/opportunities"
    adopt = f"/v1/{path}/{night['id']}/adopt"
    since = FIRST + timedelta(days=DAYS)
    body = {"from": since.isoformat(), "note": "timers on the fans"}
    first = await desk.http.post(adopt, json=body)
    assert first.status_code == 201, first.text
    assert first.json()["baseline"]["level"] == night["evidence"]["figures"]["level"]
    assert (await desk.http.post(adopt, json=body)).status_code == 200
    other = await desk.http.post(adopt, json=body | {"note": "another"})
    assert (other.status_code, "stays so" in other.json()["detail"]) == (409, True)

    nothing = (await desk.get(path, year=2022))["adopted"]
    assert [(one["id"], one["measured"]) for one in nothing] == [(night["id"], None)]

    await posted(desk, readings(desk, since, 14, less=4))
    answer = await desk.get(path, year=2022)
    [one] = answer["adopted"]
    assert next(i for i in answer["items"] if i["id"] == night["id"])["adopted"] is True
    level = Fraction(night["evidence"]["figures"]["level"])
    after = mean(
        [
            Fraction(kilowatts(d, h), 4)
            for d, h in hours(since, 14)
            if d.weekday() <= 4 and (h >= 22 or h < 6)
        ]
    )
    saved = (level - after) * 8 * 10
    measured = one["measured"]
    assert (measured["level"], measured["over"]) == (six(after), "80.000000")
    assert abs(Fraction(measured["saved"]) - saved) < Fraction(1, 1000)
    assert abs(Fraction(measured["saved_t"]) - saved * MG / 10**9) < Fraction(1, 10**6)
    assert measured["period"] == {"from": "2022-03-07", "until": "2023-03-07"}
    assert one["baseline"]["period"]["to"] == "2022-03-04"


async def test_what_was_only_estimated_shows_nothing(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter()
    estimates = readings(desk)
    for event in estimates:
        event["id"] += "-estimate"
        event["data"]["quality"] = "estimated"
    await posted(desk, estimates)
    assert await found(desk, year=2022) == {}
    # Nights that were read are those that are looked at.
    await posted(desk, readings(desk, date(2022, 1, 3), 21))
    assert (await found(desk, year=2022))["night_load"]["evidence"]["figures"]["nights"] == "15"


async def steady(desk: Any, first: date, until: date, kw: int) -> None:
    await posted(
        desk,
        [
            desk.interval(f"{day}-{hour}", start.isoformat(),
                          (start + timedelta(hours=1)).isoformat(), str(kw))
            for day, hour in hours(first, (until - first).days)
            for start in [datetime(day.year, day.month, day.day, hour, tzinfo=CITY)]
        ],
    )  # fmt: skip


async def makes(desk: Any, asset: str, month: int, quantity: str) -> None:
    await desk.post(
        desk.event("production", f"{asset}-{month}", product="xylitol", asset_id=asset, unit="t",
                   start=f"2022-{month:02}-01", end=f"2022-{month + 1:02}-01", quantity=quantity)
    )  # fmt: skip


async def test_a_step_is_seen_beside_the_output_of_its_line(desk: Any) -> None:
    """In March line-1 takes over what line-2 made: the enterprise makes as much as before."""
    await desk.register_enterprise()
    await desk.register_meter(asset_id="line-1")
    await steady(desk, date(2022, 1, 1), date(2022, 3, 1), 10)
    await steady(desk, date(2022, 3, 1), date(2022, 5, 1), 20)
    for month, one, other in ((1, 31, 62), (2, 28, 56), (3, 62, 31), (4, 60, 30)):
        await makes(desk, "line-1", month, str(one))
        await makes(desk, "line-2", month, str(other))
    assert "load_step" not in await found(desk, year=2022)


async def test_half_the_output_at_half_the_use_has_saved_nothing(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter(asset_id="line-1")
    await steady(desk, date(2022, 1, 1), date(2022, 3, 1), 10)
    await steady(desk, date(2022, 3, 1), date(2022, 5, 1), 20)
    for month, quantity in ((1, "31"), (2, "28"), (3, "31"), (4, "30")):
        await makes(desk, "line-1", month, quantity)
    step = (await found(desk, year=2022))["load_step"]
    path = f"enterprises/{desk.enterprise}/opportunities"
    answer = await desk.http.post(f"/v1/{path}/{step['id']}/adopt", json={"from": "2022-05-01"})
    assert answer.status_code == 201, answer.text
    await steady(desk, date(2022, 5, 1), date(2022, 6, 1), 10)
    await makes(desk, "line-1", 5, "15.5")
    [one] = (await desk.get(path, year=2022))["adopted"]
    assert (one["measured"]["level"], one["measured"]["saved"]) == ("240.000000", "0.000000")


async def test_what_cannot_be_acted_on_is_refused(desk: Any) -> None:
    await desk.register_enterprise()
    path = f"/v1/enterprises/{desk.enterprise}/opportunities/none/adopt"
    unknown = await desk.http.post(path + "?year=2022", json={"from": "2022-05-01"})
    assert (unknown.status_code, "opportunity of 2022" in unknown.text) == (404, True)
    early = await desk.http.post(path + "?year=2022", json={"from": "2021-05-01"})
    assert (early.status_code, early.json()["errors"][0]["pointer"]) == (422, "/from")
    named = await desk.http.post(path, json={"from": "2022-05-01", "note": "ask 13812345678"})
    assert (named.status_code, named.json()["errors"][0]["pointer"]) == (422, "/note")
    wrong = await desk.http.post(path, json={"from": "soon"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/from")


@pytest.mark.parametrize("of", [1, 40])
async def test_the_profile_is_read_by_the_index(desk: Any, of: int) -> None:
    """Beside the readings of other meters, theirs are found by (account, slot, ends)."""
    await desk.register_enterprise()
    for n in range(1, of + 1):
        await desk.register_meter(f"m{n}")
    await posted(desk, readings(desk, days=3))
    pool = desk.app.state.pool
    account = await pool.fetchval("select account from subject")
    await pool.execute(
        "insert into fact (account, event_key, content_hash, source, event_id, kind, slot, starts,"
        " ends, quality, value, unit, data, state) select account, decode(md5(n || event_id), 'hex'),"
        " content_hash, source, event_id, kind, 'meter:other' || n % 200, starts, ends, quality,"
        " value, unit, data, state from fact, generate_series(1, 400) n"
    )
    await pool.execute("analyze fact")
    slots = [f"meter:m{n}" for n in range(1, of + 1)]
    since, until = (datetime(year, 1, 1, tzinfo=UTC) for year in (2021, 2023))
    rows = await pool.fetch(
        f"explain {PROFILES}", account, slots, [since] * of, [until] * of, CITY.key
    )
    plan = "\n".join(row[0] for row in rows)
    assert "fact_slot" in plan, plan
    assert "Seq Scan on fact" not in plan, plan
