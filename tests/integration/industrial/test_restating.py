"""Accounts computed again: after a new factor version, after a corrected registry entry."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.industrial.closing import YearError, close
from services.industrial.domain import rates
from services.industrial.domain.restatement import Restatement
from services.industrial.restating import Choice, Restater
from shared.methodology import Methodology, methodology
from shared.methodology.files import DATA
from shared.units.calendar import CITY
from tests.integration.industrial.conftest import NOW

OTHER = "91330000142927960N"
LATER = NOW + timedelta(hours=1)
MARCH = ("2022-03-01T00:00:00+08:00", "2022-03-02T00:00:00+08:00")
NEW_YEAR = ("2021-12-31T00:00:00+08:00", "2022-01-03T00:00:00+08:00")


def events(desk: Any) -> list[dict[str, Any]]:
    """Something of every kind, some of it taken back."""
    return [
        desk.interval("a", *MARCH, "1000"),
        desk.interval("a-estimated", *MARCH, "990", quality="estimated"),
        desk.interval("over", *NEW_YEAR, "100.1"),
        desk.register("r-1", "2021-12-01T00:00:00+08:00", "900"),
        desk.register("r-3", "2022-02-01T00:00:00+08:00", "100"),
        desk.register("r-2", "2022-01-10T00:00:00+08:00", "950"),
        desk.interval("wrong", "2022-05-01T00:00:00Z", "2022-05-02T00:00:00Z", "9"),
        desk.interval("right", "2022-05-01T00:00:00Z", "2022-05-02T00:00:00Z", "8",
                      replaces="wrong"),
        desk.event("activity", "t", activity="direct.co2", start="2022-01-01", end="2022-03-01",
                   quantity="2", unit="t"),
        desk.event("production", "o", product="xylitol", start="2022-01-01", end="2023-01-01",
                   quantity="70", unit="t"),
        desk.event("economy", "v", start="2022-01-01", end="2023-01-01", value_added="5",
                   unit="1e4CNY"),
    ]  # fmt: skip


async def registered(desk: Any, **meter: Any) -> None:
    await desk.register_enterprise()
    await desk.register_meter("m1", **meter)
    await desk.register_meter("r1", register_max="1000")


async def restated(desk: Any, now: Any = LATER, page: int = 2000, **choice: Any) -> Any:
    restater = Restater(desk.app.state.pool, desk.app.state.poster, CITY, page)
    return await restater.run(Choice(by="auditor", **choice), now)


def told(found: list[Restatement]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found]


async def standing(desk: Any) -> list[Any]:
    """What stands, without when and why."""
    when = ("line", "sequence", "posted_at", "reason", "cause", "reverses")
    lines = await desk.entries()
    gone = {(e["event"]["id"], e["reverses"]) for e in lines}
    return sorted(
        (
            {k: v for k, v in e.items() if k not in when}
            for e in lines
            if e["reverses"] is None and (e["event"]["id"], e["line"]) not in gone
        ),
        key=str,
    )


@contextmanager
def figures(found: Methodology) -> Iterator[None]:
    """The rules take other figures for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for room in ("rates", "fuels"):
            patch.setattr(f"services.industrial.domain.{room}.methodology", lambda: found)
        _forget_rates()
        yield
    _forget_rates()


def _forget_rates() -> None:
    rates.meter_rate.cache_clear()
    rates.activity_rate.cache_clear()


Newer = Callable[[str, str], Methodology]


@pytest.fixture
def newer(tmp_path: Path) -> Newer:
    """Figures with version 2 of the grid factors, in which a text is another."""

    def _newer(old: str, new: str) -> Methodology:
        directory = tmp_path / new.replace(" ", "_")
        shutil.copytree(DATA, directory)
        grid = directory / "grid.yaml"
        text = grid.read_text()
        assert (text.count(old), text.count('version: "1"')) == (1, 1)
        grid.write_text(text.replace(old, new).replace('version: "1"', 'version: "2"'))
        return methodology(directory)

    return _newer


async def test_a_new_factor_version_is_posted_in_the_place_of_the_old(
    desk: Any, newer: Newer
) -> None:
    await registered(desk)
    await desk.post(*events(desk))
    before, states = await desk.account(2022), len(await desk.states())
    with figures(newer("year: 2022, value: 0.5153", "year: 2022, value: 0.6")):
        shown = await restated(desk, dry_run=True)
        assert await desk.account(2022) == before
        assert len(await desk.states()) == states
        done = await restated(desk)
        assert told(shown) == told(done)
        assert await restated(desk, LATER + timedelta(hours=1)) == []
        assert await desk.audit() == []
        after, now_standing = await desk.account(2022), await standing(desk)
        await desk.forget()
        await desk.post(*events(desk))
        assert (await desk.account(2022), await standing(desk)) == (after, now_standing)
    [one] = done
    changed = one.years[2022]
    assert (changed.before_mg, changed.after_mg) == tuple(
        int(Decimal(account["total_t"]).scaleb(9)) for account in (before, after)
    )
    # a, right, r-3, and over and r-2, which reach back into 2021.
    assert changed.events == 5
    assert changed.replaced == {"grid@1 grid.zhejiang.2022": 5}
    assert changed.posted == {"grid@2 grid.zhejiang.2022": 5}
    assert one.years[2021].events == 2
    assert one.years[2021].before_mg == one.years[2021].after_mg
    assert {name for name in after["factor_sets"] if name.startswith("grid")} == {"grid@2"}


