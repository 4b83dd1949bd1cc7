"""Workers and relays as they run: on the real broker, with servers that come and go."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared import kafka, metrics
from shared.database import Pool, open_pool
from shared.settings import Settings
from shared.stream import group, outbox
from shared.stream.fence import LostPosition, UnknownCluster
from shared.stream.relay import Relay
from shared.stream.worker import NotConsuming
from tanzhang.stack import postgres as embedded_postgres
from tests.integration.stream import toy
from tests.integration.stream.toy import payment


def payments(start: int, count: int) -> list[dict[str, Any]]:
    """Over many accounts, so that every partition has some."""
    return [payment(f"p{n}", f"bank:account-{n % 17}") for n in range(start, start + count)]


async def posted(pool: Pool) -> int:
    count: int = await pool.fetchval("select count(*) from entry")
    return count


def reaches(pool: Pool, count: int) -> Any:
    async def condition() -> bool:
        return await posted(pool) >= count

    return condition


async def balances(pool: Pool) -> int:
    total: int = await pool.fetchval("select sum(balance)::bigint from account")
    return total


async def test_two_workers_share_the_partitions_and_one_leaves(
    stream_settings: Settings,
    new_worker: Any,
    running: Any,
    publish: Any,
    pool: Pool,
    eventually: Any,
) -> None:
    one, two = new_worker(stream_settings), new_worker(stream_settings)
    everything = {TopicPartition(stream_settings.topic("payments"), n) for n in range(4)}

    async def shared() -> bool:
        mine, others = set(one.positions), set(two.positions)
        return len(mine) == len(others) == 2 and mine | others == everything

    async def alone() -> bool:
        return set(two.positions) == everything

    async with running(two):
        async with running(one):
            await publish("payments", payments(0, 300))
            await eventually(shared)
            await publish("payments", payments(300, 300))
            await eventually(reaches(pool, 600))
            assert one.mirror.service == "toy"
        await publish("payments", payments(600, 300))
        await eventually(alone)
        await eventually(reaches(pool, 900))
    assert await posted(pool) == await balances(pool) == 900
    async with pool.acquire() as connection:
        rows = await outbox.waiting(connection, 1000)
    ids = Counter(msgspec.json.decode(value)["id"] for _, _, m in rows for _, value in m)
    assert len(ids) == 900
    assert set(ids.values()) == {1}


async def test_a_relay_that_dies_before_it_removes_sends_the_same_ids_again(
    stream_settings: Settings,
    offline: Any,
    running: Any,
    pool: Pool,
    eventually: Any,
    read_topic: Any,
) -> None:
    worker = await offline()
    await worker._post(toy.records(payments(0, 200)))

    class Killed(Exception):
        pass

    async def die() -> None:
        raise Killed

    stop = asyncio.Event()
    with pytest.raises(Killed):
        await Relay("toy", stream_settings, pool, after_send=die).run(stop)
    assert metrics.OUTBOX_WAITING.labels("toy")._value.get() == 200
    relay = Relay("toy", stream_settings, pool)
    async with running(relay):

        async def removed() -> bool:
            return relay.idle and await pool.fetchval("select count(*) from outbox") == 0

        await eventually(removed)
    assert metrics.OUTBOX_WAITING.labels("toy")._value.get() == 0

    async def sent() -> Any:
        events = await read_topic("personal-reductions")
        return events if len(events) >= 400 else None

    events = await eventually(sent)
    assert set(Counter(event["id"] for event in events).values()) == {2}
    by_account: dict[str, list[int]] = {}
    for event in events:
        by_account.setdefault(event["subject"], []).append(event["data"]["sequence"])
    for sequences in by_account.values():
        once = list(range(1, len(sequences) // 2 + 1))
        assert sequences == once + once


async def test_one_relay_publishes_the_other_waits_and_takes_over(
    stream_settings: Settings, offline: Any, running: Any, pool: Pool, eventually: Any
) -> None:
    worker = await offline()
    published: list[str] = []
    tries: list[str] = []

    class Noted(Relay):
        async def _session(self, stop: asyncio.Event) -> bool:
            tries.append(self.service)
            return await super()._session(stop)

    def relay(name: str) -> Relay:
        async def note() -> None:
            published.append(name)

        return Noted("toy", stream_settings, pool, after_send=note)

    async def empty() -> bool:
        return not await pool.fetchval("select exists (select from outbox)")

    async def post(start: int) -> None:
        await worker._post(toy.records(payments(start, 10), start=start))

    second = relay("second")
    async with AsyncExitStack() as later:
        async with running(relay("first")):
            await post(0)
            await eventually(empty)
            await later.enter_async_context(running(second))
            for start in range(10, 60, 10):
                await post(start)
                second.wake()
                await eventually(empty)
            assert set(published) == {"first"}
            assert len(tries) < 8, "the second spins"
        await post(60)
        await eventually(empty)
        assert published[-1] == "second"


async def test_a_worker_asked_to_stop_while_it_joins_does_so(
    stream_settings: Settings, new_worker: Any
) -> None:
    worker, stop = new_worker(stream_settings), asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(task, 15)
    assert not worker.positions


async def test_a_join_that_is_not_answered_is_hung_up(
    stream_settings: Settings, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker waits for a member that is gone; the embedded one for half a session timeout."""
    monkeypatch.setattr(kafka, "STOP_SECONDS_MAX", 0.2)
    topic = stream_settings.topic("payments")
    options = kafka.consumer_options(stream_settings, "toy")
    gone = AIOKafkaConsumer(topic, **options, group_instance_id="stays a member when it stops")
    await gone.start()
    await gone.stop()
    patient = msgspec.structs.replace(stream_settings, kafka_session_timeout_ms=120_000)
    consumer = AIOKafkaConsumer(topic, **kafka.consumer_options(patient, "toy"))
    stop = asyncio.Event()
    joining = asyncio.create_task(group.join(consumer, stop))

    async def asked() -> bool:
        coordinator = consumer._coordinator
        return coordinator is not None and coordinator.coordinator_id is not None

    await eventually(asked)
    stop.set()
    assert not await joining
    await asyncio.wait_for(kafka.stop(consumer), 10)


