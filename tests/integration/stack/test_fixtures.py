import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.kafka import connection_options, producer_options
from shared.settings import Settings
from tanzhang import topics


async def test_a_fresh_database_is_empty_and_ours(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert (
            await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'")
            == 0
        )
        assert await connection.fetchval("show server_encoding") == "UTF8"
    finally:
        await connection.close()


async def test_an_event_travels_through_the_broker(settings: Settings) -> None:
    created = await topics.create(settings)
    assert settings.topic("payments") in created.made

    name = settings.topic("payments")
    producer = AIOKafkaProducer(**producer_options(settings))
    await producer.start()
    sent = await producer.send_and_wait(name, b"value", key=b"jsrcb:account-1")
    await producer.stop()

    consumer = AIOKafkaConsumer(name, **connection_options(settings), auto_offset_reset="earliest")
    await consumer.start()
    try:
        record = await consumer.getone()
    finally:
        await consumer.stop()
    assert (record.value, record.key, record.partition) == (
        b"value",
        b"jsrcb:account-1",
        sent.partition,
    )


async def test_topics_are_made_once_and_a_wrong_number_of_partitions_is_told(
    settings: Settings,
) -> None:
    first = await topics.create(settings)
    assert len(first.made) == len(topics.names(settings))

    fewer = msgspec.structs.replace(settings, tanzhang_partitions=3)
    second = await topics.create(fewer)

    assert second.made == []
    assert second.differing == dict.fromkeys(topics.names(settings), 4)
