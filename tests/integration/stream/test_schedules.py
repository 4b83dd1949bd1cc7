"""Whatever happens to workers and batches, the ledger is what the log comes to, once each."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition

from shared.database import Connection, Pool
from shared.events.ids import derived_id, event_key
from shared.settings import Settings
from shared.stream import fence, outbox
from shared.stream.fence import Fenced
from shared.stream.poster import Outcome, Poster
from shared.stream.received import Record, unread
from shared.stream.worker import Worker
from tests.integration.stream import oracle, toy

PARTITIONS = 3
ACCOUNTS = 7
SCHEDULES_PER_TEST = 16
STEPS = 45
CLUSTER = "cluster-1"
TABLES = ("subject", "account", "consumer_offset", "outbox", "dead_letter", "parked", "entry")


class Crash(BaseException):
    """The process is gone."""


class CrashingPoster(Poster[Any, Any]):
    """Dies at the end of its transaction when told to."""

    crash = False

    async def post(self, connection: Connection, events: Any, now: Any) -> Outcome:
        outcome = await super().post(connection, events, now)
        if self.crash:
            raise Crash
        return outcome


class CrashingWorker(Worker):
    """Dies between the commit and taking notice of it when its `dies` is set."""

    dies = False

    def _settle(self, *about: Any) -> None:
        if self.dies:
            raise Crash
        super()._settle(*about)


@dataclass
class World:
    """Partitions of a log, the workers on it, and the database they share."""

    pool: Pool
    random: random.Random
    logs: dict[TopicPartition, list[Record]] = field(default_factory=dict)
    said: list[dict[str, Any]] = field(default_factory=list)
    owners: dict[TopicPartition, CrashingWorker] = field(default_factory=dict)
    zombies: list[tuple[TopicPartition, CrashingWorker]] = field(default_factory=list)
    fenced: int = 0
    crashed: int = 0

    async def begin(self) -> None:
        partitions = [TopicPartition("payments", n) for n in range(PARTITIONS)]
        self.logs = {p: [] for p in partitions}
        async with self.pool.acquire() as connection:
            await connection.execute(f"truncate {', '.join(TABLES)}")
            await fence.begin(connection, CLUSTER, dict.fromkeys(partitions, 0))
        for partition in partitions:
            await self.assign(partition)

    async def assign(self, partition: TopicPartition) -> None:
        """A new worker takes the partition up where the database says."""
        poster = CrashingPoster(toy.service(), parked_per_source=1000)
        worker = CrashingWorker(
            poster, Settings(), self.pool, lambda: toy.NOW, failures_max=10**6, cluster=CLUSTER
        )
        async with self.pool.acquire() as connection:
            worker.positions = await fence.positions(connection, CLUSTER, [partition])
        self.owners[partition] = worker

    def append(self, event: dict[str, Any]) -> None:
        """To the partition of its account; logs have gaps."""
        partition = TopicPartition("payments", int(event["subject"][-1]) % PARTITIONS)
        log = self.logs[partition]
        offset = (log[-1].offset + 1 if log else 0) + self.random.choice([0, 0, 0, 3])
        log.append(toy.record(event, partition.topic, partition.partition, offset))
        self.said.append(event)

    def some(self, partition: TopicPartition) -> list[Record]:
        """A batch from the worker's position on, or from before it."""
        worker, log = self.owners[partition], self.logs[partition]
        if not log:
            return []
        at = worker.positions[partition]
        behind = sum(r.offset < at for r in log)
        start = self.random.choice([behind, behind, self.random.randint(0, behind)])
        fetched = {partition: log[start : start + self.random.randint(1, 12)]}
        return unread(fetched, worker.positions).get(partition, [])


# --- what may happen ---


async def produce(world: World) -> None:
    choose = world.random
    for _ in range(choose.randint(1, 10)):
        subject = f"bank:account-{choose.randint(0, ACCOUNTS - 1)}"
        mine = [e for e in world.said if e["subject"] == subject]
        fresh = f"e{len(world.said)}"
        kind = choose.choice(["new"] * 6 + ["duplicate", "conflict", "reverse", "early", "bad"])
        if kind == "duplicate" and mine:
            world.append(choose.choice(mine))
        elif kind == "conflict" and mine:
            other = choose.choice(["CNY", "REFUSED", "POISON"])
            id = choose.choice(mine)["id"]
            world.append(toy.payment(id, subject, choose.randint(100, 200), currency=other))
        elif kind == "reverse" and mine:
            world.append(toy.payment(fresh, subject, 0, reverses=choose.choice(mine)["id"]))
        elif kind == "early":
            coming = f"e{len(world.said) + choose.randint(0, 25)}"
            world.append(toy.payment(fresh, subject, 0, reverses=coming))
        elif kind == "bad":
            currency = choose.choice(["REFUSED", "POISON"])
            world.append(toy.payment(fresh, subject, 1, currency=currency))
        else:
            world.append(toy.payment(fresh, subject, choose.randint(1, 99)))


async def deliver(world: World) -> None:
    partition = world.random.choice(list(world.logs))
    await world.owners[partition]._post(world.some(partition))


async def deliver_at_once(world: World) -> None:
    work = [world.owners[p]._post(world.some(p)) for p in world.logs]
    await asyncio.gather(*work)


async def crash_before_commit(world: World) -> None:
    partition = world.random.choice(list(world.logs))
    worker = world.owners[partition]
    worker.poster.crash = True  # type: ignore[attr-defined]
    before = await snapshot(world.pool)
    await crashing(world, partition, world.some(partition))
    after = await snapshot(world.pool)
    # Letters of single poison records may have been committed before the crash.
    assert after["entry"] == before["entry"]
    assert after["outbox"] == before["outbox"]


