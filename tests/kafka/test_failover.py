"""Three brokers, of which the one that leads is killed while payments are posted."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from shared.settings import from_environment
from tanzhang.demo.place import own_environment
from tests.e2e.city import City, visiting
from tests.e2e.events import Author, Event
from tests.e2e.up import Up
from tests.kafka.cluster import Cluster, leader
from tests.kafka.conftest import Begin

PERSONS, EACH, BATCH = 60, 20, 20
SECONDS_MAX = 60
GRAMS = f"{EACH * 23.096:.3f}"
ENTRIES = "select array[count(*), count(distinct event_key)] from personal.ledger_entry"


@pytest.fixture(scope="module")
def three(begin: Begin) -> Cluster:
    return begin(brokers=3)


@pytest.fixture
def up(stack_directory: Path, three: Cluster) -> Iterator[Up]:
    given = {"KAFKA_BOOTSTRAP_SERVERS": three.bootstrap, "KAFKA_SESSION_TIMEOUT_MS": "6000"}
    given |= {"TANZHANG_REPLICATION": "3", "TANZHANG_PARTITIONS": "3"}
    running = Up(stack_directory / "failover", environment=own_environment(os.environ) | given)
    running.start()
    yield running
    running.kill()


@pytest.fixture
async def city(up: Up) -> AsyncIterator[City]:
    async with visiting(up) as found:
        yield found


async def acknowledged(city: City, batch: list[Event]) -> int:
    """Post until the door has acknowledged all; gives how often it could not."""
    deadline, refused = time.monotonic() + SECONDS_MAX, 0
    while True:
        answer = await city.post(batch)
        if answer.status_code == 202:
            assert answer.json() == {"accepted": len(batch), "rejected": []}
            return refused
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"]
        assert time.monotonic() < deadline, answer.text
        refused += 1
        await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_what_is_acknowledged_is_posted_once(
    city: City, three: Cluster, author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    payments = [
        author.payment({"subject": author.person(n)}) for _ in range(EACH) for n in range(PERSONS)
    ]
    batches = [payments[at : at + BATCH] for at in range(0, len(payments), BATCH)]
    killed = await leader(three, "payments", 0)
    refused = 0
    for n, batch in enumerate(batches):
        if n == len(batches) // 3:
            three.kill(killed)
            lost = time.monotonic()
        refused += await acknowledged(city, batch)
        if n == len(batches) // 3:
            away = time.monotonic() - lost
    assert await leader(three, "payments", 0) != killed

    for n in range(PERSONS):
        person = author.person(n)
        await city.shows(partial(city.personal, person), reduction_g=GRAMS)
        await city.shows(partial(city.points, person), balance=GRAMS)
    await city.settled()
    database = await asyncpg.connect(from_environment(city.state.environment).database("personal"))
    try:
        assert await database.fetchval(ENTRIES) == [len(payments)] * 2
    finally:
        await database.close()
    audit = await asyncio.to_thread(city.up.run, "audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    with capsys.disabled():
        print(f" away for {away:.1f} s, {refused} times refused ", end="")
