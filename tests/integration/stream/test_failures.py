"""What cannot be posted: poison, too much of it, conflicts, and what waits too long."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from shared.database import Pool
from shared.stream.fence import Fenced
from shared.stream.service import Decision
from shared.stream.tick import Tick
from shared.stream.worker import NotConsuming
from tests.integration.stream import toy
from tests.integration.stream.toy import payment, records


async def letters(pool: Pool) -> dict[str, int]:
    rows = await pool.fetch("select reason, count(*) from dead_letter group by reason")
    return {row[0]: row[1] for row in rows}


async def posted(pool: Pool) -> int:
    count: int = await pool.fetchval("select count(*) from entry")
    return count


async def test_one_poison_event_of_a_batch_is_found_and_the_others_are_posted(
    offline: Any, pool: Pool
) -> None:
    worker = await offline()
    events = [payment(f"p{n}", currency="POISON" if n == 37 else "CNY") for n in range(100)]
    await worker._post(records(events))
    assert await posted(pool) == 99
    [row] = await pool.fetch("select * from dead_letter")
    assert (row["reason"], row["offset"], row["topic"]) == ("unexpected", 37, "payments")
    assert row["raw"] == msgspec.json.encode(events[37])
    assert "UnexpectedError('p37')" in row["detail"]
    assert worker.positions == {TopicPartition("payments", 0): 100}


async def test_too_many_unexpected_failures_in_a_row_stop_the_partition_and_no_other(
    offline: Any, pool: Pool
) -> None:
    worker = await offline(partitions=2, failures_max=5)
    bad = [payment(f"bad{n}", currency="POISON") for n in range(50)]
    good = [payment(f"good{n}") for n in range(10)]
    await worker._post(records(bad) + records(good, partition=1))
    assert worker.stopped == {TopicPartition("payments", 0)}
    assert await letters(pool) == {"unexpected": 5}
    assert await posted(pool) == 10
    assert worker.positions == {
        TopicPartition("payments", 0): 5,
        TopicPartition("payments", 1): 10,
    }
    with pytest.raises(NotConsuming, match="payments/0"):
        worker.check()
    await worker._post(records(bad[5:], start=5))
    assert await letters(pool) == {"unexpected": 5}


async def test_failures_with_good_events_between_them_stop_nothing(
    offline: Any, pool: Pool
) -> None:
    worker = await offline(failures_max=5)
    events = [payment(f"p{n}", currency="CNY" if n % 3 == 0 else "POISON") for n in range(60)]
    await worker._post(records(events))
    assert not worker.stopped
    assert await letters(pool) == {"unexpected": 40}


async def test_refusals_never_stop_a_partition(offline: Any, pool: Pool) -> None:
    worker = await offline(failures_max=5)
    await worker._post(records([payment(f"p{n}", currency="REFUSED") for n in range(60)]))
    assert not worker.stopped
    assert await letters(pool) == {"refused": 60}
    worker.check()


async def test_sums_past_what_is_stored_never_stop_a_partition(offline: Any, pool: Pool) -> None:
    worker = await offline(failures_max=5)
    await pool.execute(
        "alter table entry add doubled bigint generated always as (2 * amount) stored"
    )
    events = [payment(f"p{n}", amount=2 ** (62 + n % 2)) for n in range(20)]
    await worker._post(records([*events, payment("good")]))
    assert not worker.stopped
    assert await letters(pool) == {"out_of_range": 20}
    assert await posted(pool) == 1
    worker.check()


async def test_what_is_no_event_is_a_dead_letter_with_its_place(offline: Any, pool: Pool) -> None:
    worker = await offline()
    batch = records([payment("p0"), payment("p1"), payment("p2"), payment("p3\0")])
    batch[0].value, batch[1].value = b"{", None
    await worker._post(batch)
    assert await posted(pool) == 1
    rows = await pool.fetch('select "offset", reason from dead_letter order by 1')
    assert [row["offset"] for row in rows] == [0, 1, 3]
    assert rows[2]["reason"] == "wrong-format"
    assert not worker.failures


async def test_the_second_of_two_contents_is_a_conflict_wherever_it_comes(
    offline: Any, pool: Pool
) -> None:
    worker = await offline()
    first, second = payment("p", amount=1), payment("p", amount=2)
    await worker._post(records([first, second, first]))
    await worker._post(records([second, first, second], start=3))
    assert await pool.fetchval("select sum(amount) from entry") == 1
    [row] = await pool.fetch("select reason, raw from dead_letter")
    assert (row["reason"], row["raw"]) == ("conflict", msgspec.json.encode(second))


async def test_an_event_that_was_refused_does_not_stand_in_the_way_of_its_correction(
    offline: Any, pool: Pool
) -> None:
    worker = await offline()
    wrong, right = payment("p", currency="REFUSED"), payment("p", amount=5)
    await worker._post(records([wrong, right]))
    assert await pool.fetchval("select sum(amount) from entry") == 5
    assert await letters(pool) == {"refused": 1}


async def test_a_conflict_with_a_parked_event_leaves_the_parked_one(
    offline: Any, pool: Pool
) -> None:
    worker = await offline()
    early = payment("back", amount=0, reverses="p")
    await worker._post(records([early]))
    await worker._post(records([payment("back", amount=7), early], start=1))
    assert await letters(pool) == {"conflict": 1}
    await worker._post(records([payment("p", amount=9)], start=3))
    assert await pool.fetchval("select balance from account") == 0
    assert await posted(pool) == 2
    assert await pool.fetchval("select count(*) from parked") == 0


async def test_a_target_releases_those_that_name_it_and_what_was_refused_releases_nobody(
    offline: Any, pool: Pool
) -> None:
    worker = await offline()
    chain = [payment(f"p{n}", amount=0, reverses=f"p{n - 1}") for n in range(1, 4)]
    await worker._post(records(list(reversed(chain))))
    assert await pool.fetchval("select count(*) from parked") == 3
    await worker._post(records([payment("p0", amount=3)], start=3))
    assert await posted(pool) == 2
    assert await letters(pool) == {"not_reversible": 1}  # p2, which reverses a reversal
    assert await pool.fetchval("select count(*) from parked") == 1


async def test_events_that_name_each_other_are_parked(offline: Any, pool: Pool) -> None:
    worker = await offline()
    ring = [payment("a", reverses="b"), payment("b", reverses="a"), payment("c", reverses="c")]
    await worker._post(records(ring))
    await worker._post(records([payment("d", amount=1)], start=3))
    assert await pool.fetchval("select count(*) from parked") == 3
    assert await posted(pool) == 1


async def test_parking_is_bounded_per_source(offline: Any, pool: Pool) -> None:
    worker = await offline(parked_per_source=3)
    early = [payment(f"r{n}", reverses="late", source=f"urn:{n // 5}") for n in range(10)]
    await worker._post(records(early))
    rows = await pool.fetch("select source, count(*) from parked group by source order by source")
    assert [tuple(row) for row in rows] == [("urn:0", 3), ("urn:1", 3)]
    assert await letters(pool) == {"parking_full": 4}
    await worker._post(records(early, start=10))
    assert await pool.fetchval("select count(*) from parked") == 6


async def test_what_waits_90_days_is_never_released(offline: Any, pool: Pool) -> None:
    worker = await offline()
    await worker._post(records([payment("back", amount=0, reverses="never")]))
    times = [toy.NOW + timedelta(days=90), toy.NOW + timedelta(days=90, seconds=1)]
    told: list[int] = []
    tick = Tick(worker.poster, pool, lambda: times.pop(0), committed=lambda: told.append(1))
    assert await tick.once()
    assert await letters(pool) == {}
    assert await tick.once()
    assert await letters(pool) == {"never_released": 1}
    assert await pool.fetchval("select count(*) from parked") == 0
    assert told
    await worker._post(records([payment("never", amount=4)], start=1))
    assert await pool.fetchval("select balance from account") == 4


async def test_the_tick_has_one_leader_and_the_services_own_work_is_a_transaction(
    offline: Any, pool: Pool
) -> None:
    seen: list[Any] = []

    async def work(connection: Any, poster: Any, now: Any) -> None:
        assert connection.is_in_transaction()
        seen.append(now)

    worker = await offline(service=toy.service(ticks=(work,)))
    tick = Tick(worker.poster, pool, lambda: toy.NOW)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtext('toy'), 2)")
        assert not await tick.once()
    assert await tick.once()
    assert seen == [toy.NOW]


async def test_work_of_the_clock_that_fails_is_shown_as_undone(offline: Any, pool: Pool) -> None:
    """And does not keep the rest from being done."""
    now, done = toy.NOW, list[datetime]()
    away = [False]

    async def fails(*_: Any) -> None:
        if away[0]:
            raise asyncpg.LockNotAvailableError("somebody holds it")

    async def works(connection: Any, poster: Any, at: datetime) -> None:
        done.append(at)

    worker = await offline(service=toy.service(ticks=(fails, works)))
    tick = Tick(worker.poster, pool, lambda: now)

    def last_done() -> float | None:
        return REGISTRY.get_sample_value("tanzhang_tick_timestamp_seconds", {"service": "toy"})

    assert await tick.once()
    assert last_done() == toy.NOW.timestamp()
    now, away[0] = toy.NOW + timedelta(minutes=1), True
    with pytest.raises(asyncpg.LockNotAvailableError):
        await tick.once()
    assert last_done() == toy.NOW.timestamp()
    away[0] = False
    assert await tick.once()
    assert last_done() == now.timestamp()
    assert done == [toy.NOW, now, now]


async def test_a_release_goes_through_more_than_a_batch(offline: Any, pool: Pool) -> None:
    worker = await offline(parked_per_source=2000)
    events = [payment(f"p{n}") for n in range(1005)]

    def decide(batch: Any, state: Any) -> Any:
        if batch.now > toy.NOW:
            return toy.decide(batch, state)
        decision: Decision[Any] = Decision([])
        for event in batch.events:
            decision.park(event, "meter:m1")
        return decision

    worker.poster.service = toy.service(decide=decide)
    await worker._post(records(events))
    assert (await pool.fetchval("select count(*) from parked"), await posted(pool)) == (1005, 0)
    later = toy.NOW + timedelta(days=1)
    async with pool.acquire() as connection, connection.transaction():
        outcome = await worker.poster.release(connection, "bank:account-1", "meter:m1", later)
    assert outcome.posted == 1005
    assert (await pool.fetchval("select count(*) from parked"), await posted(pool)) == (0, 1005)
    assert await pool.fetchval("select balance from account") == 1005


async def test_a_service_without_a_journal_decides_itself_what_is_new(
    offline: Any, pool: Pool
) -> None:
    worker = await offline(service=toy.service(journal=None))
    early = payment("back", amount=0, reverses="late")
    await worker._post(records([early, early]))
    assert await pool.fetchval("select count(*) from parked") == 1
    await worker._post(records([payment("late", amount=8)], start=2))
    assert await posted(pool) == 2
    assert await pool.fetchval("select balance from account") == 0


async def test_an_erasure_in_progress_is_waited_for(
    offline: Any, pool: Pool, eventually: Any
) -> None:
    """The screen sees what was erased while the accounts were locked, and makes none again."""
    erased: list[str] = []

    async def screen(connection: Any, events: Any) -> Any:
        return [event for event in events if event.subject not in erased]

    worker = await offline(service=toy.service(screen=screen))
    await worker._post(records([payment("p0", "bank:gone"), payment("p1", "bank:here")]))
    async with pool.acquire() as connection:
        async with connection.transaction():
            await worker.poster.lock(connection, ["bank:gone"])
            later = [payment("p2", "bank:gone"), payment("p3", "bank:here")]
            posting = asyncio.create_task(worker._post(records(later, start=2)))

            async def waits() -> Any:
                query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                return await pool.fetchval(query)

            await eventually(waits)
            await connection.execute("delete from subject where subject = 'bank:gone'")
            erased.append("bank:gone")
        await posting
    assert await posted(pool) == 3
    assert await pool.fetchval("select array_agg(subject) from subject") == ["bank:here"]


async def test_a_worker_without_a_position_writes_nothing(offline: Any, pool: Pool) -> None:
    worker = await offline()
    worker.positions.clear()
    with pytest.raises(Fenced):
        await worker._post(records([payment("p0")]))
    assert await posted(pool) == 0
    assert await pool.fetchval("select count(*) from subject") == 0
