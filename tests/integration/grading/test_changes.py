"""Whatever happens in whatever order, a change is announced exactly when the label changes."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from shared.events.envelope import Event
from shared.events.types import LabelChanged

Enterprise = Callable[..., Event]
Grading = Any  # the fixture of conftest.py
IDS = ("one", "two", "three")
BENCHMARKS = "/v1/benchmarks/1495/2020"


async def states(grading: Grading, enterprise: Enterprise, random: Random, n: int) -> None:
    """Three states in one batch; some are older than what is known, some say the same."""
    batch = [
        enterprise(
            random.choice(IDS),
            sequence=30 + n * 10 + k - random.choice([0, 0, 25]),
            year=random.choice([2019, 2020, 2021]),
            total_t=random.choice([9000, 13875, 17000, 90000]),
            months_energy=random.choice([12, 12, 12, 3]),
            value_added_1e4cny=random.choice([0, 900, 5000]),
        )
        for k in range(3)
    ]
    await grading.post(*batch)


async def benchmark(grading: Grading, enterprise: Enterprise, random: Random, n: int) -> None:
    kind, value = random.choice(["norm", "published"]), random.choice(["0.1", "0.12", "0.5"])
    await grading.put(random.choice([2018, 2020]), benchmark=value, kind=kind)


async def computed(grading: Grading, enterprise: Enterprise, random: Random, n: int) -> None:
    await grading.http.post(f"{BENCHMARKS}/compute?product=xylitol")
    await grading.http.delete(f"{BENCHMARKS}?product=xylitol&kind=norm")


async def time(grading: Grading, enterprise: Enterprise, random: Random, n: int) -> None:
    grading.time.now += timedelta(days=random.choice([1, 40, 200, 200, -1]))
    await grading.tick()


async def appeal(grading: Grading, enterprise: Enterprise, random: Random, n: int) -> None:
    url = f"/v1/labels/industrial/{random.choice(IDS)}/appeals"
    filed = await grading.http.post(url, json={"reason": "x"})
    if filed.status_code == 201 and random.random() < 0.7:
        body = {"decision": random.choice(["upheld", "reopened"]), "note": "x"}
        await grading.http.post(f"/v1/appeals/{filed.json()['id']}/decision", json=body)


async def at_once(grading: Grading, enterprise: Enterprise, random: Random, n: int) -> None:
    state = enterprise(random.choice(IDS), sequence=35 + n * 10, total_t=random.choice([90, 20000]))
    await asyncio.gather(
        grading.put(2019, benchmark=random.choice(["0.1", "0.3"])),
        grading.post(state),
        grading.http.post("/v1/region/means/2020"),
    )


STEPS = (states, states, states, benchmark, computed, time, appeal, at_once)


@pytest.mark.parametrize("seed", range(6))
async def test_a_change_is_announced_exactly_when_the_label_changes(
    grading: Grading, enterprise: Enterprise, seed: int
) -> None:
    random = Random(seed)
    for n in range(40):
        await random.choice(STEPS)(grading, enterprise, random, n)
    await grading.tick()
    assert await grading.findings() == []
    last: dict[tuple[str, int], LabelChanged] = {}
    newest: dict[str, LabelChanged] = {}
    for event in await grading.sent():
        data = event.data
        assert isinstance(data, LabelChanged)
        before = last.get((event.subject, data.year))
        assert data.previous == (before.label if before else None)
        if before is not None and before.label == data.label:
            if data.expired:  # told once
                assert not before.expired and before.valid_until == data.valid_until
            else:  # renewed by new data, by a clock that may be behind
                assert before.valid_until is not None
                assert before.expired or before.valid_until <= event.time
        if data.expired:
            assert data.valid_until is not None and data.policy["id"].endswith(("ungraded", "red"))
        if data.current.year == data.year:
            assert data.current.expired == data.expired
        after = newest.get(event.subject)
        assert data.sequence == (after.sequence if after else 0) + 1
        last[event.subject, data.year] = newest[event.subject] = data
    for (subject, year), data in last.items():
        url = f"/v1/labels/{subject.replace(':', '/')}"
        shown = (await grading.http.get(f"{url}?year={year}")).json()
        assert shown["label"] == data.label and bool(data.expired) >= shown["expired"]
        standing, current = (await grading.http.get(url)).json(), newest[subject].current
        assert (current.year, current.label) == (standing["year"], standing["label"])
