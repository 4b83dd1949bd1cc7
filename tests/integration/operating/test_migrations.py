"""Schemas migrated forward: with rows in them, twice at once, and under a worker's hands."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from typer.testing import CliRunner

from services.personal import app as personal
from services.personal.audit import audit
from shared.database import migrations
from shared.database.migrations import (
    LOCK_SECONDS_MAX,
    NotMigrated,
    check,
    migrate,
)
from shared.settings import DOMAIN_SERVICES, Settings
from tanzhang import topics
from tanzhang.cli import app
from tanzhang.stack.postgres import Postgres
from tests.integration.audit.conftest import payment
from tests.integration.conftest import Eventually, Publish, Start

TABLES = """
select table_name from information_schema.tables
where table_schema = $1 and table_name <> 'alembic_version'
"""
COLUMNS = """
select column_name, data_type, udt_name from information_schema.columns
where table_schema = $1 and table_name = $2 and is_identity = 'NO' and column_default is null
"""
# What a table takes whose meaning nobody knows here.
VALUES = {
    "bytea": "'\\x01'",
    "text": "'x'",
    "date": "'2021-03-01'",
    "timestamp with time zone": "'2021-03-01T00:00:00Z'",
    "boolean": "false",
    "uuid": "'00000000-0000-4000-8000-000000000001'",
    "jsonb": "'{}'",
}
ARRAYS = {"_text": "'{x}'", "_date": "'{2021-03-01}'", "_bool": "'{false}'"}


def revisions(service: str) -> list[str]:
    """From the first to the last."""
    place = Path(import_module(f"services.{service}").__path__[0], "migrations")
    config = Config()
    config.set_main_option("script_location", str(place))
    walked = ScriptDirectory.from_config(config).walk_revisions()
    return [revision.revision for revision in walked][::-1]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def fill(database: asyncpg.Connection, service: str) -> dict[str, int]:
    """A row in every table that has none; how many rows each has."""
    counts = {}
    for (table,) in await database.fetch(TABLES, service):
        name = f'{service}."{table}"'
        if not await database.fetchval(f"select count(*) from {name}"):
            columns = await database.fetch(COLUMNS, service, table)
            names = ", ".join(f'"{column[0]}"' for column in columns)
            values = ", ".join(_value(kind, name) for _, kind, name in columns)
            await database.execute(f"insert into {name} ({names}) values ({values})")
        counts[table] = await database.fetchval(f"select count(*) from {name}")
    return counts


def _value(kind: str, name: str) -> str:
    return ARRAYS.get(name, "'{1}'") if kind == "ARRAY" else VALUES.get(kind, "1")


@pytest.mark.parametrize("service", DOMAIN_SERVICES)
async def test_forward_with_rows_at_every_revision(
    database_url: str, database: asyncpg.Connection, service: str
) -> None:
    before: dict[str, int] = {}
    for revision in revisions(service):
        await migrate(database_url, service, revision)
        after = await fill(database, service)
        assert {table: after[table] for table in before.keys() & after.keys()} == {
            table: count for table, count in before.items() if table in after
        }
        before = after
    await check(database_url, service)


async def test_twice_at_once_in_processes(database_url: str, database: asyncpg.Connection) -> None:
    environment = os.environ | {"DATABASE_URL": database_url}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tanzhang", "migrate", env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0], said
    for service in DOMAIN_SERVICES:
        assert f"{service}: up to date" in said[0][0].decode()
        await check(database_url, service)


# Adds to every table, as a new version may.
ADDITIVE = """
alter table account add column scratch text;
alter table ledger_entry add column scratch integer not null default 7;
alter table parked add column scratch text;
alter table outbox add column scratch text;
alter table city_change add column scratch text;
alter table behaviour_report add column scratch text;
create table scratch (account bigint primary key);
create index ledger_entry_scratch on ledger_entry (account, scratch)
"""


@dataclass
class Load:
    """Payments sent, and how many of them are in the ledger."""

    publish: Publish
    database: asyncpg.Connection
    sent: int = 0

    async def send(self, number: int) -> None:
        numbers = range(self.sent, self.sent + number)
        self.sent += number
        events = [payment(f"p{n}", f"jsrcb:token-{n % 9:04}") for n in numbers]
        await self.publish("payments", events)

    async def posted(self) -> int:
        found: int = await self.database.fetchval(
            "select count(*) from personal.ledger_entry where content_hash is not null"
        )
        return found

    async def all_posted(self) -> bool:
        return await self.posted() == self.sent

    async def assert_sound(self) -> None:
        """Nothing set aside, nothing twice."""
        assert await self.database.fetchval("select count(*) from personal.dead_letter") == 0
        await self.database.execute("set search_path to personal")
        assert await audit(self.database) == []


@pytest.fixture
def load(publish: Publish, database: asyncpg.Connection) -> Load:
    return Load(publish, database)


async def test_a_worker_goes_on_while_a_newer_version_migrates(
    start: Start, load: Load, database_url: str, eventually: Eventually
) -> None:
    await start("personal")
    await load.send(50)
    await eventually(load.posted)
    sending = asyncio.gather(*(load.send(100) for _ in range(10)))
    migrating = await asyncpg.connect(database_url)
    try:
        async with migrating.transaction():
            await migrating.execute("set local search_path to personal")
            await migrating.execute(ADDITIVE)
    finally:
        await migrating.close()
    await sending
    await load.send(50)
    await eventually(load.all_posted)
    await load.assert_sound()


async def test_a_worker_waits_for_the_migration_of_its_version(
    open_settings: Settings, database_url: str, load: Load, eventually: Eventually
) -> None:
    await topics.create(open_settings)
    await migrate(database_url, "personal", "0004")  # entries have no epoch yet
    service = personal.create(open_settings, "worker")
    async with service.router.lifespan_context(service):
        await load.send(50)

        async def waits() -> bool:
            return "UndefinedColumnError" in (service.state.worker.waits_for or "")

        await eventually(waits)
        assert await load.posted() == 0
        await migrate(database_url, "personal")
        await eventually(load.all_posted)
    await load.assert_sound()


@pytest.mark.parametrize("service", DOMAIN_SERVICES)
def test_every_revision_has_one_before_it(service: str) -> None:
    found = revisions(service)
    assert found == sorted(found)
    assert found[0] == "0001"


async def test_nobody_stands_behind_a_migration_that_waits(
    database_url: str, database: asyncpg.Connection
) -> None:
    """A long report holds what the migration needs, and others read on."""
    await migrate(database_url, "personal", "0004")
    report = await asyncpg.connect(database_url)
    waits, told = asyncio.Event(), list[str]()

    def on_wait(holders: str) -> None:
        told.append(holders)
        waits.set()

    async with report.transaction():
        await report.execute("select from personal.ledger_entry")
        pid = report.get_server_pid()
        with pytest.raises(NotMigrated, match="lock timeout"):
            await migrate(database_url, "personal", patience_seconds=0)
        migrating = asyncio.create_task(migrate(database_url, "personal", on_wait=on_wait))
        await waits.wait()
        async with asyncio.timeout(60):
            await database.execute("select from personal.ledger_entry")
    await migrating
    assert f"(pid {pid}) for " in told[0]
    await check(database_url, "personal")
    await report.close()


async def test_a_migration_that_stands_still_is_not_waited_for_for_ever(database_url: str) -> None:
    """Nor by one to whom the server tells nothing of the other's transaction."""
    told = list[str]()
    standing = await asyncpg.connect(database_url, server_settings={"track_activities": "off"})
    async with standing.transaction():
        await standing.execute("select pg_advisory_xact_lock(hashtext('agri'))")
        with pytest.raises(NotMigrated, match="lock timeout"):
            async with asyncio.timeout(60):
                await migrate(
                    database_url, "agri",
                    patience_seconds=LOCK_SECONDS_MAX + 1, on_wait=told.append,
                )  # fmt: skip
    assert len(told) == 1
    await migrate(database_url, "agri")
    await check(database_url, "agri")
    await standing.close()


async def test_a_migration_that_stands_still_keeps_nothing_from_others(
    database_url: str, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(database_url, "agri")
    monkeypatch.setattr(migrations, "SILENT_SECONDS_MAX", 1)
    with pytest.raises(NotMigrated):
        async with migrations._connected(database_url) as standing, standing.begin():
            await standing.execute(text("lock table agri.account"))
            async with asyncio.timeout(30):
                await database.execute("select from agri.account")
            await standing.execute(text("select 1"))


def test_a_database_that_is_not_migrated_is_named(postgres: Postgres) -> None:
    for url, said in (
        (postgres.url("none"), 'is not migrated: database "none" does not exist'),
        (
            postgres.url("postgres").replace("tanzhang:", "tanzhang:not"),
            "password authentication failed",
        ),
        ("postgresql://127.0.0.1:1/none", "does not answer"),
    ):
        result = CliRunner().invoke(app, ["migrate", "agri"], env={"DATABASE_URL": url})
        assert result.exit_code == 1
        assert "the database of agri" in result.output
        assert said in result.output


async def test_an_address_may_have_the_options_that_services_take(database_url: str) -> None:
    await migrate(f"{database_url}?sslmode=prefer", "agri")
    await check(database_url, "agri")
