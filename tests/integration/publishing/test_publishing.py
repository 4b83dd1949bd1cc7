"""What is published is in Kafka once, in order per key, or the caller hears of it."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import NewPartitions
from aiokafka.errors import MessageSizeTooLargeError, OutOfOrderSequenceNumber, ProducerClosed
from aiokafka.partitioner import DefaultPartitioner

from shared.events.kafka import HEADERS
from shared.kafka import admin_client, connection_options
from shared.publishing import MESSAGE_BYTES_MAX, Message, Producer, connect
from shared.settings import Settings
from tanzhang import topics
from tests.conftest import EXTERNAL_KAFKA

PARTITIONS = 4
SECONDS_MAX = 60
START_BYTES = 512 * 1024


@pytest.fixture
def kafka_settings(broker: str, topic_prefix: str) -> Settings:
    return Settings(
        kafka_bootstrap_servers=broker,
        kafka_idempotence=bool(EXTERNAL_KAFKA),
        tanzhang_topic_prefix=topic_prefix,
        tanzhang_partitions=PARTITIONS,
    )


@pytest.fixture
async def producer(kafka_settings: Settings) -> AsyncIterator[Producer]:
    await topics.create(kafka_settings)
    made = await connect(kafka_settings)
    yield made
    await made.close()


@pytest.fixture
def topic(kafka_settings: Settings) -> str:
    return kafka_settings.topic("payments")


@asynccontextmanager
async def reading(
    settings: Settings, topic: str, partitions: int
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**connection_options(settings), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, p) for p in range(partitions)])
        yield consumer
    finally:
        await consumer.stop()


async def stored(
    settings: Settings, topic: str, count: int, partitions: int = PARTITIONS
) -> list[ConsumerRecord]:
    """All records of a topic, once there are `count`; and any more that come at once."""
    found: list[ConsumerRecord] = []
    async with reading(settings, topic, partitions) as consumer, asyncio.timeout(SECONDS_MAX):
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
        for records in (await consumer.getmany(timeout_ms=300)).values():
            found += records
    return found


def by_key(records: Sequence[ConsumerRecord]) -> dict[bytes, list[bytes]]:
    """The values of each key in the order of the log."""
    values: dict[bytes, list[bytes]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.partition, r.offset)):
        values[record.key].append(record.value)
    return dict(values)


def numbered(topic: str, keys: int, each: int, filling: bytes = b"") -> list[Message]:
    """Messages of many keys in turn; the value is the message's number of its key."""
    return [
        (topic, b"bank:%d" % key, b"%d" % number + filling)
        for number in range(each)
        for key in range(keys)
    ]


async def test_all_is_there_once_in_order_where_it_belongs(
    producer: Producer, kafka_settings: Settings, topic: str
) -> None:
    await producer.publish(numbered(topic, keys=50, each=40))

    records = await stored(kafka_settings, topic, 2000)

    expected = [b"%d" % number for number in range(40)]
    assert by_key(records) == {b"bank:%d" % key: expected for key in range(50)}
    choose, all_partitions = DefaultPartitioner(), list(range(PARTITIONS))
    assert all(r.partition == choose(r.key, all_partitions, []) for r in records)
    assert {tuple(r.headers) for r in records} == {tuple(HEADERS)}


async def test_more_than_a_batch_keeps_its_order(
    producer: Producer, kafka_settings: Settings, topic: str
) -> None:
    filling = random.Random(1).randbytes(10_000)
    await producer.publish(numbered(topic, keys=2, each=200, filling=filling))

    records = await stored(kafka_settings, topic, 400)

    expected = [b"%d" % number + filling for number in range(200)]
    assert by_key(records) == {b"bank:0": expected, b"bank:1": expected}


async def test_calls_one_after_the_other_keep_the_order_of_a_key(
    producer: Producer, kafka_settings: Settings, topic: str
) -> None:
    for number in range(30):
        await producer.publish([(topic, b"bank:1", b"%d" % number)])

    records = await stored(kafka_settings, topic, 30)
    assert by_key(records) == {b"bank:1": [b"%d" % n for n in range(30)]}


