"""A service's database as it was at one instant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.database import Connection, open_pool
from shared.settings import Settings
from tanzhang.audit.errors import AuditError

# An audit of millions of rows takes its time, and reads one database while it reads another.
PATIENCE = """
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0;
set local work_mem = '64MB';
set local plan_cache_mode = auto
"""
POSITIONS = "select topic, partition, next_offset, cluster from consumer_offset"


@dataclass(slots=True, frozen=True)
class Position:
    """How far a service has read a partition (`topic` with its prefix) of a cluster."""

    topic: str
    partition: int
    next_offset: int
    cluster: str


@dataclass(slots=True, frozen=True)
class Snapshot:
    """A read-only transaction that sees one instant; the positions are of that instant."""

    service: str
    connection: Connection
    positions: tuple[Position, ...]


@asynccontextmanager
async def snapshot(settings: Settings, service: str) -> AsyncIterator[Snapshot]:
    """Open a snapshot of a service; AuditError when its tables are not there."""
    pool = await open_pool(settings.database(service), service, size=1)
    try:
        async with (
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(PATIENCE)
            if await connection.fetchval("select to_regclass('consumer_offset')") is None:
                raise AuditError(f"the database of {service} has no tables: run `tanzhang migrate`")
            rows = await connection.fetch(POSITIONS)
            yield Snapshot(service, connection, tuple(Position(*row) for row in rows))
    finally:
        await pool.close()
