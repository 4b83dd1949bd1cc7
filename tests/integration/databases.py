"""Databases of one service for many tests: migrating takes longer than most of them."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

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
