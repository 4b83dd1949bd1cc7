"""Closed years: what would change one waits until it is opened again."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from services.industrial.closing import Closed, Reopened, YearError, close, reopen
from shared.events.envelope import decode
from shared.units.calendar import CITY
from tests.integration.industrial.conftest import NOW

OTHER = "91330000142927960N"
FEBRUARY = ("2021-02-01T00:00:00+08:00", "2021-02-02T00:00:00+08:00")
MARCH = ("2022-03-01T00:00:00+08:00", "2022-03-02T00:00:00+08:00")
NEW_YEAR = ("2021-12-31T00:00:00+08:00", "2022-01-03T00:00:00+08:00")


async def closed(desk: Any, year: int, reason: str | None = None) -> Closed:
    return await close(desk.app.state.pool, year, reason, "auditor", NOW, CITY)


async def reopened(desk: Any, year: int) -> Reopened:
    state = desk.app.state
    return await reopen(state.pool, state.poster, year, "a late meter", "auditor", NOW)


def early(desk: Any) -> list[dict[str, Any]]:
    return [
        desk.interval("a", *FEBRUARY, "1000"),
        desk.register("r-1", "2021-10-01T00:00:00+08:00", "100"),
        desk.register("r-3", "2022-02-01T00:00:00+08:00", "400"),
        output(desk, "o-21", "2021-01-01", "2022-01-01", "50"),
    ]


def late(desk: Any) -> list[dict[str, Any]]:
    """What touches 2021 in one way or another, and what does not."""
    return [
        desk.interval("over", *NEW_YEAR, "30"),
        desk.interval("corrected", *FEBRUARY, "900", replaces="a"),
        desk.interval("moved", *MARCH, "1"),
        desk.register("r-2", "2021-12-01T00:00:00+08:00", "300"),
        desk.register("r-4", "2022-03-01T00:00:00+08:00", "450"),
        desk.event("activity", "t", activity="direct.co2", start="2021-12-31", end="2022-01-02",
                   quantity="2", unit="t"),
        output(desk, "o-22", "2022-01-01", "2023-01-01", "70"),
        output(desk, "o-21b", "2021-01-01", "2022-01-01", "55", replaces="o-21"),
    ]  # fmt: skip


def output(desk: Any, id: str, start: str, end: str, quantity: str, **more: Any) -> dict[str, Any]:
    data = {"product": "xylitol", "unit": "t", "quantity": quantity} | more
    return desk.event("production", id, start=start, end=end, **data)  # type: ignore[no-any-return]


async def registered(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1")
    await desk.register_meter("r1")


async def test_what_would_change_a_closed_year_waits_and_counts_when_it_is_opened(
    desk: Any,
) -> None:
    await registered(desk)
    await desk.post(*early(desk))
    await desk.post(*late(desk))
    open_all_along = [await desk.account(year) for year in (2021, 2022)]
    await desk.forget()

    await desk.post(*early(desk))
    before = await desk.account(2021)
    assert await closed(desk, 2021, "audited") == Closed(2021, False, 1, _mg(before), 0)
    outcome = await desk.post(*late(desk))
    assert (outcome.posted, outcome.parked) == (3, 5)
    waiting = {"over", "corrected", "r-2", "t", "o-21b"}
    assert await desk.parked() == dict.fromkeys(waiting, "year:2021")
    assert await desk.account(2021) == before
    assert (await desk.post(*late(desk))).duplicates == 8
    again = await closed(desk, 2021)
    assert (again.before, again.waiting) == (True, 5)

    done = await reopened(desk, 2021)
    assert (done.accounts, done.posted, done.parked, done.refused) == (1, 5, 0, 0)
    assert await desk.parked() == {}
    assert [await desk.account(year) for year in (2021, 2022)] == open_all_along
    assert await desk.audit() == []
    with pytest.raises(YearError, match="2021 is not closed"):
        await reopened(desk, 2021)


def _mg(account: Any) -> int:
    return int(Decimal(account["total_t"]).scaleb(9))


async def test_what_waits_for_two_closed_years_waits_for_both(desk: Any) -> None:
    await registered(desk)
    await closed(desk, 2021)
    await closed(desk, 2022)
    await desk.post(desk.interval("over", *NEW_YEAR, "30"))
    assert await desk.parked() == {"over": "year:2021"}
    assert (await reopened(desk, 2021)).parked == 1
    assert await desk.parked() == {"over": "year:2022"}
    await reopened(desk, 2022)
    assert await desk.parked() == {}
    assert len(await desk.entries()) == 2


async def test_what_replaces_an_event_that_waits_is_posted_after_it(desk: Any) -> None:
    await registered(desk)
    await closed(desk, 2021)
    await desk.post(desk.interval("a", *FEBRUARY, "1000"))
    await desk.post(desk.interval("b", *FEBRUARY, "900", replaces="a"))
    assert (await desk.parked())["a"] == "year:2021"
    assert set(await desk.parked()) == {"a", "b"}
    await reopened(desk, 2021)
    assert await desk.parked() == {}
    [standing] = [e for e in await desk.entries() if e["event"]["id"] == "b"]
    assert standing["quantity"] == "900"
    assert await desk.audit() == []


async def test_the_meter_is_registered_after_the_year_was_closed(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.post(desk.interval("a", *FEBRUARY, "1000"))
    await closed(desk, 2021)
    await desk.register_meter("m1")
    assert await desk.parked() == {"a": "year:2021"}
    await reopened(desk, 2021)
    assert (await desk.account(2021))["energy_t"] == "0.5422"


async def test_a_reading_released_after_the_year_was_closed_waits_for_it(desk: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", rate_max="1")
    await desk.post(desk.interval("much", *FEBRUARY, "1000"))
    await closed(desk, 2021)
    [review] = (await desk.get("reviews"))["items"]
    answer = await desk.http.post(f"/v1/reviews/{review['id']}/release", json={"note": "a fair"})
    assert answer.status_code == 200, answer.text
    assert await desk.parked() == {"much": "year:2021"}
    assert (await desk.account(2021))["energy_t"] == "0"
    assert (await reopened(desk, 2021)).posted == 1
    assert (await desk.account(2021))["energy_t"] == "0.5422"
    assert await desk.audit() == []


async def test_a_year_that_is_not_over_cannot_be_closed(desk: Any) -> None:
    for year in (2026, 2027):
        with pytest.raises(YearError, match=f"{year} is not over: expected a year before 2026"):
            await closed(desk, year)


async def test_the_year_begins_in_the_citys_zone(desk: Any) -> None:
    await registered(desk)
    await closed(desk, 2021)
    before, after = "2021-12-31T15:00:00Z", "2021-12-31T16:00:00Z"
    await desk.post(
        desk.interval("old", before, after, "1"),
        desk.interval("new", after, "2021-12-31T17:00:00Z", "1"),
    )
    assert await desk.parked() == {"old": "year:2021"}


async def test_closing_waits_for_what_is_being_posted(desk: Any) -> None:
    await registered(desk)
    event = decode(msgspec.json.encode(desk.interval("a", *FEBRUARY, "1000")), strict=False)
    async with desk.app.state.pool.acquire() as connection:
        async with connection.transaction():
            await desk.app.state.poster.post(connection, [event], NOW)
            closing = asyncio.create_task(closed(desk, 2021))
            await _until_someone_waits(desk)
            later = asyncio.create_task(desk.post(desk.interval("b", *MARCH, "1")))
            done, _ = await asyncio.wait({closing, later}, timeout=0.1)
            assert not done
        assert (await closing).total_mg == 542_200_000
        assert (await later).posted == 1
    await desk.post(desk.interval("c", "2021-02-02T00:00:00Z", "2021-02-03T00:00:00Z", "1"))
    assert await desk.parked() == {"c": "year:2021"}


async def _until_someone_waits(desk: Any) -> None:
    query = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
    async with asyncio.timeout(60):
        while not await desk.app.state.pool.fetchval(query):
            await asyncio.sleep(0.01)


async def test_an_interrupted_opening_goes_on_where_it_stopped(desk: Any, monkeypatch: Any) -> None:
    await registered(desk)
    await desk.register_enterprise(OTHER)
    await desk.register_meter("m2", enterprise_id=OTHER)
    await closed(desk, 2021)
    await desk.post(
        desk.interval("a", *FEBRUARY, "1000"),
        desk.event("reading", "b", OTHER, kind="interval", start=FEBRUARY[0], end=FEBRUARY[1],
                   value="2000", meter_id="m2", unit="kWh", quality="actual"),
    )  # fmt: skip
    assert len(await desk.parked()) == 2
    poster = desk.app.state.poster
    release, calls = poster.release, []

    async def second_fails(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise ConnectionResetError
        return await release(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(poster, "release", second_fails)
        with pytest.raises(ConnectionResetError):
            await reopened(desk, 2021)
    assert len(await desk.parked()) == 1
    done = await reopened(desk, 2021)
    assert (done.before, done.accounts, done.posted) == (True, 1, 1)
    assert await desk.parked() == {}
    [_, again] = (await desk.get("years"))["items"][0]["history"]
    assert again["action"] == "reopened"


async def test_years_are_listed_with_their_history(desk: Any) -> None:
    await registered(desk)
    await desk.post(*early(desk))
    await closed(desk, 2021, "audited")
    await desk.post(desk.interval("over", *NEW_YEAR, "30"))
    [year, other] = (await desk.get("years"))["items"]
    assert (year["year"], year["closed"], year["accounts"], year["waiting"]) == (2021, True, 1, 1)
    assert year["history"] == [
        {"action": "closed", "reason": "audited", "by": "auditor", "at": NOW.isoformat()}
    ]
    assert (other["year"], other["closed"], other["history"]) == (2022, False, [])
    await reopened(desk, 2021)
    [year, _] = (await desk.get("years"))["items"]
    assert (year["closed"], year["waiting"]) == (False, 0)
    assert [one["action"] for one in year["history"]] == ["closed", "reopened"]
    assert year["history"][1]["reason"] == "a late meter"


async def test_what_a_closed_year_tells_of_its_enterprise_stays(desk: Any) -> None:
    """A correction would move its emissions to another sector, and may give it another label."""
    await registered(desk)
    await desk.post(*early(desk))
    await closed(desk, 2021)
    correction = {"sector": "2614", "district": "常山县"}
    answer = await desk.register_enterprise(ok=False, valid_from="2021-06-01", **correction)
    assert answer.status_code == 409
    assert answer.json()["errors"][0] == {
        "pointer": "/sector",
        "detail": "is '1495' in 2021 and stays so, as 2021 is closed: expected a valid_from after "
        "it, or that it is opened",
    }
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/sector", "/district"]
    await desk.register_enterprise(name="华康", valid_from="1900-01-01")
    await desk.register_enterprise(valid_from="2022-01-01", **correction)
    await reopened(desk, 2021)
    await desk.register_enterprise(valid_from="2021-06-01", **correction)
    [state] = [e["data"] for e in (await desk.states())[-2:] if e["data"]["year"] == 2021]
    assert state["sector"] == "2614"
