"""Databases of one service for many tests: migrating takes longer than most of them."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from shared.database.migrations import migrate
from tanzhang.stack.postgres import Postgres


@contextmanager
def migrated(postgres: Postgres, service: str) -> Iterator[str]:
    """The url of a new database with the service's tables, dropped at the end."""
    name = f"test_{uuid.uuid4().hex}"
    asyncio.run(postgres.create_database(name))
    asyncio.run(migrate(postgres.url(name), service))
    yield postgres.url(name)
    asyncio.run(postgres.drop_database(name))


TABLES = """
select schemaname || '.' || tablename from pg_tables
where schemaname = $1 and tablename <> 'alembic_version'
"""


async def emptied(url: str, service: str) -> str:
    """The url, when no table of the service has a row. Deleted: `truncate` waits for the disk."""
    connection = await asyncpg.connect(url)
    try:
        tables = [row[0] for row in await connection.fetch(TABLES, service)]
        await connection.execute(";".join(f"delete from {table}" for table in tables))
    finally:
        await connection.close()
    return url
