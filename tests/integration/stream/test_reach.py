"""Events that change accounts besides their own: locked together, in one order."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.database import Connection, OvertakenError, Pool
from shared.events.envelope import Event
from shared.stream import accounts
from shared.stream.poster import Poster
from shared.stream.service import Batch, Decision, waits_for_event
from shared.stream.worker import Worker
from tests.integration.stream import toy
from tests.integration.stream.toy import payment, records

OTHER = "jsrcb:other"
BALANCES = "select subject, balance from subject s join account a on a.number = s.account"
ERASE = "update account set erased = true where number = (select account from subject where subject = $1)"


async def to_other(connection: Connection, events: Sequence[Event]) -> list[str]:
    """Every payment goes to another account too."""
    return [OTHER]


def decide(batch: Batch, state: toy.State) -> Decision[list[toy.Entry]]:
    decision = toy.decide(batch, state)
    for row in decision.rows:
        if OTHER in batch.accounts:
            batch.accounts[OTHER].add(row.amount)
    return decision


def reaching(reach: Callable[..., Any] = to_other) -> Any:
    return toy.service(reach=reach, decide=decide)


async def balances(pool: Pool) -> dict[str, int]:
    return {row[0]: row[1] for row in await pool.fetch(BALANCES)}


@pytest.fixture
async def other(pool: Pool) -> int:
    """The number of the other account, which has no event of its own."""
    async with pool.acquire() as connection, connection.transaction():
        return (await accounts.lock(connection, [OTHER]))[OTHER].number


async def test_an_account_that_is_reached_is_in_the_batch_and_saved(
    offline: Any, pool: Pool, other: int
) -> None:
    worker = await offline(service=reaching())
    await worker._post(records([payment("p", amount=3)]))
    assert (await balances(pool))[OTHER] == 3


async def test_an_account_that_is_not_there_is_not_made(offline: Any, pool: Pool) -> None:
    worker = await offline(service=reaching())
    await worker._post(records([payment("p", amount=3)]))
    assert OTHER not in await balances(pool)


async def test_an_account_that_is_erased_is_not_reached(
    offline: Any, pool: Pool, other: int
) -> None:
    await pool.execute(ERASE, OTHER)
    worker = await offline(service=reaching())
    await worker._post(records([payment("p", amount=3)]))
    assert (await balances(pool))[OTHER] == 0


async def test_workers_that_reach_for_each_others_accounts_never_wait_in_a_ring(
    offline: Any, pool: Pool
) -> None:
    subjects = ["jsrcb:one", "jsrcb:two"]

    async def both(connection: Connection, events: Sequence[Event]) -> list[str]:
        return subjects

    worker: Worker = await offline(partitions=2, service=reaching(both))
    async with pool.acquire() as connection, connection.transaction():
        await accounts.lock(connection, subjects)

    async def rounds(partition: int, subject: str) -> None:
        for n in range(30):
            event = payment(f"p{n}", subject=subject)
            await worker._post(records([event], partition=partition, start=n))

    await asyncio.gather(rounds(0, subjects[0]), rounds(1, subjects[1]))
    assert await pool.fetchval("select count(*) from entry") == 60


async def test_events_that_are_released_reach_as_well(offline: Any, pool: Pool, other: int) -> None:
    seen: list[list[str]] = []

    async def reach(connection: Connection, events: Sequence[Event]) -> list[str]:
        seen.append([event.id for event in events])
        return [OTHER]

    worker = await offline(service=reaching(reach))
    [early] = records([payment("back", amount=0, reverses="p")])
    await worker._post([early])
    poster: Poster[Any, Any] = worker.poster
    parked = await pool.fetchval("select waits_for from parked")
    subject = payment("p")["subject"]
    async with pool.acquire() as connection, connection.transaction():
        await poster.release(connection, subject, parked, datetime(2026, 6, 1, tzinfo=UTC))
    assert seen == [["back"], ["back"]]
    assert parked.startswith(waits_for_event(b""))


async def test_a_worker_that_was_overtaken_rolls_back_and_tries_again(
    offline: Any, pool: Pool, other: int
) -> None:
    tries = []

    async def load(connection: Connection, batch: Batch) -> toy.State:
        tries.append(batch)
        if len(tries) == 1:
            raise OvertakenError("others were faster")
        return await toy.load(connection, batch)

    worker = await offline(service=toy.service(load=load))
    batch = records([payment("p", amount=3)])
    with pytest.raises(OvertakenError):
        await worker._post(batch)
    assert await pool.fetchval("select count(*) from dead_letter") == 0
    await worker._post(batch)
    assert await pool.fetchval("select count(*) from entry") == 1
