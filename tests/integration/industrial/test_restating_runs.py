"""Runs of restatement: what they choose, leave alone, survive and work beside."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.industrial.closing import YearError, close
from shared.units.calendar import CITY
from tests.integration.industrial.conftest import NOW
from tests.integration.industrial.restated import (
    LATER,
    MARCH,
    OTHER,
    events,
    registered,
    restated,
    told,
)


async def test_of_one_year_and_one_enterprise_only(desk: Any) -> None:
    await registered(desk)
    await desk.register_enterprise(OTHER)
    await desk.register_meter("m2", enterprise_id=OTHER)
    await desk.post(
        desk.interval("a", *MARCH, "1000"),
        desk.interval("old", "2021-03-01T00:00:00Z", "2021-03-02T00:00:00Z", "1000"),
        desk.event("reading", "b", OTHER, kind="interval", start=MARCH[0], end=MARCH[1],
                   value="2000", meter_id="m2", unit="kWh", quality="actual"),
    )  # fmt: skip
    for id, owner in (("m1", desk.enterprise), ("m2", OTHER)):
        await desk.register_meter(id, enterprise_id=owner, multiplier="2", valid_from="1900-01-01")
    [one] = await restated(desk, enterprise=desk.enterprise, year=2022)
    assert (one.subject, list(one.years)) == (desk.enterprise, [2022])
    assert {o.subject: list(o.years) for o in await restated(desk)} == {
        desk.enterprise: [2021],
        OTHER: [2022],
    }
    with pytest.raises(YearError, match="'nobody' has no account"):
        await restated(desk, enterprise="nobody")


async def test_a_closed_year_is_restated_for_a_reason_only_and_stays_closed(desk: Any) -> None:
    await registered(desk)
    await desk.post(*events(desk))
    await close(desk.app.state.pool, 2021, None, "auditor", NOW, CITY)
    await desk.register_meter("m1", multiplier="2", valid_from="1900-01-01")
    before = await desk.account(2021)
    with pytest.raises(YearError, match="2021 is closed; expected --reopen with a --reason"):
        await restated(desk, year=2021)
    with pytest.raises(YearError, match="expected a reason"):
        await restated(desk, reopened=True)
    [shown] = await restated(desk, year=2021, dry_run=True)
    assert set(shown.years) == {2021, 2022}

    [shown] = await restated(desk, year=2022, dry_run=True)
    assert (set(shown.years), shown.left) == ({2022}, 1)
    [open_years] = await restated(desk)
    assert (set(open_years.years), open_years.left) == ({2022}, 1)
    assert await desk.account(2021) == before
    [rest] = await restated(desk, reopened=True, reason="the CT was 2:1")
    assert set(rest.years) == {2021, 2022}
    assert rest.years[2021].after_mg > rest.years[2021].before_mg
    assert await restated(desk, reopened=True, reason="again") == []
    path = f"enterprises/{desk.enterprise}/restatements"
    rows = (await desk.get(path, limit=1))["items"], (await desk.get(path))["items"]
    assert [(r["year"], r["closed"], r["reason"]) for r in rows[1]] == [
        (2021, True, "the CT was 2:1"), (2022, False, None), (2022, False, "the CT was 2:1"),
    ]  # fmt: skip
    assert rows[0] == rows[1][:1]
    assert (await desk.get("years"))["items"][0]["closed"]
    assert await desk.audit() == []


async def test_what_cannot_be_computed_any_more_stays_and_is_named(desk: Any) -> None:
    await registered(desk)
    await desk.post(*events(desk))
    await desk.register_meter("r1", valid_from="1900-01-01")  # without its range
    before = await desk.account(2022)
    [one] = await restated(desk)
    assert one.years == {}
    [stays] = one.unchanged
    assert (stays.event_id, stays.reason) == ("r-3", "register_backwards")
    assert "no register_max" in stays.detail
    assert await desk.account(2022) == before
    assert await desk.audit() == []


async def test_an_interrupted_run_is_finished_by_the_next(desk: Any, monkeypatch: Any) -> None:
    await registered(desk)
    await desk.register_enterprise(OTHER)
    await desk.register_meter("m2", enterprise_id=OTHER)
    await desk.post(
        desk.interval("a", *MARCH, "1000"),
        desk.event("reading", "b", OTHER, kind="interval", start=MARCH[0], end=MARCH[1],
                   value="2000", meter_id="m2", unit="kWh", quality="actual"),
    )  # fmt: skip
    for id in (desk.enterprise, OTHER):
        await desk.register_enterprise(id, grid_region="shanghai", valid_from="1900-01-01")
    shown = await restated(desk, dry_run=True)
    assert len(shown) == 2
    states = len(await desk.states())
    poster = desk.app.state.poster
    save, calls = poster.save, []

    async def second_fails(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise ConnectionResetError
        await save(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(poster, "save", second_fails)
        with pytest.raises(ConnectionResetError):
            await restated(desk)
    assert await desk.audit() == []
    assert told(await restated(desk)) == told(shown[1:])
    assert await restated(desk) == []
    assert len(await desk.states()) == states + 2
    assert await desk.audit() == []


async def test_readings_that_arrive_meanwhile_are_posted_beside_it(desk: Any) -> None:
    await registered(desk)
    hours = [f"2022-06-01T{n:02}:00:00Z" for n in range(21)]
    readings = [desk.interval(f"h{n}", *hours[n : n + 2], "1") for n in range(20)]
    await desk.post(*readings[:10])
    await desk.register_meter("m1", multiplier="2", valid_from="1900-01-01")
    await asyncio.gather(restated(desk, page=3), *(desk.post(reading) for reading in readings[10:]))
    assert await restated(desk) == []
    account = await desk.account(2022)
    assert account["energy_t"] == "0.020612"
    assert await desk.audit() == []


async def test_the_registry_says_what_was_known_before_a_correction(desk: Any) -> None:
    clock = desk.app.state
    path, asset = f"enterprises/{desk.enterprise}", f"enterprises/{desk.enterprise}/assets/line"
    await desk.register_enterprise()
    await desk.register_meter("m1", multiplier="40")
    await desk.put(asset, kind="line", name="Line 1")
    clock.clock = lambda: LATER
    await desk.register_enterprise(grid_region="shanghai", valid_from="1900-01-01")
    await desk.register_meter("m1", multiplier="80", valid_from="1900-01-01")
    await desk.put(asset, kind="line", name="Line I", valid_from="1900-01-01")
    await desk.register_meter("m1", multiplier="90", valid_from="2022-01-01")

    then = {"known": NOW.isoformat(), "on": "2022-03-01"}
    assert (await desk.get(path))["grid_region"] == "shanghai"
    assert (await desk.get(path, **then))["grid_region"] == "zhejiang"
    assert (await desk.get("meters/m1", on="2021-01-01"))["multiplier"] == "80"
    assert (await desk.get("meters/m1", on="2022-03-01"))["multiplier"] == "90"
    assert (await desk.get("meters/m1", **then))["multiplier"] == "40"
    assert (await desk.get(asset, **then))["name"] == "Line 1"
    at_last = {"known": LATER.isoformat(), "on": "2022-03-01"}
    assert (await desk.get("meters/m1", **at_last))["multiplier"] == "90"
    assert len((await desk.get("meters/m1", **at_last))["versions"]) == 2
    before_all = (NOW - timedelta(days=1)).isoformat()
    assert (await desk.http.get("/v1/meters/m1", params={"known": before_all})).status_code == 404
    clock.clock = lambda: LATER + timedelta(hours=1)
    await desk.register_meter("m1", unit="MWh", multiplier="90", valid_from="2022-01-01")
    was, now = await desk.get("meters/m1", **at_last), await desk.get("meters/m1")
    assert {v["unit"] for v in was["versions"]} == {"kWh"}
    assert {v["unit"] for v in now["versions"]} == {"MWh"}

    wrong = await desk.http.get(f"/v1/{path}", params={"known": "2022-01-01T00:00:00"})
    assert wrong.status_code == 422
    assert "with its offset" in wrong.text