async def test_both_versions_are_among_the_entries(desk: Any, newer: Newer) -> None:
    await registered(desk)
    await desk.post(desk.interval("a", *MARCH, "1000"))
    with figures(newer("year: 2022, value: 0.5153", "year: 2022, value: 0.6")):
        await restated(desk)
    was, back, new = await desk.entries()
    assert [e["amount_t"] for e in (was, back, new)] == ["0.5153", "-0.5153", "0.6"]
    assert [e["factor_version"] for e in (was, back, new)] == ["1", "1", "2"]
    assert [e["reason"] for e in (was, back, new)] == ["posted", "restated", "restated"]
    assert back["reverses"] == was["line"]
    assert new["cause"]["id"] == "a"
    first, second = [state["data"] for state in await desk.states()]
    assert second["sequence"] == first["sequence"] + 1
    assert Decimal(second["total_t"]) == Decimal("0.6")
    [row] = (await desk.get(f"enterprises/{desk.enterprise}/restatements"))["items"]
    assert row == {
        "year": 2022, "at": LATER.isoformat(), "by": "auditor", "reason": None, "closed": False,
        "events": 1, "before_t": "0.5153", "after_t": "0.6", "difference_t": "0.0847",
        "replaced": {"grid@1 grid.zhejiang.2022": 1},
        "posted": {"grid@2 grid.zhejiang.2022": 1},
    }  # fmt: skip


async def test_an_entry_that_was_taken_back_keeps_the_multiplier_it_had(desk: Any) -> None:
    await registered(desk, multiplier="40")
    await desk.post(desk.interval("a", *MARCH, "10"))
    desk.app.state.clock = lambda: LATER
    await desk.register_meter("m1", multiplier="80", valid_from="1900-01-01")
    await restated(desk, LATER + timedelta(hours=1))
    lines = await desk.entries()
    assert [(e["quantity"], e["multiplier"]) for e in lines] == [
        ("400", "40"), ("-400", "40"), ("800", "80"),
    ]  # fmt: skip
    assert {e["reported"]["value"] for e in lines} == {"10"}


CORRECTIONS = {
    "multiplier": lambda desk: desk.register_meter("m1", multiplier="10", valid_from="1900-01-01"),
    "counter": lambda desk: desk.register_meter(
        "r1", multiplier="0.5", register_max="2000", valid_from="1900-01-01"
    ),
    "asset": lambda desk: desk.register_meter("m1", asset_id="line-1", valid_from="1900-01-01"),
    "asset from a day on": lambda desk: desk.register_meter(
        "m1", asset_id="line-2", valid_from="2022-01-02"
    ),
    "region": lambda desk: desk.register_enterprise(
        grid_region="shanghai", valid_from="1900-01-01"
    ),
}


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("page", [1, 2000])
async def test_a_correction_gives_what_it_would_have_given_before(
    desk: Any, correction: str, page: int
) -> None:
    await registered(desk)
    await desk.post(*events(desk))
    answer = await CORRECTIONS[correction](desk)
    assert answer.status_code == 200, answer.text
    before = [await desk.account(year) for year in (2021, 2022)]
    shown = await restated(desk, page=page, dry_run=True)
    assert [await desk.account(year) for year in (2021, 2022)] == before
    assert told(await restated(desk, page=page)) == told(shown)
    assert await restated(desk, page=page) == []
    assert await desk.audit() == []
    after = [await desk.account(year) for year in (2021, 2022)], await standing(desk)
    await desk.forget()
    await desk.post(*events(desk))
    assert ([await desk.account(year) for year in (2021, 2022)], await standing(desk)) == after


async def test_a_fuel_that_was_measured_afterwards_takes_the_place_of_the_default(
    desk: Any,
) -> None:
    await desk.register_enterprise(sector="3120")
    await desk.register_meter("coal", kind="interval", carrier="raw_coal", unit="t")
    await desk.post(desk.interval("c", *MARCH, "10", meter_id="coal", unit="t"))
    laboratory = {"ncv": "22", "carbon_content": "0.026", "oxidation": "0.98"}
    path = f"enterprises/{desk.enterprise}/fuels/raw_coal"
    put = await desk.put(path, **laboratory, valid_from="2022-01-01", evidence="report 17")
    assert put.status_code == 201, put.text
    [one] = await restated(desk)
    assert (one.years[2022].replaced, one.years[2022].posted) == (
        {"fuels_a@1 fuel.raw_coal": 1}, {"measured@2022-01-01 fuel.raw_coal": 1},
    )  # fmt: skip
    # 10 x 22 x 0.026 x 0.98 x 44/12
    assert one.years[2022].after_mg == 20_553_866_667
    assert (await desk.account(2022))["measured_share"] == "1.000000"

    desk.app.state.clock = lambda: LATER
    corrected = {**laboratory, "ncv": "21"}
    await desk.put(path, **corrected, valid_from="2022-01-01", evidence="report 17a")
    [again] = await restated(desk, LATER + timedelta(hours=1))
    assert again.years[2022].after_mg == round(
        Decimal("210") * Decimal("0.02548") * 44 / 12 * 10**9
    )
    assert (await desk.get(path))["evidence"] == "report 17a"
    then = await desk.get(path, known=NOW.isoformat())
    assert (then["evidence"], then["ncv"]) == ("report 17", "22")
    assert await desk.audit() == []


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
    wrong = await desk.http.get(f"/v1/{path}", params={"known": "2022-01-01T00:00:00"})
    assert wrong.status_code == 422
    assert "timezone" in wrong.text
