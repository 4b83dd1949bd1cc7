"""One kind of fault each, under a small load: a failure names its cause."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from random import Random

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared import kafka
from tests.faults import flow, hooked, injections
from tests.faults.injections import hit_relay
from tests.faults.play import judged
from tests.faults.sender import BATCH_EVENTS, LANES, Sender, sending
from tests.faults.servers import Servers
from tests.faults.stage import Stage, playing
from tests.faults.storm import FAULTS, LONG_FORM, MIX
from tests.faults.table import Tally
from tests.faults.workload import Workload
from tests.kafka.cluster import leader

EVENTS_PER_SECOND = 200
# One way of an event from the door to the end.
PERSONAL = {"ingest": 1, "personal": 2, "points": 1}
SECONDS_MAX = 60

pytestmark = pytest.mark.faults


@pytest.fixture
async def sender(
    real_servers: Servers, request: pytest.FixtureRequest, seed: int
) -> AsyncIterator[Sender]:
    """A sender of payments to a stage of its own."""
    async with playing(real_servers, request.node.name, PERSONAL) as stage:
        yield Sender(stage, Workload(seed, enterprises=0, farms=0))


async def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, f"{what} not within {SECONDS_MAX} s"
        await asyncio.sleep(0.05)


async def acknowledged(sender: Sender, count: int) -> None:
    """Wait until so many more events are acknowledged."""
    wanted = len(sender.acknowledged) + count
    await eventually(lambda: len(sender.acknowledged) >= wanted, f"{wanted} acknowledgements")


async def test_a_worker_that_has_lost_its_partitions_writes_nothing(
    sender: Sender, tally: Tally
) -> None:
    """It stands still with a batch in hand; meanwhile the group gives its partitions away."""
    zombie = sender.stage.of("personal")[1]
    async with sending(sender, EVENTS_PER_SECOND):
        await acknowledged(sender, 500)
        (zombie.directory / hooked.FREEZE_BEFORE_POST).touch()
        await eventually(zombie.stands_still, "a batch for the worker")
        await acknowledged(sender, 500)
    tally.note("freeze a worker with a batch in hand", zombie.name)

    await flow.read(sender.stage, "personal")  # by the other worker, the batch in hand too
    assert zombie.said("fenced") == 0
    zombie.thaw()

    await eventually(lambda: zombie.said("fenced") == 1, "the fence")
    await judged(sender.stage, sender, tally)


async def test_what_was_sent_but_not_removed_is_sent_again_and_counts_once(
    sender: Sender, tally: Tally
) -> None:
    async with sending(sender, EVENTS_PER_SECOND):
        for _ in range(2):
            await acknowledged(sender, 300)
            killed = await hit_relay(sender.stage, "personal", hooked.KILL_AFTER_SEND)
            assert killed, "nothing was sent"
            tally.note("kill the relay after its send", killed)
    await judged(sender.stage, sender, tally)
    sent = await _ids(sender.stage, "personal-reductions")
    assert max(sent.values()) > 1, "the relay had nothing in hand"


@pytest.mark.skipif(FAULTS < LONG_FORM, reason="waits until PostgreSQL ends a silent session")
async def test_a_publisher_that_stands_still_is_replaced(sender: Sender, tally: Tally) -> None:
    """Its connection lives, and with it the lock that makes it the only one."""
    stage = sender.stage
    async with sending(sender, EVENTS_PER_SECOND):
        await acknowledged(sender, 300)
        name = await hit_relay(stage, "personal", hooked.FREEZE_AFTER_SEND)
        assert name, "nothing was sent"
        frozen = stage.processes[name]
        await acknowledged(sender, 300)
    tally.note("freeze a publisher", name)

    tally.seconds["take over"] = await flow.drained(stage)
    assert frozen.stands_still()
    frozen.thaw()

    async with sending(sender, EVENTS_PER_SECOND):
        await acknowledged(sender, 300)
    await judged(stage, sender, tally)


async def test_committed_is_committed_when_the_database_stops_at_once(
    sender: Sender, tally: Tally
) -> None:
    async with sending(sender, EVENTS_PER_SECOND):
        for _ in range(2):
            await acknowledged(sender, 300)
            stopped = await injections.database_stopped(sender.stage, Random(tally.seed))
            tally.note("stop PostgreSQL immediately", str(stopped))
    await judged(sender.stage, sender, tally)


async def test_events_are_taken_while_the_leader_of_their_partition_is_away(
    sender: Sender, tally: Tally
) -> None:
    stage, cluster = sender.stage, sender.stage.servers.cluster
    async with sending(sender, EVENTS_PER_SECOND):
        for partition in range(2):
            await acknowledged(sender, 300)
            id = await leader(cluster, stage.settings.topic("payments"), partition)
            cluster.kill(id)
            tally.note("kill the leader of a payments partition", f"broker {id}")
            try:
                # More than what was under way; batches go to all partitions.
                await acknowledged(sender, 2 * LANES * BATCH_EVENTS)
                assert not cluster.brokers[id].running
            finally:
                await stage.servers.start_broker(id)
    await judged(stage, sender, tally)


async def test_workers_come_and_go_under_load(sender: Sender, tally: Tally) -> None:
    chance = Random(tally.seed)
    async with sending(sender, EVENTS_PER_SECOND):
        for kind in ("remove a worker", "add a worker") * 2:
            await acknowledged(sender, 300)
            changed = await MIX[kind][1](sender.stage, chance)
            assert changed, "there is no worker"
            tally.note(kind, changed)
    await judged(sender.stage, sender, tally)


async def test_clocks_that_jump_change_no_figure(sender: Sender, tally: Tally) -> None:
    chance = Random(tally.seed)
    async with sending(sender, EVENTS_PER_SECOND):
        for _ in range(4):
            await acknowledged(sender, 300)
            tally.note(
                "step a clock by hours", str(await injections.clock_stepped(sender.stage, chance))
            )
    await judged(sender.stage, sender, tally)


def _id(record: "ConsumerRecord[bytes, bytes]") -> str | None:
    """The event's id; None of poison."""
    try:
        return str(msgspec.json.decode(record.value or b"")["id"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return None


async def _ids(stage: Stage, topic: str) -> Counter[str]:
    """How often each event id is in the topic."""
    name, settings = stage.settings.topic(topic), stage.settings
    consumer = AIOKafkaConsumer(**kafka.connection_options(settings), auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(name, n) for n in range(settings.tanzhang_partitions)]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        found: Counter[str] = Counter()
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found.update(filter(None, map(_id, records)))
        return found
    finally:
        await consumer.stop()
