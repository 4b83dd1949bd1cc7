"""Everybody at once: the service as a process of its own, asked over TCP."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest

from tanzhang.stack.ports import free_port
from tests.integration.points.desk import Points, reduction

CLIENTS = 50


@pytest.fixture
async def served(points: Points, eventually: Any) -> AsyncIterator[str]:
    """The address of `tanzhang run points` on the same database."""
    port = free_port()
    environment = {
        **os.environ,
        "POINTS_DATABASE_URL": points.settings.database("points"),
        "TANZHANG_AUTH": "off",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tanzhang", "run", "points", "--role", "api", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=address, timeout=60) as http:

        async def ready() -> bool:
            assert process.poll() is None, "the service has ended"
            try:
                return (await http.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready)
    yield address
    process.terminate()
    process.wait(30)


async def buy(address: str, member: str, key: str) -> httpx.Response:
    """A client of its own, with a connection of its own."""
    body = {"account_id": member, "reward_id": "bag"}
    async with httpx.AsyncClient(base_url=address, timeout=60) as http:
        return await http.post("/v1/redemptions", json=body, headers={"idempotency-key": key})


async def test_of_50_clients_that_want_the_last_10_items_exactly_10_get_one(
    points: Points, served: str
) -> None:
    members = [f"jsrcb:token-{n:04}" for n in range(CLIENTS)]
    for member in members:
        await points.credit(member, "100", subject=member)
    await points.offer(stock=10)
    answers = await asyncio.gather(*(buy(served, member, member) for member in members))
    assert [answer.status_code for answer in answers].count(201) == 10
    refusals = {a.json()["type"] for a in answers if a.status_code != 201}
    assert refusals == {"urn:tanzhang:problem:out-of-stock"}
    assert await points.stock() == 0
    balances = [Decimal(await points.balance(member)) for member in members]
    assert sorted(balances) == [80] * 10 + [100] * 40
    await points.holds()


async def test_posting_redeeming_cancelling_and_the_clock_never_wait_in_a_ring(
    points: Points,
) -> None:
    """All on the same accounts and rewards at once, each batch in another order."""
    members = [f"jsrcb:token-{n:04}" for n in range(6)]
    chance = Random(5)
    for reward in ("bag", "cup"):
        await points.offer(reward, points="1", stock=10_000)
    await points.post([reduction(f"first-{m}", "1000", subject=m) for m in members])

    async def batch(n: int) -> None:
        order = chance.sample(members, len(members))
        await points.post([reduction(f"{n}-{m}", "2.5", subject=m) for m in order])

    async def there_and_back(n: int) -> None:
        wanted = {"reward_id": ("bag", "cup")[n % 2], "quantity": 1 + n % 3}
        id = await points.redeemed(f"k{n}", subject=members[n % 6], **wanted)
        assert n % 2 or (await points.cancel(id)).status_code == 200

    work = [batch(n) for n in range(15)] + [there_and_back(n) for n in range(60)]
    chance.shuffle(work)
    await asyncio.gather(*work, points.ticks())
    balances = [Decimal(await points.balance(member)) for member in members]
    spent = sum(1 + n % 3 for n in range(1, 60, 2))
    assert sum(balances) == len(members) * (1000 + 15 * Decimal("2.5")) - spent
    assert await points.stock() + await points.stock("cup") == 20_000 - spent
    await points.ticks()
    await points.holds()


async def test_one_member_asking_from_50_clients_never_has_less_than_nothing(
    points: Points, served: str
) -> None:
    member = "jsrcb:token-0001"
    await points.credit("rich", "199.999", subject=member)
    await points.offer(stock=1000)
    answers = await asyncio.gather(*(buy(served, member, f"k{n}") for n in range(CLIENTS)))
    assert [answer.status_code for answer in answers].count(201) == 9
    assert (await points.balance(member), await points.stock()) == ("19.999", 991)
    await points.holds()
