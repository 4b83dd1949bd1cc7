"""A database restored from a backup of the middle of the load: the ledgers end as without it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.integration.audit.conftest import ENTERPRISE, FARM, event, payment
from tests.integration.operating.cities import (
    FARM_BODY,
    FARMED,
    MEASURED,
    METER,
    PAID,
    REGISTERED,
)
from tests.integration.operating.conftest import assert_clean
from tests.integration.operating.ledgers import LETTERS, everything, ledger
from tests.integration.operating.stage import Stage
from tests.integration.personal.behaviours import some_events

SUBJECTS = ("jsrcb:token-0101", "icbc:token-0102", "boc:token-0103")

ReadTopic = Callable[[str], Awaitable[list[dict[str, Any]]]]
PERSONS, COMPANIES = ("personal", "points"), ("industrial", "agri", "grading")


def payments(seed: int) -> list[dict[str, Any]]:
    """Caps, reversals, and behaviours that several banks report, in any order."""
    chance = random.Random(seed)
    events = [event for subject in SUBJECTS for event in some_events(chance, subject, 12)]
    chance.shuffle(events)
    return [*PAID, *(msgspec.json.decode(event.raw) for event in events)]


def later(events: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Half of the payments that stand taken back, once the restored service has caught up."""
    chance = random.Random(seed)
    reversed_ = {event["data"].get("reverses") for event in events}
    standing = [e for e in events if "reverses" not in e["data"] and e["id"] not in reversed_]
    return [
        event
        | {"id": f"late-{event['id']}", "time": "2026-03-20T10:00:00+08:00"}
        | {"data": event["data"] | {"channel_ref": None, "reverses": event["id"]}}
        for event in chance.sample(standing, len(standing) // 2)
    ]


async def restore(stage: Stage, service: str, backup: Path) -> None:
    """As an operator does it; the services that it tells run on."""
    await stage.stop(service)
    now = await ledger(stage.database, service)
    await stage.restore(service, backup)
    assert await ledger(stage.database, service) != now
    await stage.rebuild(service)
    await stage.start(service)
    await stage.quiet()


@pytest.mark.parametrize("restored", PERSONS)
async def test_persons_have_what_they_would_have(stage: Stage, restored: str) -> None:
    events = payments(1)
    half = len(events) // 2
    await stage.start(*PERSONS)
    await stage.pour("payments", events[:half], 4)
    backup = stage.backup(restored)
    await stage.pour("payments", events[half:], 8)
    before = await everything(stage.database, PERSONS)
    assert before["letters"]["points"] == []

    await restore(stage, restored, backup)
    assert await everything(stage.database, PERSONS) == before
    await assert_clean(stage, PERSONS)

    await stage.pour("payments", later(events, 1), 2)
    await assert_clean(stage, PERSONS)
    assert await stage.database.fetch(LETTERS.format("points")) == []


async def test_a_backup_can_be_restored_twice(stage: Stage) -> None:
    """What the first life after it had told is lost then too."""
    events = payments(3)
    await stage.start(*PERSONS)
    await stage.pour("payments", events[:30], 2)
    backup = stage.backup("personal")
    await stage.pour("payments", events[30:], 6)
    before = await everything(stage.database, PERSONS)
    await restore(stage, "personal", backup)
    once = later(events, 3)
    await stage.pour("payments", once, 3)
    after = await everything(stage.database, PERSONS)
    await restore(stage, "personal", backup)
    assert await everything(stage.database, PERSONS) == after != before
    await assert_clean(stage, PERSONS)


async def test_who_was_erased_after_the_backup_is_erased_again(stage: Stage) -> None:
    gone, stays = "jsrcb:token-0201", "jsrcb:token-0202"
    old = "2026-03-01T10:00:00+08:00"
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await stage.start(*PERSONS)
    await stage.pour("payments", [payment(f"{who[-4:]}-a", who, old) for who in (gone, stays)], 1)
    backup = stage.backup("personal")
    await stage.pour("payments", [payment(f"{who[-4:]}-b", who, old) for who in (gone, stays)], 1)
    await stage.delete("personal", f"accounts/{gone}")
    await stage.quiet()
    await stage.pour("payments", [payment("new", gone, soon)], 1)
    before = await everything(stage.database, PERSONS)
    assert [row[2] for row in before["personal"] if row[0] == gone] == [23096]

    await restore(stage, "personal", backup)
    assert await everything(stage.database, PERSONS) == before
    await assert_clean(stage, PERSONS)


async def test_a_service_is_rebuilt_while_it_works(stage: Stage) -> None:
    events = payments(4)
    await stage.start(*PERSONS)
    await stage.pour("payments", events[:20], 1)
    pouring = asyncio.create_task(stage.pour("payments", events[20:], 8))
    told = [await stage.rebuild("personal") for _ in range(5)]
    await stage.rebuild("points")
    await pouring
    await stage.quiet()
    assert told == [0] * 5
    await assert_clean(stage, PERSONS)


def after_all() -> list[tuple[str, dict[str, Any]]]:
    """What comes once the restored service has caught up: each changes a state."""
    reading = MEASURED[0]
    used = reading["data"] | {"start": "2025-12-31T00:00:00+08:00", "replaces": "m1-12"}
    used |= {"end": "2026-01-01T00:00:00+08:00", "value": "90000"}
    return [
        ("meter-readings", reading | {"id": "last", "data": used}),
        ("farm-records", straw_of("hill")),
    ]


def straw_of(parcel: str) -> dict[str, Any]:
    record = FARMED[0]
    return event(
        record["type"], parcel, FARM, record["data"] | {"parcel_id": parcel}, record["time"]
    )


def as_consumers_know(labels: Iterable[dict[str, Any]]) -> list[tuple[str, int, str]]:
    """Who ignores what is not newer than what he has."""
    newest: dict[tuple[str, int], dict[str, Any]] = {}
    for told in labels:
        data, key = told["data"], (told["subject"], told["data"]["year"])
        known = newest.get(key, {"epoch": 0, "sequence": 0})
        if (data["epoch"], data["sequence"]) > (known["epoch"], known["sequence"]):
            newest[key] = data
    return sorted((subject, year, data["label"]) for (subject, year), data in newest.items())


@pytest.mark.parametrize("restored", COMPANIES)
async def test_companies_have_what_they_would_have(
    stage: Stage, read_topic: ReadTopic, restored: str
) -> None:
    await stage.start(*COMPANIES)
    await stage.put("industrial", f"enterprises/{ENTERPRISE}", REGISTERED)
    await stage.put("industrial", "meters/m1", METER)
    await stage.put("agri", f"farms/{FARM}", FARM_BODY)
    readings = [e for e in MEASURED if "meter" in e["type"]]
    reports = [e for e in MEASURED if "production" in e["type"]]
    await stage.pour("meter-readings", readings[:4], 2)
    await stage.pour("farm-records", FARMED[:1], 1)
    backup = stage.backup(restored)
    await stage.pour("production-reports", reports, 4)
    await stage.pour("meter-readings", readings[4:], 5)
    farmed = [*FARMED[1:], straw_of("field"), straw_of("bank"), straw_of("brook")]
    await stage.pour("farm-records", farmed, 4)
    before = await everything(stage.database, COMPANIES)

    await restore(stage, restored, backup)
    assert await everything(stage.database, COMPANIES) == before
    await assert_clean(stage, COMPANIES)

    for topic, one in after_all():
        await stage.pour(topic, [one], 1)
    await assert_clean(stage, COMPANIES)
    after = await everything(stage.database, COMPANIES)
    assert after["letters"] == before["letters"]
    assert after["grading"] != before["grading"]
    known = as_consumers_know(await read_topic("label-changes"))
    assert known == [row[:3] for row in after["grading"]]
