"""Accounts computed again: after a new factor version, after a corrected registry entry."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.industrial.domain import rates
from shared.methodology import Methodology, methodology
from shared.methodology.files import DATA
from tests.integration.industrial.conftest import NOW
from tests.integration.industrial.restated import (
    LATER,
    MARCH,
    events,
    registered,
    restated,
    standing,
    told,
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
    reports = [e["factor_source"] for e in await desk.entries() if e["factor_set"] == "measured"]
    assert reports == ["measured, report 17", "measured, report 17", "measured, report 17a"]
    assert (await desk.get(path))["evidence"] == "report 17a"
    then = await desk.get(path, known=NOW.isoformat())
    assert (then["evidence"], then["ncv"]) == ("report 17", "22")
    assert await desk.audit() == []