async def crash_after_commit(world: World) -> None:
    partition = world.random.choice(list(world.logs))
    world.owners[partition].dies = True
    await crashing(world, partition, world.some(partition))


async def crashing(world: World, partition: TopicPartition, records: list[Record]) -> None:
    try:
        await world.owners[partition]._post(records)
    except Crash:
        world.crashed += 1
    await world.assign(partition)


async def rebalance(world: World) -> None:
    """The old owner lives on and believes that it owns the partition."""
    partition = world.random.choice(list(world.logs))
    world.zombies.append((partition, world.owners[partition]))
    await world.assign(partition)


async def zombie(world: World) -> None:
    """What was posted since it lost the partition makes every one of its batches fail, whole."""
    for partition, worker in world.zombies:
        at = worker.positions[partition]
        batch = [r for r in world.logs[partition] if r.offset >= at][:20]
        if not batch or at == world.owners[partition].positions[partition]:
            continue
        before = await snapshot(world.pool)
        with pytest.raises(Fenced):
            await worker._post(batch)
        assert await snapshot(world.pool) == before
        world.fenced += 1


ACTIONS: list[Callable[[World], Awaitable[None]]] = [
    *[produce] * 5,
    *[deliver] * 5,
    *[deliver_at_once] * 2,
    crash_before_commit,
    crash_after_commit,
    rebalance,
    zombie,
]


async def run(world: World) -> None:
    await world.begin()
    for _ in range(STEPS):
        await world.random.choice(ACTIONS)(world)
    for partition, log in world.logs.items():
        await world.owners[partition]._post(
            unread({partition: log}, world.owners[partition].positions).get(partition, [])
        )
    await zombie(world)


# --- what must hold ---


async def snapshot(pool: Pool) -> dict[str, list[Any]]:
    return {t: await pool.fetch(f"select * from {t} t order by t::text") for t in TABLES}


async def check(world: World) -> None:
    expected = oracle.fold(world.said)
    await check_ledger(world.pool, expected)
    await check_outbox(world.pool, expected)
    await check_aside(world.pool, expected)
    stored = {
        r[0]: r[1]
        for r in await world.pool.fetch("select partition, next_offset from consumer_offset")
    }
    assert stored == {
        p.partition: log[-1].offset + 1 if log else 0 for p, log in world.logs.items()
    }


async def check_ledger(pool: Pool, expected: dict[str, oracle.Expected]) -> None:
    rows = await pool.fetch(
        "select subject, event_key, amount from entry join subject using (account)"
    )
    found: dict[str, set[tuple[bytes, int]]] = {}
    for subject, key, amount in rows:
        found.setdefault(subject, set()).add((key, amount))
    assert found == {s: e.entries() for s, e in expected.items() if e.amounts}
    balances = await pool.fetch(
        "select subject, balance, sequence from subject join account on number = account"
    )
    assert {b[0]: (b[1], b[2]) for b in balances} == {
        s: (e.balance(), len(e.amounts))
        for s, e in expected.items()
        if s in {b[0] for b in balances}
    }
    assert {s for s, e in expected.items() if e.amounts} <= {b[0] for b in balances}


async def check_outbox(pool: Pool, expected: dict[str, oracle.Expected]) -> None:
    """One message per entry; per key their sequences rise by one."""
    sent: dict[str, list[tuple[str, int]]] = {}
    async with pool.acquire() as connection:
        rows = await outbox.waiting(connection, 10_000)
    for _, topic, messages in rows:
        assert topic == "personal-reductions"
        for key, value in messages:
            event = msgspec.json.decode(value)
            sent.setdefault(key.decode(), []).append((event["id"], event["data"]["sequence"]))
    for subject, numbered in sent.items():
        assert [n for _, n in numbered] == list(range(1, len(numbered) + 1)), subject
        check_order([id for id, _ in numbered], expected[subject])
    assert sent.keys() == {s for s, account in expected.items() if account.amounts}


def check_order(sent: list[str], account: oracle.Expected) -> None:
    """Each posted event's message once, and that of a reversal after that of its payment."""
    ids = {
        id: derived_id(toy.REDUCTION, event_key("urn:bank:toy", id).hex()) for id in account.amounts
    }
    assert sorted(sent) == sorted(ids.values())
    for id, event in account.posted.items():
        named = event["data"].get("reverses")
        assert named is None or sent.index(ids[named]) < sent.index(ids[id])


async def check_aside(pool: Pool, expected: dict[str, oracle.Expected]) -> None:
    letters = await pool.fetch("select reason, raw from dead_letter")
    assert Counter((r[0], r[1]) for r in letters) == Counter(
        (reason, raw) for e in expected.values() for (_, raw), reason in e.dead.items()
    )
    parked = await pool.fetch("select raw from parked")
    assert sorted(r[0] for r in parked) == sorted(
        msgspec.json.encode(event) for e in expected.values() for event in e.parked.values()
    )


@pytest.mark.parametrize("first", range(0, 5 * SCHEDULES_PER_TEST, SCHEDULES_PER_TEST))
async def test_every_schedule_comes_to_what_the_log_says(pool: Pool, first: int) -> None:
    fenced = crashed = 0
    for seed in range(first, first + SCHEDULES_PER_TEST):
        world = World(pool, random.Random(seed))
        try:
            await run(world)
            await check(world)
        except BaseException:
            print(f"seed {seed}")
            raise
        fenced, crashed = fenced + world.fenced, crashed + world.crashed
    assert fenced > 0
    assert crashed > 0