async def test_a_cluster_nobody_knows_is_refused_until_it_is_accepted(
    stream_settings: Settings,
    new_worker: Any,
    running: Any,
    publish: Any,
    pool: Pool,
    eventually: Any,
) -> None:
    await pool.execute(
        "insert into consumer_offset (topic, partition, next_offset, cluster) values ($1, 0, 7, 'old')",
        stream_settings.topic("payments"),
    )
    cluster = await kafka.cluster_id(stream_settings)
    refused = f"'old', but this is '{cluster}'; set TANZHANG_ACCEPT_CLUSTER={cluster}"
    with pytest.raises(UnknownCluster, match=refused):
        await new_worker(stream_settings).run(asyncio.Event())
    accepting = msgspec.structs.replace(stream_settings, tanzhang_accept_cluster=cluster)
    await publish("payments", payments(0, 40))
    async with running(new_worker(accepting)):
        await eventually(reaches(pool, 40))
    assert await posted(pool) == 40
    clusters = await pool.fetch("select distinct cluster from consumer_offset")
    assert [row[0] for row in clusters] == [cluster]


async def test_a_position_beyond_the_log_is_refused_until_it_is_accepted(
    stream_settings: Settings,
    new_worker: Any,
    running: Any,
    publish: Any,
    pool: Pool,
    eventually: Any,
) -> None:
    settings = msgspec.structs.replace(stream_settings, tanzhang_check_log_end=True)
    cluster = await kafka.cluster_id(settings)
    await pool.execute(
        "insert into consumer_offset (topic, partition, next_offset, cluster) "
        "select $1, n, 70, $2 from generate_series(0, 3) n",
        settings.topic("payments"),
        cluster,
    )
    refused = f"position 70 lies beyond the log's end 0; set TANZHANG_ACCEPT_CLUSTER={cluster}"
    with pytest.raises(LostPosition, match=refused):
        await new_worker(settings).run(asyncio.Event())
    await publish("payments", payments(0, 40))
    accepting = msgspec.structs.replace(settings, tanzhang_accept_cluster=cluster)
    # In a group of its own: the embedded broker takes seconds to see that a member has left.
    async with running(new_worker(accepting, service=toy.service("toy-again"))):
        await eventually(reaches(pool, 40))
    assert await posted(pool) == 40


async def test_a_consumer_that_stops_fetching_is_found_out(
    stream_settings: Settings, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "STALL_SECONDS", 0)
    for n in range(3):
        await publish("payments", [payment(f"p{n}")])
    topic = stream_settings.topic("payments")
    partitions = [TopicPartition(topic, n) for n in range(4)]
    consumer = AIOKafkaConsumer(**kafka.consumer_options(stream_settings, "toy"))
    await consumer.start()
    try:
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
            consumer.pause(partition)
        detector = group.StallDetector()
        await detector.look(consumer, partitions)
        detector.reset()
        await detector.look(consumer, partitions)
        with pytest.raises(KafkaError, match="stalled"):
            await detector.look(consumer, partitions)
        for partition in partitions:
            consumer.seek(partition, 3)
        await detector.look(consumer, partitions)
        await detector.look(consumer, partitions)
    finally:
        await consumer.stop()


async def test_a_database_that_goes_and_comes_back_is_waited_for(
    stream_settings: Settings,
    new_worker: Any,
    running: Any,
    publish: Any,
    stack_directory: Path,
    eventually: Any,
) -> None:
    directory: Path = stack_directory / "stream-postgres"
    log, options = stack_directory / "stream-postgres.log", embedded_postgres.FOR_TESTS
    server = embedded_postgres.start(directory, log=log, settings=options)
    try:
        await server.create_database("toy")
        await toy.create_schema(server.url("toy"))
        pool = await open_pool(server.url("toy"), "toy", size=4)
        relay = Relay("toy", stream_settings, pool)
        worker = new_worker(stream_settings, committed=relay.wake)
        worker.pool = pool
        async with running(relay), running(worker):
            await publish("payments", payments(0, 100))
            await eventually(reaches(pool, 100))
            await asyncio.to_thread(server.stop)
            await publish("payments", payments(100, 100))

            async def waits() -> bool:
                return worker.waits_for is not None

            await eventually(waits)
            with pytest.raises(NotConsuming):
                worker.check()
            server = embedded_postgres.start(directory, log=log, port=server.port, settings=options)
            await eventually(reaches(pool, 200))
            worker.check()
        assert await posted(pool) == await balances(pool) == 200
        assert await pool.fetchval("select count(*) from outbox") == 0
        await pool.close()
    finally:
        await asyncio.to_thread(server.stop)
