"""Accounts and tonnes by colour; labels renewed by new data; rules that have changed."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.grading.domain.rulebook import rulebook
from services.grading.regrading import Regrader
from shared.auth.principal import Principal
from shared.events.envelope import Event
from shared.methodology import methodology
from shared.methodology.files import DATA
from shared.units.calendar import CITY

Enterprise = Callable[..., Event]
Grading = Any  # the fixture of conftest.py
NOTHING = {"accounts": 0, "total_t": "0"}


class Bank:
    """Reads one account only."""

    async def principal(self, token: str) -> Principal:
        return Principal(token, frozenset({"labels:read"}), (), ("a",))


async def test_accounts_and_tonnes_under_each_colour(
    grading: Grading, enterprise: Enterprise, farm: Callable[..., Event]
) -> None:
    await grading.put()
    await grading.post(
        enterprise("a"),
        enterprise("b", total_t="14000.5", district="kecheng"),
        enterprise("c", total_t="90000"),
        enterprise("d", sector="3011"),
        enterprise("e", year=2019),
        farm(),
        farm("farm:other", type="planting", gross_t=Decimal(0)),
    )
    grading.app.state.verifier = Bank()
    grading.http.headers["authorization"] = "Bearer bank"
    answer = await grading.http.get("/v1/region/summary?year=2020")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    firms = found["industrial"]
    assert (firms["accounts"], firms["graded"], firms["share_graded"]) == (4, 3, "0.750000")
    assert firms["total_t"] == "131750.98"
    assert firms["by_label"] == {
        "deep_green": NOTHING,
        "light_green": {"accounts": 2, "total_t": "27875.74"},
        "yellow": NOTHING,
        "red": {"accounts": 1, "total_t": "90000"},
        "ungraded": {"accounts": 1, "total_t": "13875.24"},
    }
    assert sorted(firms["by_sector"]) == ["1495", "3011"]
    assert firms["by_sector"]["3011"]["ungraded"] == {"accounts": 1, "total_t": "13875.24"}
    assert firms["by_district"]["kecheng"]["light_green"] == {"accounts": 1, "total_t": "14000.5"}
    assert firms["by_district"]["kaihua"]["red"] == {"accounts": 1, "total_t": "90000"}
    farms = found["agri"]
    assert (farms["accounts"], farms["graded"]) == (2, 1)
    deep = {"accounts": 1, "neutralised_t": "1099.108", "gross_t": "1000"}
    assert farms["by_label"]["deep_green"] == deep
    assert farms["by_sector"]["breeding"]["deep_green"] == deep
    assert (found["year"], found["city_mean"]) == (2020, None)
    empty = (await grading.http.get("/v1/region/summary")).json()
    assert (empty["year"], empty["industrial"]["share_graded"]) == (2021, None)


async def test_new_data_renew_an_expired_label_and_the_clock_does_not(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise())
    grading.time.now = datetime(2022, 7, 1, tzinfo=UTC)
    await grading.tick()
    assert (await grading.label())["expired"] is True
    await grading.post(enterprise(sequence=2, total_t="13875"))
    label = await grading.label()
    assert (label["expired"], label["valid_until"]) == (False, "2023-07-01T00:00:00Z")
    first, expired, second = await grading.sent()
    assert (first.data.expired, expired.data.expired, second.data.expired) == (None, True, None)
    assert (second.data.previous, second.data.label) == ("light_green", "light_green")
    assert second.data.valid_until == second.data.current.valid_until > first.data.valid_until
    await grading.post(enterprise(sequence=3))
    assert len(await grading.sent()) == 3
    assert await grading.findings() == []


async def test_a_rule_that_has_changed_regrades_what_it_touches(
    grading: Grading, enterprise: Enterprise, tmp_path: Any
) -> None:
    await grading.put()
    await grading.post(enterprise(), enterprise("later", year=2021, sequence=2, output=0))
    await grading.tick()
    directory = shutil.copytree(DATA, tmp_path / "data")
    shipped = (directory / "labels.yaml").read_text(encoding="utf-8")
    tighter = shipped.replace("light_green: 1.00", "light_green: 0.90", 1)
    for old, new in (('version: "1"', 'version: "2"'), ("2015-01-01", "2020-07-01")):
        tighter = tighter.replace(old, new, 1)
    (directory / "labels-2.yaml").write_text(tighter, encoding="utf-8")
    regrader = Regrader(rulebook(methodology(directory)), CITY)
    pool, poster = grading.app.state.pool, grading.app.state.poster
    await grading.put(cuts=None)
    assert (await grading.label())["label"] == "light_green"
    for _ in range(2):
        async with pool.acquire() as connection, connection.transaction():
            await regrader.tick(connection, poster, grading.time.now)
    label = await grading.label()
    assert (label["label"], label["rule_version"]) == ("yellow", "labels@2")
    [*_, last] = (await grading.http.get(f"/v1/labels/industrial/{label['id']}/history")).json()[
        "items"
    ][:1]
    assert (last["cause"], last["previous"]) == ("rule:labels@2", "light_green")


async def test_other_sample_benchmarks_regrade_what_they_touch(
    grading: Grading, enterprise: Enterprise, tmp_path: Any
) -> None:
    await grading.post(enterprise(product="sugar_alcohol"))
    await grading.tick()
    assert (await grading.label())["label"] == "light_green"
    directory = shutil.copytree(DATA, tmp_path / "data")
    samples = directory / "benchmarks.yaml"
    changed = samples.read_text(encoding="utf-8").replace('version: "1"', 'version: "2"', 1)
    changed = changed.replace('benchmark: "0.110"', 'benchmark: "0.050"', 1)
    samples.write_text(changed, encoding="utf-8")
    regrader = Regrader(rulebook(methodology(directory)), CITY)
    state = grading.app.state
    for _ in range(2):
        async with state.pool.acquire() as connection, connection.transaction():
            await regrader.tick(connection, state.poster, grading.time.now)
    label = await grading.label()
    assert (label["label"], label["benchmark"]) == ("red", "0.05")
    assert len(await grading.sent()) == 2


async def test_a_state_told_again_renews_no_label(grading: Grading, enterprise: Enterprise) -> None:
    await grading.put()
    await grading.post(enterprise())
    grading.time.now = datetime(2022, 7, 1, tzinfo=UTC)
    await grading.post(enterprise(epoch=2))
    assert (await grading.label())["expired"] is True
    assert len(await grading.sent()) == 1
    await grading.tick()
    assert await grading.findings() == []


async def test_in_january_the_year_before_stays_the_current_label(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise())
    grading.time.now = datetime(2021, 1, 20, tzinfo=UTC)
    first = {"total_t": 0, "quality": {}, "months_energy": 0, "months_output": 1}
    await grading.post(enterprise(year=2021, sequence=2, **first))
    assert ((await grading.label())["year"], (await grading.label())["label"]) == (
        2020,
        "light_green",
    )
    running = (await grading.http.get("/v1/labels/industrial/91330800704206161W?year=2021")).json()
    assert (running["label"], running["reason"]["code"]) == ("ungraded", "incomplete")
    assert await grading.findings() == []
