"""Without Kafka the door says so and stays bounded; when it comes, the door works."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from services.ingest.publisher import Publisher, Unpublished
from shared.events.envelope import Event, decode
from shared.settings import Settings
from tanzhang import topics
from tanzhang.stack import broker as embedded_broker
from tanzhang.stack.ports import free_port
from tests.integration.ingest.door import SECONDS_MAX, Opener, payment


def kill(broker: embedded_broker.Broker) -> None:
    broker.child.stop([(signal.SIGKILL, SECONDS_MAX)])


def event() -> Event:
    return decode(json.dumps(payment()).encode(), strict=True)


async def connected(settings: Settings, **limits: float) -> Publisher:
    publisher = Publisher(settings, **limits)  # type: ignore[arg-type]
    publisher.start()
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            try:
                await publisher.ready()
                return publisher
            except Unpublished:
                await asyncio.sleep(0.05)


async def test_kafka_comes_later(open_door: Opener, stack_directory: Path) -> None:
    port = free_port()
    address = {"kafka_bootstrap_servers": f"127.0.0.1:{port}", "kafka_idempotence": False}
    async with open_door(ready=False, **address) as door:
        assert (await door.client.get("/livez")).status_code == 200
        assert (await door.client.get("/readyz")).status_code == 503
        away = await door.post(payment())
        assert away.status_code == 503
        assert int(away.headers["retry-after"]) > 0
        assert away.json()["type"] == "urn:tanzhang:problem:unavailable"

        broker = embedded_broker.start(
            stack_directory, log=stack_directory / "later.log", port=port
        )
        try:
            await topics.create(door.settings)
            async with asyncio.timeout(SECONDS_MAX):
                while (await door.post(payment())).status_code != 202:
                    await asyncio.sleep(0.1)
            assert (await door.client.get("/readyz")).status_code == 200
        finally:
            kill(broker)


async def test_kafka_goes(stack_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.publishing.STOP_SECONDS_MAX", 0.5)
    broker = embedded_broker.start(stack_directory, log=stack_directory / "goes.log")
    settings = Settings(
        kafka_bootstrap_servers=broker.bootstrap, kafka_idempotence=False, tanzhang_partitions=2
    )
    await topics.create(settings)
    publisher = await connected(settings, acknowledge_seconds_max=0.5)
    try:
        await publisher.publish([event()])
        producer = publisher._connected()
        kill(broker)
        with pytest.raises(Unpublished, match="in time"):
            await publisher.publish([event()])
        with pytest.raises(Unpublished):
            await publisher.ready()
    finally:
        await publisher.stop()
    assert producer._producer._sender.sender_task.done()


async def test_in_flight_is_bounded(base_settings: Settings) -> None:
    await topics.create(base_settings)
    publisher = await connected(base_settings, events_max=3)
    try:
        with pytest.raises(Unpublished, match="waiting"):
            await publisher.publish([event() for _ in range(4)])
        waits = [asyncio.create_task(publisher.publish([event(), event()])) for _ in range(2)]
        done = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(d) for d in done] == [type(None), Unpublished]
        await publisher.publish([event() for _ in range(3)])
    finally:
        await publisher.stop()


async def test_bytes_in_flight_are_bounded(base_settings: Settings) -> None:
    await topics.create(base_settings)
    publisher = await connected(base_settings, bytes_max=100)
    try:
        with pytest.raises(Unpublished, match="waiting"):
            await publisher.publish([event()])
    finally:
        await publisher.stop()


async def test_a_broken_producer_is_replaced(base_settings: Settings) -> None:
    await topics.create(base_settings)
    publisher = await connected(base_settings)
    try:
        await publisher.publish([event()])
        broken = publisher._connected()
        await broken.close()
        with pytest.raises(Unpublished, match="ProducerClosed"):
            await publisher.publish([event()])
        async with asyncio.timeout(SECONDS_MAX):
            while publisher._producer in (broken, None):
                await asyncio.sleep(0.02)
        await publisher.publish([event()])
    finally:
        await publisher.stop()
