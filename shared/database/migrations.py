"""Migrations: one Alembic history per service, in the service's own schema.

Run by `tanzhang migrate`; safe to run twice at once (an advisory lock orders them), and beside
services at work: it never stands in the queue for a table for long, since all others would stand
behind it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import asyncpg
from alembic import command, context
from alembic.config import Config
from asyncpg.connect_utils import SessionAttribute
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

# Who asks for a lock that others hold makes everybody wait who asks after him.
LOCK_SECONDS_MAX = 2
PAUSE_SECONDS = 3.0
# What a process holds that stands still or has gone without a word (its machine has), it gives up.
SILENT_SECONDS_MAX = 60
# As long as a big audit may read, which no migration gets past.
PATIENCE_SECONDS = 1800.0
# Lock not available, deadlock.
IN_THE_WAY = ("55P03", "40P01")
HOLDERS = """
select coalesce(nullif(application_name, ''), 'a client') || ' (pid ' || pid || ') for '
    || extract(epoch from now() - xact_start)::integer || ' s'
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
order by xact_start limit 3
"""

OnWait = Callable[[str], None]


class NotMigrated(Exception):
    """Why not, in PostgreSQL's words; nothing was changed."""

    def __init__(self, error: object) -> None:
        super().__init__(str(error))
        self.sqlstate: str | None = getattr(error, "sqlstate", None)


def _ignore(_: str) -> None:
    pass


async def migrate(
    url: str,
    service: str,
    to: str = "head",
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    on_wait: OnWait = _ignore,
) -> None:
    """Bring a service's schema to the newest version (`to`: only so far); makes it when missing.

    One transaction. While others hold what it needs it is rolled back and tried again; `on_wait` is
    told who. OSError when nobody answers, NotMigrated when the database does not do it, or not in
    time.
    """
    until = time.monotonic() + patience_seconds
    while True:
        try:
            async with _connected(url) as connection, connection.begin():
                return await connection.run_sync(_upgrade, service, to)
        except NotMigrated as error:
            if error.sqlstate not in IN_THE_WAY or time.monotonic() > until:
                raise
        on_wait(", ".join(await _holders(url)) or "another's transaction")
        await asyncio.sleep(PAUSE_SECONDS)


async def check(url: str, service: str) -> None:
    """Raise when the tables in code and the migrated schema differ."""
    async with _connected(url) as connection, connection.begin():
        await connection.run_sync(lambda c: command.check(_config(service, c)))


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    """By asyncpg itself, which takes every address that the services take."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        async_creator=lambda: asyncpg.connect(
            url,
            timeout=10,
            target_session_attrs=SessionAttribute.primary,
            server_settings={
                "application_name": "tanzhang-migrate",
                "idle_in_transaction_session_timeout": f"{SILENT_SECONDS_MAX}s",
            },
        ),
    )
    try:
        async with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise NotMigrated(error.orig) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise NotMigrated(error) from error
    finally:
        await engine.dispose()


async def _holders(url: str) -> list[str]:
    """Whose transactions have been open the longest."""
    async with _connected(url) as connection:
        return list((await connection.execute(text(HOLDERS))).scalars())


def _config(service: str, connection: Connection) -> Config:
    package = import_module(f"services.{service}")
    config = Config()
    config.set_main_option("script_location", str(Path(package.__path__[0], "migrations")))
    config.attributes.update(connection=connection, service=service)
    return config


def _upgrade(connection: Connection, service: str, to: str) -> None:
    connection.execute(text(f"set local lock_timeout = '{LOCK_SECONDS_MAX}s'"))
    connection.execute(text("select pg_advisory_xact_lock(hashtext(:s))"), {"s": service})
    connection.execute(text(f'create schema if not exists "{service}"'))
    connection.execute(text(f'set local search_path to "{service}"'))
    command.upgrade(_config(service, connection), to)


def statements(script: str) -> list[str]:
    """The statements of a script, one by one as asyncpg wants them (no `;` inside any)."""
    return [statement for part in script.split(";") if (statement := part.strip())]


def run(metadata: MetaData) -> None:
    """The body of every service's `migrations/env.py`."""
    schema = metadata.schema
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table_schema=schema,
        include_schemas=True,
        include_name=lambda name, kind, _: kind != "schema" or name == schema,
    )
    context.run_migrations()
