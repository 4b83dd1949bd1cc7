"""States in, labels in the database and over HTTP, changes in the outbox."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.grading.audit import AccountFigures, graded_figures, labels_against_accounts
from shared.database.migrations import check
from shared.events.envelope import Event
from shared.events.ids import state_id
from shared.events.types import LabelChanged

Enterprise = Callable[..., Event]
Farm = Callable[..., Event]
Shuffled = Callable[[Sequence[Event], int], list[list[Event]]]
Grading = Any  # the fixture of conftest.py
ID = "91330800704206161W"
URL = f"/v1/labels/industrial/{ID}"


def changes(events: Sequence[Event]) -> list[LabelChanged]:
    found = [event.data for event in events if isinstance(event.data, LabelChanged)]
    assert len(found) == len(events)
    return found


async def test_tables_and_migrations_agree(migrated_url: str) -> None:
    await check(migrated_url, "grading")


async def test_the_golden_enterprise(grading: Grading, enterprise: Enterprise) -> None:
    await grading.put()
    await grading.post(enterprise())
    label = await grading.label()
    assert (label["label"], label["label_zh"], label["year"]) == ("light_green", "浅绿", 2020)
    assert (label["ratio"], label["intensity"]) == ("0.919914", "0.101190")
    assert (label["benchmark"], label["expired"]) == ("0.11", False)
    assert label["valid_until"] == "2022-06-15T00:00:00Z"
    [sent] = await grading.sent()
    assert sent.subject == f"industrial:{ID}"
    assert sent.id == state_id("label-changes", sent.subject, 2020, 1, 1)
    assert await grading.findings() == []


async def test_a_label_expires_by_the_clock(grading: Grading, enterprise: Enterprise) -> None:
    await grading.put()
    await grading.post(enterprise())
    grading.time.now = datetime(2022, 6, 14, 23, 59, 59, tzinfo=UTC)
    assert (await grading.label())["expired"] is False
    grading.time.now = datetime(2022, 6, 15, tzinfo=UTC)
    assert (await grading.label())["expired"] is True


async def test_a_benchmark_regrades_what_it_holds_for(
    grading: Grading, enterprise: Enterprise
) -> None:
    running = enterprise(year=2021, sequence=2, months_energy=5, months_output=5)
    await grading.post(enterprise(), running, enterprise("other", product="maltitol"))
    assert (await grading.label())["reason"]["code"] == "no_benchmark"
    first = await grading.put()
    # 2021 is the running year at the clock's time and has all its months.
    assert (first["version"], first["labels_changed"]) == ("1", 2)
    assert (await grading.put())["version"] == "1"
    same_label = await grading.put(benchmark="0.1090")
    assert (same_label["version"], same_label["labels_changed"]) == ("2", 0)
    assert (await grading.label())["ratio"] == "0.928353"
    only_2021 = await grading.put(2021, benchmark="0.05")
    assert only_2021["labels_changed"] == 1
    assert (await grading.label())["label"] == "red"
    assert (await grading.http.get(f"{URL}?year=2020")).json()["label"] == "light_green"
    mine = [e for e in await grading.sent() if e.subject.endswith(ID)]
    assert [c.sequence for c in changes(mine)] == list(range(1, len(mine) + 1)) and len(mine) == 5
    history = (await grading.http.get(f"{URL}/history")).json()["items"]
    assert [(h["year"], h["previous"], h["label"]) for h in history] == [
        (2021, "light_green", "red"),
        (2021, "ungraded", "light_green"),
        (2021, None, "ungraded"),
        (2020, "ungraded", "light_green"),
        (2020, None, "ungraded"),
    ]
    assert await grading.findings() == []


async def test_history_is_paged(grading: Grading, enterprise: Enterprise) -> None:
    await grading.post(enterprise())
    await grading.put()
    first = (await grading.http.get(f"{URL}/history?limit=1")).json()
    second = (await grading.http.get(f"{URL}/history?limit=1&cursor={first['next']}")).json()
    assert [i["n"] for i in first["items"] + second["items"]] == [2, 1]
    assert second["next"] is None


async def test_the_label_never_depends_on_order_or_repetition(
    grading: Grading, enterprise: Enterprise, shuffled: Shuffled
) -> None:
    await grading.put(2019)
    totals = ["5000", "9000", "13875.24", "16000", "25000", "14000"]
    for seed in range(12):
        id = f"shuffled-{seed}"
        events = [
            enterprise(id, epoch=1 + n // 3, sequence=n, year=2019 + n % 2, total_t=Decimal(total))
            for n, total in enumerate(totals, 1)
        ]
        for batch in shuffled(events, seed):
            await grading.post(*batch)
        label = await grading.label(id=id)
        # The newest of 2020 is (2, 5): 25000 t; the newest of 2019 is (3, 6).
        assert (label["year"], label["label"]) == (2020, "red")
        year = (await grading.http.get(f"/v1/labels/industrial/{id}?year=2019")).json()
        assert (year["label"], year["ratio"]) == ("light_green", "0.928185")
    assert await grading.findings() == []


async def test_farms_have_three_greens(grading: Grading, farm: Farm) -> None:
    await grading.post(farm(), farm("farm:other", gross_t=Decimal(0)))
    label = await grading.label("agri", "farm:sanyi")
    assert (label["label"], label["ratio"]) == ("deep_green", "1.099108")
    other = await grading.label("agri", "farm:other")
    assert (other["label"], other["reason"]["code"]) == ("ungraded", "gross_not_declared")
    assert other["valid_until"] is None
    assert await grading.findings() == []


@pytest.mark.parametrize(
    "at",
    [
        datetime(2021, 6, 30, 16, tzinfo=UTC),  # 1 July in the city
        datetime(2023, 2, 15, tzinfo=UTC),  # after no tick in all of 2022
    ],
)
async def test_months_gone_by_make_what_was_a_running_year_incomplete(
    grading: Grading, enterprise: Enterprise, at: datetime
) -> None:
    await grading.put()
    await grading.post(enterprise(year=2021, months_energy=5, months_output=5))
    await grading.tick()
    assert (await grading.label())["label"] == "light_green"
    grading.time.now = at
    await grading.tick()
    assert (await grading.label())["reason"]["code"] == "incomplete"
    await grading.tick()
    assert len(await grading.sent()) == 2
    assert await grading.findings() == []


async def test_an_appeal_is_kept(grading: Grading, enterprise: Enterprise) -> None:
    await grading.post(enterprise())
    given = await grading.http.post(f"{URL}/appeals", json={"reason": "the meter was changed"})
    assert given.status_code == 201, given.text
    assert (given.json()["status"], given.json()["label"]) == ("open", "ungraded")
    [kept] = (await grading.http.get(f"{URL}/appeals")).json()["items"]
    assert kept == given.json()
    empty = await grading.http.post(f"{URL}/appeals", json={"reason": ""})
    assert (empty.status_code, empty.json()["errors"][0]["pointer"]) == (422, "/reason")
    unknown = await grading.http.post("/v1/labels/agri/nobody/appeals", json={"reason": "x"})
    assert unknown.status_code == 404


async def test_unknown_accounts_are_not_found(grading: Grading, enterprise: Enterprise) -> None:
    await grading.post(enterprise())
    for path in ("/v1/labels/industrial/nobody", f"{URL}?year=1999", "/v1/labels/agri/x/history"):
        answer = await grading.http.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["type"] == "urn:tanzhang:problem:not-found"
    assert (await grading.http.get("/v1/labels/forest/x")).status_code == 422


@pytest.mark.parametrize("attempt", range(3))
async def test_means_and_states_and_appeals_at_once(
    grading: Grading, enterprise: Enterprise, attempt: int
) -> None:
    await grading.put()
    states = [enterprise(f"at-once-{n}", value_added_1e4cny=100 + n) for n in range(30)]
    await grading.post(*states[:6])
    path = "/v1/labels/industrial/at-once-1/appeals"
    filed = [grading.http.post(path, json={"reason": "x"}) for _ in range(4)]
    taken = [grading.http.post("/v1/region/means/2020") for _ in range(3)]
    posts = [grading.post(state) for state in states[6:]]
    computed = "/v1/benchmarks/1495/2020/compute?product=xylitol"
    work = [*posts[:8], taken[0], filed[0], filed[1], *posts[8:16], taken[1]]
    work += [grading.http.post(computed), filed[2], *posts[16:], filed[3], taken[2]]
    done = await asyncio.gather(*work)
    answers = [answer.status_code for answer in done if answer is not None]
    assert sorted(answers) == [200, 200, 200, 200, 201, 409, 409, 409]
    assert await grading.findings() == []

    [appeal] = (await grading.http.get("/v1/appeals?status=open")).json()["items"]
    body = {"decision": "reopened", "note": "x"}
    path = f"/v1/appeals/{appeal['id']}/decision"
    decided = await asyncio.gather(*(grading.http.post(path, json=body) for _ in range(3)))
    assert sorted(answer.status_code for answer in decided) == [200, 409, 409]
    await grading.http.post("/v1/region/means/2020")
    items = (await grading.http.get("/v1/labels?limit=1000")).json()["items"]
    assert {item["city_mean"]["accounts"] for item in items} == {30}
    assert await grading.findings() == []


@pytest.mark.parametrize("attempt", range(3))
async def test_a_benchmark_and_states_at_once(
    grading: Grading, enterprise: Enterprise, attempt: int
) -> None:
    posts = [grading.post(enterprise(f"at-once-{n}")) for n in range(30)]
    puts = [grading.put(benchmark=f"0.1{n}") for n in range(1, 4)]
    work = [*posts[:15], puts[0], *posts[15:20], puts[1], *posts[20:], puts[2]]
    await asyncio.gather(*work)
    assert await grading.findings() == []
    labels = (await grading.http.get("/v1/labels?limit=1000")).json()["items"]
    assert len(labels) == 30 and len({label["benchmark_version"] for label in labels}) == 1


async def test_the_audit_sees_what_was_tampered_with(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise(), enterprise("two"), enterprise("three"))
    pool = grading.app.state.pool
    two, three = [
        await pool.fetchval("select account from subject where subject = $1", f"industrial:{id}")
        for id in ("two", "three")
    ]
    await pool.execute("update label set label = 'deep_green' where account = $1", two)
    await pool.execute("delete from label_history where account = $1", three)
    found = {(finding.account, finding.what) for finding in await grading.findings()}
    assert found == {
        (two, "label of 2020"),
        (two, "last announced label of 2020"),
        (three, "last announced label of 2020"),
    }


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ('update label set dimensions = dimensions || \'{"regional": "red"}\'', "label of 2020"),
        ("update label set rule_version = 'labels@0'", "rule of 2020"),
        ("update label set contested = true", "contested label of 2020"),
        ("update label set suspended = true", "suspended label of 2020"),
        (
            "insert into city_mean values (2020, 1, 9, 100, 100, now(), 'nobody')",
            "city mean of 2020",
        ),
        (
            "update benchmark set withdrawn = true",
            "benchmark of 2020",
        ),
        (
            "update benchmark set kind = 'city_mean', "
            'basis = \'{"enterprises": 5, "total_t": "12", "output": "100"}\'',
            "benchmark 1495/xylitol/2020#1",
        ),
    ],
)
async def test_the_audit_decides_everything_anew(
    grading: Grading, enterprise: Enterprise, change: str, found: str
) -> None:
    await grading.put()
    await grading.post(enterprise())
    assert await grading.findings() == []
    await grading.app.state.pool.execute(change)
    assert found in {finding.what for finding in await grading.findings()}


async def test_states_are_compared_with_the_accounts_exactly(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.post(enterprise())
    async with grading.app.state.pool.acquire() as connection:
        graded = await graded_figures(connection)
    total, output = Decimal("13875.240"), Decimal(137120)
    right = AccountFigures(f"industrial:{ID}", 2020, 1, 1, total, None, output)
    assert labels_against_accounts([right], graded) == []
    wrong = AccountFigures(f"industrial:{ID}", 2020, 1, 1, Decimal("13875.25"), None, output)
    missing = AccountFigures("agri:x", 2020, 1, 1, Decimal(1), Decimal(2))
    found = labels_against_accounts([wrong, missing], graded)
    assert [(f.what, f.found) for f in found] == [
        (f"industrial:{ID} 2020", "total_t 13875.24, output 137120"),
        ("agri:x 2020", "none"),
    ]
