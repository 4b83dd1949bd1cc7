"""What the clock announces of a label whose time is over, and what others do about it meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.grading import expiry, rebuild, replay
from shared.events.envelope import Event, Outgoing
from shared.events.ids import state_id
from shared.events.types import LabelChanged

Enterprise = Callable[..., Event]
Grading = Any  # the fixture of conftest.py
ID = "91330800704206161W"
SUBJECT = f"industrial:{ID}"
URL = f"/v1/labels/industrial/{ID}"
OVER = datetime(2022, 6, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SENTENCES = {
    "en": " It expired on 2022-06-15; new data of 2020 decide it anew.",
    "zh": "该标签已于2022-06-15到期，收到2020年的新数据后重新评定。",
}


async def told(grading: Grading, since: int = 0) -> list[LabelChanged]:
    """What has been announced, but for the first ones."""
    sent = [event.data for event in await grading.sent()]
    assert all(isinstance(data, LabelChanged) for data in sent)
    return sent[since:]


async def expire(grading: Grading) -> None:
    """The clock's work alone, whoever else leads."""
    state = grading.app.state
    rules, zone = state.regrader.rules, state.regrader.zone
    async with state.pool.acquire() as connection, connection.transaction():
        await expiry.tick(connection, state.poster, grading.time.now, rules=rules, zone=zone)


async def again(grading: Grading, since: datetime) -> list[Outgoing]:
    """The events that are told again, as for a broker that has lost them."""
    state = grading.app.state
    async with state.pool.acquire() as connection, connection.transaction():
        locked = (await state.poster.lock(connection, [SUBJECT])).values()
        return [
            outgoing
            async for lot in replay.announced_since(connection, list(locked), since, OVER)
            for outgoing in lot
        ]


async def test_an_expired_label_is_announced_once(grading: Grading, enterprise: Enterprise) -> None:
    await grading.put()
    await grading.post(enterprise())
    before = await grading.label()
    for now in (
        OVER - SECOND,
        OVER,
        OVER,
        OVER + timedelta(days=1),
        OVER - timedelta(days=1),
        OVER,
    ):
        grading.time.now = now
        await grading.tick()
    first, change = await told(grading)
    assert (change.label, change.previous, change.sequence) == ("light_green", "light_green", 2)
    assert (change.valid_until, change.expired, change.current.expired) == (OVER, True, True)
    assert (first.policy["id"], change.policy["id"]) == (
        "industrial.light_green",
        "industrial.ungraded",
    )
    assert change.reason == {word: first.reason[word] + SENTENCES[word] for word in SENTENCES}
    assert (change.ratio, change.benchmark_version) == (first.ratio, first.benchmark_version)
    assert await grading.label() == before | {"expired": True}
    latest, _ = (await grading.http.get(f"{URL}/history")).json()["items"]
    assert (latest["n"], latest["cause"], latest["expired"]) == (2, "expiry:2022-06-15", True)
    assert latest["decided_at"] == "2022-06-15T00:00:00Z"
    assert await grading.findings() == []
    sent = (await grading.sent())[1]
    assert sent.id == state_id("label-changes", SUBJECT, 2020, 1, 2)
    [repeated] = await again(grading, OVER)
    assert (repeated.id, repeated.data, repeated.time) == (sent.id, sent.data, sent.time)


async def test_new_data_renew_what_was_announced_as_expired(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise())
    grading.time.now = OVER
    await grading.tick()
    # By a clock that is behind the one that has announced it.
    grading.time.now = OVER - SECOND
    await grading.post(enterprise(sequence=2, total_t=Decimal(13876)))
    [change] = await told(grading, 2)
    assert (change.label, change.previous, change.expired) == ("light_green", "light_green", None)
    assert (change.policy["id"], change.current.expired) == ("industrial.light_green", None)
    renewed = datetime(2023, 6, 14, 23, 59, 59, tzinfo=UTC)
    assert change.valid_until == renewed
    grading.time.now = renewed
    await grading.tick()
    [expired] = await told(grading, 3)
    assert (expired.sequence, expired.expired, expired.valid_until) == (4, True, renewed)
    assert await grading.findings() == []


