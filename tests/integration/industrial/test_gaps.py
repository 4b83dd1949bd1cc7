"""What the meters of an enterprise do not tell."""

from typing import Any

from services.industrial.api import gaps as api
from tests.integration.industrial.orders import hour, ready


async def gaps(desk: Any, **query: Any) -> list[tuple[str, str, str, str]]:
    found = await desk.get(f"enterprises/{desk.enterprise}/gaps", **query)
    return [(g["meter_id"], g["kind"], g["start"][:16], g["end"][:16]) for g in found["items"]]


async def test_stretches_between_standing_readings_and_empty_months(desk: Any) -> None:
    await ready(desk)
    await desk.register_meter("m2", valid_from="2026-04-01")
    await desk.post(
        desk.interval("a", "2026-01-01T00:00:00+08:00", "2026-01-05T00:00:00+08:00", "1"),
        desk.interval("b", "2026-01-05T00:00:00+08:00", "2026-01-06T00:00:00+08:00", "1"),
        desk.interval("c", "2026-03-01T00:00:00+08:00", "2026-05-01T00:00:00+08:00", "1"),
        desk.register("f", "2026-02-10T00:00:00+08:00", "1"),
        desk.register("g", "2026-04-10T00:00:00+08:00", "2"),
        desk.interval("n", "2026-04-02T00:00:00+08:00", "2026-04-03T00:00:00+08:00", "1",
                      meter_id="m2"),
    )  # fmt: skip
    assert await gaps(desk, year=2026) == [
        ("m1", "interval", "2026-01-06T00:00", "2026-03-01T00:00"),
        ("m1", "month", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("m1", "month", "2026-05-01T00:00", "2026-06-01T00:00"),
        ("m2", "month", "2026-05-01T00:00", "2026-06-01T00:00"),
        ("r1", "month", "2026-01-01T00:00", "2026-02-01T00:00"),
        ("r1", "month", "2026-05-01T00:00", "2026-06-01T00:00"),
    ]
    await desk.post(
        desk.interval("d", "2026-01-06T00:00:00+08:00", "2026-03-01T00:00:00+08:00", "1"),
        desk.interval("e", "2026-03-01T00:00:00+08:00", "2026-04-01T00:00:00+08:00", "1",
                      replaces="c"),
    )  # fmt: skip
    assert [gap for gap in await gaps(desk, year=2026) if gap[0] == "m1"] == [
        ("m1", "month", "2026-04-01T00:00", "2026-05-01T00:00"),
        ("m1", "month", "2026-05-01T00:00", "2026-06-01T00:00"),
    ]


async def test_a_stretch_is_told_in_each_year_that_it_reaches_into(desk: Any) -> None:
    await ready(desk)
    await desk.post(
        desk.interval("a", "2023-12-01T00:00:00+08:00", "2023-12-31T00:00:00+08:00", "1"),
        desk.interval("b", "2025-01-02T00:00:00+08:00", "2025-01-03T00:00:00+08:00", "1"),
    )
    stretch = ("m1", "interval", "2023-12-31T00:00", "2025-01-02T00:00")
    for year, empty in ((2023, 11), (2024, 12), (2025, 11)):
        found = [gap for gap in await gaps(desk, year=year) if gap[0] == "m1"]
        assert (stretch in found, len(found)) == (True, empty + 1)
    assert stretch not in await gaps(desk, year=2022)
    assert stretch not in await gaps(desk, year=2026)


async def test_time_between_two_counters_is_a_gap(desk: Any) -> None:
    await ready(desk)
    await desk.post(
        desk.register("a", hour(0), "100"),
        desk.register("b", hour(10), "150", exchange="final"),
        desk.register("c", hour(14), "0", exchange="initial"),
        desk.register("d", hour(20), "5", exchange="final"),
        desk.register("e", hour(20), "900", exchange="initial"),
        desk.register("f", "2022-06-10T00:00:00+08:00", "950"),
    )
    found = [gap for gap in await gaps(desk, year=2022) if gap[0] == "r1"]
    assert [gap[1:] for gap in found if gap[1] == "exchange"] == [
        ("exchange", "2022-03-01T10:00", "2022-03-01T14:00")
    ]
    months = [gap[2][:7] for gap in found if gap[1] == "month"]
    assert months == [f"2022-{n:02}" for n in (1, 2, 7, 8, 9, 10, 11, 12)]
    [hours] = [
        gap["hours"]
        for gap in (await desk.get(f"enterprises/{desk.enterprise}/gaps", year=2022))["items"]
        if gap["kind"] == "exchange"
    ]
    assert hours == "4"


async def test_a_month_that_ends_with_the_first_reading_of_a_counter_is_empty(desk: Any) -> None:
    await ready(desk)
    await desk.post(
        desk.register("a", "2022-03-01T00:00:00+08:00", "1"),
        desk.register("b", "2022-05-01T00:00:00+08:00", "9", exchange="final"),
        desk.register("c", "2022-07-01T00:00:00+08:00", "1", exchange="initial"),
        desk.register("d", "2023-01-01T00:00:00+08:00", "9"),
    )
    found = await gaps(desk, year=2022)
    months = [gap[2][:7] for gap in found if gap[0] == "r1" and gap[1] == "month"]
    assert months == ["2022-01", "2022-02", "2022-05", "2022-06"]
    assert (await desk.account(2022))["months_energy"] == 12 - len(months)


async def test_gaps_come_in_pages(desk: Any, monkeypatch: Any) -> None:
    await ready(desk)
    monkeypatch.setattr(api, "METERS_MAX", 1)
    path = f"enterprises/{desk.enterprise}/gaps"
    found: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await desk.get(path, year=2025, limit=5, **cursor)
        assert len(page["items"]) <= 5
        found += [(gap["meter_id"], gap["start"]) for gap in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(found) == len(set(found)) == 24
    assert found == sorted(found)


async def test_a_stretch_and_the_month_that_begins_with_it_come_on_two_pages(desk: Any) -> None:
    """A stretch of months begins when the first of them does, and ends later."""
    await ready(desk)
    await desk.post(
        desk.interval("a", "2025-01-01T00:00:00+08:00", "2025-03-01T00:00:00+08:00", "1"),
        desk.interval("b", "2025-05-01T00:00:00+08:00", "2026-01-01T00:00:00+08:00", "1"),
    )
    path = f"enterprises/{desk.enterprise}/gaps"
    cursor: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    while len(found) < 3:
        page = await desk.get(path, year=2025, limit=1, **cursor)
        found += [(gap["kind"], gap["start"][:7]) for gap in page["items"]]
        cursor = {"cursor": page["next"]}
    assert found == [("interval", "2025-03"), ("month", "2025-03"), ("month", "2025-04")]
