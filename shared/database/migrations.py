"""Migrations: one Alembic history per service, in the service's own schema.

Run by `tanzhang migrate`; safe to run twice at once (an advisory lock orders them).
"""

from importlib import import_module
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


async def migrate(url: str, service: str, to: str = "head") -> None:
    """Bring a service's schema to the newest version (`to`: only so far); makes it when missing."""
    engine = create_async_engine(_dialect(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, service, to)
    finally:
        await engine.dispose()


async def check(url: str, service: str) -> None:
    """Raise when the tables in code and the migrated schema differ."""
    engine = create_async_engine(_dialect(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(lambda c: command.check(_config(service, c)))
    finally:
        await engine.dispose()


def _dialect(url: str) -> str:
    return "postgresql+asyncpg://" + url.split("://", 1)[1]


def _config(service: str, connection: Connection) -> Config:
    package = import_module(f"services.{service}")
    config = Config()
    config.set_main_option("script_location", str(Path(package.__path__[0], "migrations")))
    config.attributes.update(connection=connection, service=service)
    return config


def _upgrade(connection: Connection, service: str, to: str) -> None:
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
