"""The city's numbers: of one process of a service, and of none that cannot know them any more."""

import asyncio
from contextlib import asynccontextmanager
from datetime import datetime
from importlib import import_module
from typing import Any

import pytest
from prometheus_client import REGISTRY, Gauge

from shared import metrics
from shared.database import Connection, OvertakenError, Pool, migrations, open_pool
from shared.settings import DOMAIN_SERVICES, Settings
from shared.stream import gauges
from shared.stream.backlog import Backlog
from shared.stream.gauges import Measurer
from shared.stream.poster import Poster
from shared.stream.relay import Relay
from shared.stream.tick import Tick
from tests.integration.stream import toy

NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


class Counting:
    """A measure that counts how often it was asked, and shows 7."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, connection: Connection) -> None:
        assert await connection.fetchval("show transaction_read_only") == "on"
        metrics.CITY_ACCOUNTS.labels("toy").set(7)
        self.times += 1

    async def began(self) -> bool:
        return self.times > 0


@asynccontextmanager
async def running(part: Measurer | Tick | Relay) -> Any:
    stop = asyncio.Event()
    task = asyncio.create_task(part.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


def shown(gauge: Gauge = metrics.CITY_ACCOUNTS) -> list[float]:
    return [sample.value for family in gauge.collect() for sample in family.samples]


async def holders(pool: Pool) -> int:
    found: int = await pool.fetchval(
        "select count(*) from pg_locks where locktype = 'advisory' and objid = 4 and granted"
    )
    return found


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "RETRY_SECONDS", 0.05)


async def test_one_of_two_processes_measures_and_the_other_takes_over(
    pool: Pool, eventually: Any
) -> None:
    first, second = Counting(), Counting()
    async with running(Measurer("toy", second, pool)):
        await eventually(second.began)
        async with running(Measurer("toy", first, pool)) as task:
            # It has asked for the lock more than once.
            await asyncio.wait({task}, timeout=0.3)
            assert first.times == 0
            assert await holders(pool) == 1
        assert second.times == 1
    async with running(Measurer("toy", first, pool)):
        await eventually(first.began)
        assert shown() == [7]


async def test_a_process_that_has_stopped_measuring_shows_nothing(
    pool: Pool, eventually: Any
) -> None:
    counting = Counting()
    async with running(Measurer("toy", counting, pool)):
        await eventually(counting.began)
    assert shown() == []


async def test_who_loses_the_database_shows_nothing_until_it_measures_again(
    pool: Pool, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(gauges, "RETRY_SECONDS", 60.0)
    counting = Counting()

    async def gone() -> bool:
        return shown() == []

    async with running(Measurer("toy", counting, pool)):
        await eventually(counting.began)
        await pool.execute(
            """select pg_terminate_backend(pid) from pg_locks
            where locktype = 'advisory' and objid = 4 and granted"""
        )
        await eventually(gone)


async def test_a_figure_that_cannot_be_had_does_not_end_the_process(
    pool: Pool, eventually: Any
) -> None:
    asked = asyncio.Event()

    async def broken(connection: Connection) -> None:
        metrics.CITY_ACCOUNTS.labels("toy").set(7)
        asked.set()
        await connection.fetchval("select 1 / 0")

    async with running(Measurer("toy", broken, pool)) as task:
        await asyncio.wait_for(asked.wait(), 60)

        async def forgotten() -> bool:
            return not await holders(pool)

        await eventually(forgotten)
        assert not task.done()


@pytest.mark.parametrize("service", DOMAIN_SERVICES)
async def test_a_city_without_events_has_figures(database_url: str, service: str) -> None:
    await migrations.migrate(database_url, service)
    settings = Settings(database_url=database_url, tanzhang_erasure_key="key")
    measure = import_module(f"services.{service}.app").service(settings).measure
    pool = await open_pool(database_url, service, size=1)
    try:
        async with (
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await measure(connection)
        found = [value for gauge in metrics.CITY for value in shown(gauge)]
        assert len(found) >= 4
        assert set(found) == {0}
        if service == "agri":
            assert len(shown(metrics.AGRI_TONNES)) == 4
    finally:
        for gauge in metrics.CITY:
            gauge.clear()
        await pool.close()


async def test_sums_that_take_too_long_are_not_made_again_at_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, rests = asyncio.Event(), list[float]()

    async def rest(connection: Connection, stop: asyncio.Event, seconds: float) -> None:
        rests.append(seconds)
        stop.set()

    async def too_long(connection: Connection) -> None:
        metrics.CITY_ACCOUNTS.labels("toy").set(7)
        await connection.execute("select pg_sleep(60)")

    monkeypatch.setattr(gauges, "PATIENCE", "set local statement_timeout = '2s'")
    monkeypatch.setattr(gauges, "_rest", rest)
    await Measurer("toy", too_long, pool)._session(stop)
    assert rests[0] >= 2 / gauges.SHARE_MAX
    assert shown() == []


async def test_what_waits_is_forgotten_when_the_database_is_away(
    pool: Pool, eventually: Any
) -> None:
    await Backlog("toy", pool, 1000).observe()
    assert REGISTRY.get_sample_value("tanzhang_dead_letters_open", {"service": "toy"}) == 0
    away = await open_pool(NOBODY, "toy", size=1)
    tick = Tick(Poster(toy.service(), parked_per_source=1000), away, lambda: toy.NOW)

    async def forgotten() -> bool:
        names = ("dead_letters_open", "parked_events", "outbox_age_seconds", "parked_ratio")
        found = [REGISTRY.get_sample_value(f"tanzhang_{n}", {"service": "toy"}) for n in names]
        return found == [None] * 4

    async with running(tick):
        await eventually(forgotten)
    await away.close()


async def test_work_of_the_clock_that_cannot_be_done_hides_neither_other_work_nor_what_waits(
    pool: Pool, eventually: Any
) -> None:
    done: list[datetime] = []

    async def overtaken(connection: Connection, poster: Any, now: datetime) -> None:
        raise OvertakenError

    async def other(connection: Connection, poster: Any, now: datetime) -> None:
        done.append(now)

    metrics.DEAD_LETTERS_OPEN.clear()
    service = toy.service(ticks=(overtaken, other))
    tick = Tick(Poster(service, parked_per_source=1000), pool, lambda: toy.NOW)

    async def seen() -> bool:
        return shown(metrics.DEAD_LETTERS_OPEN) == [0]

    async with running(tick):
        await eventually(seen)
    assert done == [toy.NOW]


async def test_the_outbox_is_counted_while_kafka_is_away(
    pool: Pool, offline: Any, eventually: Any
) -> None:
    worker = await offline()
    await worker._post(toy.records([toy.payment(id=f"p{n}") for n in range(30)]))
    relay = Relay("toy", Settings(kafka_bootstrap_servers="127.0.0.1:1"), pool)
    metrics.OUTBOX_WAITING.clear()

    async def counted() -> bool:
        return shown(metrics.OUTBOX_WAITING) == [30]

    async with running(relay):
        await eventually(counted)
