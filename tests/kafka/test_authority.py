"""Kafka has another authority: who operates it renews that, and the file that clients are given."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.city import City, visiting
from tests.e2e.events import Author
from tests.e2e.up import Up
from tests.kafka import security
from tests.kafka.cluster import Cluster
from tests.kafka.security import Security

# A client hears nothing for 25 to 60 s before it connects anew, and three do one after the other.
SECONDS_MAX = 300


@pytest.fixture
def up(stack_directory: Path, environment: dict[str, str]) -> Iterator[Up]:
    running = Up(stack_directory / "renewed", environment=environment)
    running.start()
    yield running
    running.kill()


async def test_a_renewed_authority_is_trusted_without_a_restart(
    up: Up, author: Author, secured: Cluster, secrets: Security
) -> None:
    async with visiting(up) as city:
        await city.send(author.payment())
        await city.shows(lambda: city.points(author.person()), balance="23.096")

    secured.kill(1)
    again = security.make(secrets.ca.parent, secrets.users)
    assert (again.ca, again.server) == (secrets.ca, secrets.server)
    secured.start(1)

    async with visiting(up) as city:
        await until(lambda: open_again(city))
        await city.send(author.payment({"time": "2022-06-24T08:41:00+08:00"}))
        await until(lambda: has(city, author, "46.192"))
    assert up.process is not None
    assert up.process.poll() is None


async def open_again(city: City) -> bool:
    return (await city.ask("ingest", "/readyz")).status_code == 200


async def has(city: City, author: Author, points: str) -> bool:
    return (await city.points(author.person())).get("balance") == points


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
