"""A service as a process: ready or not, and stopped in the right order."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from aiokafka import TopicPartition
from fastapi import FastAPI
from structlog.testing import capture_logs

from shared.database import version
from shared.service_app import create_service
from shared.settings import Settings
from shared.stream.worker import Worker
from tests.integration.stream import toy
from tests.integration.stream.toy import payment

NAME = "personal"  # one whose database the settings know


@pytest.fixture
async def app(stream_settings: Settings) -> AsyncIterator[FastAPI]:
    await toy.create_schema(stream_settings.database(NAME), NAME)
    await migrated_to(stream_settings, version.newest(NAME))
    yield create_service(toy.service(NAME), [], stream_settings, "all")


async def migrated_to(settings: Settings, revision: str) -> None:
    """As if the service's migrations had been run that far."""
    connection = await asyncpg.connect(settings.database(NAME))
    table = f"{NAME}.alembic_version"
    await connection.execute(f"drop table if exists {table}")
    await connection.execute(f"create table {table} as select '{revision}'::text as version_num")
    await connection.close()


def running(app: FastAPI) -> Any:
    return app.router.lifespan_context(app)


async def test_what_was_posted_at_the_stop_is_sent_before_the_end(
    stream_settings: Settings,
    app: FastAPI,
    client: Any,
    publish: Any,
    eventually: Any,
    read_topic: Any,
) -> None:
    async with running(app):
        pool = app.state.pool
        await publish("payments", [payment(f"p{n}", f"bank:account-{n % 9}") for n in range(400)])

        async def begun() -> Any:
            return await pool.fetchval("select count(*) from entry")

        await eventually(begun)
        async with client(app) as http:
            assert (await http.get("/readyz")).status_code == 200
            assert "tanzhang_database_seconds_count" in (await http.get("/metrics")).text
    connection = await asyncpg.connect(stream_settings.database(NAME))
    count = await connection.fetchval(f"select count(*) from {NAME}.entry")
    waiting = await connection.fetchval(f"select count(*) from {NAME}.outbox")
    await connection.close()
    assert waiting == 0

    async def sent() -> bool:
        events = await read_topic("personal-reductions")
        return bool(len(events) == count)

    await eventually(sent)


async def test_a_stopped_partition_is_not_ready(app: FastAPI, client: Any) -> None:
    async with running(app), client(app) as http:
        worker: Worker = app.state.worker
        assert (await http.get("/readyz")).status_code == 200
        worker.stopped.add(TopicPartition("payments", 0))
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        assert "NotConsuming" in answer.json()["detail"]


@pytest.mark.parametrize(("revision", "status"), [("0001", 503), ("9999", 200)])
async def test_new_code_is_ready_once_its_migrations_have_run(
    stream_settings: Settings, app: FastAPI, client: Any, revision: str, status: int
) -> None:
    """So an upgrade keeps the old processes until then; they themselves go on during it."""
    await migrated_to(stream_settings, revision)
    async with running(app), client(app) as http:
        answer = await http.get("/readyz")
        assert answer.status_code == status
        assert ("MigrationAwaited" in answer.text) == (status == 503)


async def test_a_process_stopped_during_its_start_ends_by_itself(app: FastAPI) -> None:
    """Nothing has to be cancelled after the time that an end may take."""
    with capture_logs() as told:
        async with running(app):
            pass
    assert [said for said in told if said["event"] == "cancelled"] == []
    assert app.state.pool.is_closing()
