"""PostgreSQL as every service uses it: one asyncpg pool, one schema named after the service."""

import time
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import msgspec
from asyncpg.connect_utils import SessionAttribute

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy
    Pool: TypeAlias = asyncpg.Pool
else:
    Connection, Pool = asyncpg.Connection, asyncpg.Pool


# How often a pool begins anew while its sessions are read-only.
RENEW_SECONDS = 1.0


class OvertakenError(Exception):
    """What was read before it could be locked has changed since: roll back and try again."""


# What a lost, overloaded or unfinished database raises: wait and try again, don't give up. None of
# it is any event's fault.
TRANSIENT = (
    OvertakenError,
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What an idle connection says when the server has ended it a moment ago.
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    # A lock that is held too long, a database that takes no connections now.
    asyncpg.ObjectNotInPrerequisiteStateError,
    # A server that has become a standby, or that its operator lets nobody write to.
    asyncpg.ReadOnlySQLTransactionError,
    # The server has ended the transaction of a process that stood still.
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    # A password that is being changed, a database or its rights that are being restored.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    # A plan that a migration made stale (asyncpg#458): the next attempt prepares anew.
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.InvalidColumnReferenceError,
    # Started before the migration.
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
)


def reason(error: BaseException) -> str:
    """What one of these says; a timeout says nothing."""
    return str(error) or "it takes too long"


async def open_pool(url: str, schema: str, *, size: int = 4) -> Pool:
    """Open a pool whose connections see the service's schema; connects on first use.

    Never to a standby: after a failover an address may still lead to the old primary, and a
    connection to that would stay there. Nor does the pool stay with sessions that began while the
    database was read-only: each keeps the default of its first moment.
    """
    renewed = time.monotonic()

    async def reset(connection: Any) -> None:
        nonlocal renewed
        await connection.execute(connection.get_reset_query())
        if _is_read_only(connection) and time.monotonic() - renewed > RENEW_SECONDS:
            renewed = time.monotonic()
            await pool.expire_connections()

    pool = await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        timeout=10,
        init=_init,
        reset=reset,
        target_session_attrs=SessionAttribute.primary,
        server_settings={
            "search_path": schema,
            "application_name": f"tanzhang-{schema}",
            "statement_timeout": "60s",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "60s",
            # A kept plan is as old as its connection: one made while the tables were empty
            # reads all of them for every batch. Planning anew costs less than a millisecond.
            "plan_cache_mode": "force_custom_plan",
            "jit": "off",
        },
    )
    assert pool is not None
    return pool


async def _init(connection: Any) -> None:
    # In binary, as COPY wants it: a version byte and the JSON.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda stored: msgspec.json.decode(stored[1:]),
        format="binary",
    )


def _is_read_only(connection: Any) -> bool:
    """What the server has reported of the session by itself."""
    settings = connection.get_settings()
    return getattr(settings, "default_transaction_read_only", "off") == "on"