async def test_another_word_by_a_benchmark_leaves_a_label_expired(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put()
    await grading.post(enterprise())
    grading.time.now = OVER + timedelta(days=3)
    await grading.put(benchmark="0.05")
    await grading.tick()
    [change] = await told(grading, 1)
    assert (change.previous, change.label, change.expired) == ("light_green", "red", True)
    assert change.valid_until == OVER and change.reason["en"].endswith(SENTENCES["en"])
    # A red label grants less than none.
    assert change.policy["id"] == "industrial.red"
    label = await grading.label()
    assert (label["expired"], label["decided_at"]) == (True, "2022-06-18T00:00:00Z")
    assert await grading.findings() == []


async def test_an_earlier_year_expires_beside_the_current_one_and_keeps_its_marks(
    grading: Grading, enterprise: Enterprise
) -> None:
    await grading.put(2019)
    await grading.post(enterprise(year=2019))
    appeal = await grading.http.post(f"{URL}/appeals", json={"reason": "x", "year": 2019})
    grading.time.now += timedelta(days=30)
    await grading.post(enterprise())
    grading.time.now = OVER
    await grading.tick()
    change = (await told(grading))[-1]
    assert (change.year, change.expired) == (2019, True)
    assert (change.current.year, change.current.expired) == (2020, None)
    label = (await grading.http.get(f"{URL}?year=2019")).json()
    assert (label["contested"], label["expired"]) == (True, True)
    latest, first = (await grading.http.get(f"{URL}/history?limit=3")).json()["items"][1:]
    assert [x["id"] for x in first["appeals"]] == [appeal.json()["id"]] and not latest["appeals"]
    assert await grading.findings() == []


async def test_expired_labels_are_announced_in_lots_the_oldest_first(
    grading: Grading, enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "LABELS_PER_TICK", 2)
    await grading.put()
    for n in range(5):
        await grading.post(enterprise(f"works-{n}"))
        grading.time.now += SECOND
    # As after a service that was down.
    grading.time.now = OVER + timedelta(days=60)
    for expected in (2, 4, 5, 5):
        await expire(grading)
        assert len(await told(grading, 5)) == expected
    order = [event.subject for event in (await grading.sent())[5:]]
    assert sorted(order[:2]) == ["industrial:works-0", "industrial:works-1"]
    assert len(set(order)) == 5 and order[4] == "industrial:works-4"


@pytest.mark.parametrize("benchmark", [None, "0.2", "0.2"])
async def test_ticks_new_data_and_benchmarks_at_once(
    grading: Grading, enterprise: Enterprise, benchmark: str | None
) -> None:
    await grading.put()
    await grading.post(*(enterprise(f"works-{n}") for n in range(30)))
    grading.time.now = OVER
    moved = [enterprise(f"works-{n}", sequence=2, total_t=Decimal(13876)) for n in range(0, 30, 3)]
    await asyncio.gather(
        expire(grading),
        *(grading.post(*moved[at : at + 4]) for at in range(0, 10, 4)),
        expire(grading),
        *([grading.put(benchmark=benchmark)] if benchmark else []),
        grading.tick(),
    )
    await grading.tick()
    assert await grading.findings() == []
    last: dict[str, LabelChanged] = {}
    for event in await grading.sent():
        data, before = event.data, last.get(event.subject)
        # Once, or once more with another word.
        assert not (before and before.expired and data.expired and before.label == data.label)
        last[event.subject] = data
    for n in range(30):
        data = last[f"industrial:works-{n}"]
        assert data.label == ("deep_green" if benchmark else "light_green")
        assert data.expired is (True if n % 3 else None)


async def test_a_rebuild_tells_what_was_announced_as_expired_and_no_more(
    grading: Grading, enterprise: Enterprise
) -> None:
    names = [SUBJECT, "industrial:works-1", "industrial:works-2"]
    decided = grading.time.now
    await grading.put()
    await grading.post(enterprise())
    grading.time.now += SECOND
    await grading.post(enterprise("works-1"))
    grading.time.now = OVER
    await expire(grading)
    await grading.post(enterprise("works-2"))
    grading.time.now = OVER + SECOND
    state = grading.app.state
    await state.pool.execute("update label set expiry_told = null, n = 1, decided_at = now()")
    async with state.pool.acquire() as connection, connection.transaction():
        locked = (await state.poster.lock(connection, names)).values()
        sent = await rebuild.rebuild(state.settings, connection, list(locked), grading.time.now)
        await state.poster.save(connection, locked, sent, grading.time.now)
    by_name: dict[str, Any] = {outgoing.subject: outgoing.data for outgoing in sent}
    # What was not announced is left to the clock, which says so at its own time.
    assert [by_name[name].expired for name in names] == [True, None, None]
    assert by_name[SUBJECT].policy["id"] == "industrial.ungraded"
    rows = await state.pool.fetch("select decided_at from label order by decided_at")
    assert [row[0] for row in rows] == [decided, decided + SECOND, OVER]
    assert await grading.findings() == []
    count = len(await told(grading))
    for _ in range(2):
        await expire(grading)
    [event] = (await grading.sent())[count:]
    assert (event.subject, event.data.expired) == (names[1], True)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (None, "expiry of 2020"),
        ("update label set expiry_told = null", "last announced label of 2020"),
        ("delete from label_history where n = 2", "last announced label of 2020"),
        (
            "update label set valid_until = valid_until + interval '1 day'",
            "last announced label of 2020",
        ),
    ],
)
async def test_the_audit_finds_an_expiry_that_was_not_announced(
    grading: Grading, enterprise: Enterprise, change: str | None, found: str
) -> None:
    await grading.put()
    await grading.post(enterprise())
    grading.time.now = OVER + timedelta(hours=1)
    await grading.post(enterprise("works-1", year=2019))
    if change is not None:
        await expire(grading)
        assert await grading.findings() == []
        await grading.app.state.pool.execute(change)
    assert found in {finding.what for finding in await grading.findings()}