async def test_many_small_calls_share_requests(
    producer: Producer, kafka_settings: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, requests = producer._producer.client, 0
    send = client.send

    async def counted(*args: object) -> object:
        nonlocal requests
        requests += 1
        return await send(*args)

    await producer.publish([(topic, b"warm", b"up")])
    monkeypatch.setattr(client, "send", counted)
    calls = [producer.publish([(topic, b"bank:%d" % n, b"x")]) for n in range(1000)]
    await asyncio.gather(*calls)

    assert requests < 20
    assert len(await stored(kafka_settings, topic, 1001)) == 1001


async def test_nothing_is_nothing(producer: Producer) -> None:
    await producer.publish([])


async def test_a_message_too_large_is_refused_with_its_call(
    producer: Producer, kafka_settings: Settings, topic: str
) -> None:
    too_large = b"x" * MESSAGE_BYTES_MAX
    with pytest.raises(MessageSizeTooLargeError):
        await producer.publish([(topic, b"bank:1", b"0"), (topic, b"bank:1", too_large)])

    large = b"x" * (START_BYTES + 1)
    await producer.publish([(topic, b"bank:1", b"1"), (topic, b"bank:1", large)])
    records = await stored(kafka_settings, topic, 2)
    assert by_key(records) == {b"bank:1": [b"1", large]}


async def test_one_call_s_cancellation_is_nobody_else_s(
    producer: Producer, kafka_settings: Settings, topic: str
) -> None:
    messages = numbered(topic, keys=8, each=1)
    calls = [asyncio.create_task(producer.publish(messages)) for _ in range(3)]
    await asyncio.sleep(0)
    calls[1].cancel()
    done = await asyncio.gather(*calls, return_exceptions=True)

    assert done[0] is done[2] is None
    assert isinstance(done[1], asyncio.CancelledError)
    found = by_key(await stored(kafka_settings, topic, 16))
    assert all(2 <= len(values) <= 3 for values in found.values())


async def test_a_broken_producer_fails_every_call(
    producer: Producer, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def out_of_order() -> None:
        raise OutOfOrderSequenceNumber

    monkeypatch.setattr(producer._producer._sender, "_maybe_wait_for_pid", out_of_order)
    for _ in range(2):
        calls = [producer.publish(numbered(topic, keys=8, each=2)) for _ in range(3)]
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in done] == [OutOfOrderSequenceNumber] * 3
    assert not producer._lanes


async def test_the_end_lets_nobody_wait(kafka_settings: Settings, topic: str) -> None:
    await topics.create(kafka_settings)
    producer = await connect(kafka_settings)
    first = asyncio.create_task(producer.publish(numbered(topic, keys=1, each=2)))
    while not producer._producer._message_accumulator._pending_batches:
        await asyncio.sleep(0)
    last = asyncio.create_task(producer.publish(numbered(topic, keys=1, each=2)))
    await asyncio.sleep(0)
    await producer.close()

    await first
    for late in (last, producer.publish(numbered(topic, keys=1, each=1))):
        with pytest.raises(ProducerClosed):
            await late
    assert len(await stored(kafka_settings, topic, 2)) == 2


@pytest.mark.skipif(not EXTERNAL_KAFKA, reason="the embedded broker adds no partitions")
async def test_partitions_may_be_added(
    producer: Producer, kafka_settings: Settings, topic: str
) -> None:
    await producer.publish(numbered(topic, keys=20, each=1))
    admin = admin_client(kafka_settings)
    await admin.start()
    try:
        await admin.create_partitions({topic: NewPartitions(total_count=9)})
    finally:
        await admin.close()
    await producer._producer.client.force_metadata_update()
    async with asyncio.timeout(SECONDS_MAX):
        while len(await producer._producer.partitions_for(topic)) < 9:
            await producer._producer.client.force_metadata_update()
    await producer.publish(numbered(topic, keys=20, each=2))

    found = by_key(await stored(kafka_settings, topic, 60, partitions=9))
    assert all(sorted(values) == [b"0", b"0", b"1"] for values in found.values())
