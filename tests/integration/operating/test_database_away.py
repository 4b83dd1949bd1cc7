"""A database that lets nobody in, or nobody write: it is waited for, and no event is blamed."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from tanzhang.stack.postgres import Postgres
from tests.integration.audit.conftest import payment
from tests.integration.operating.conftest import assert_clean
from tests.integration.operating.stage import Stage

ROLE = "ordinary"  # what is forbidden to all is still allowed to a superuser
POSTED = "select count(*) from personal.ledger_entry where content_hash is not null"
END_ALL = "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1"


class Fault(NamedTuple):
    """What an operator does, what undoes it, and what the database's users are told meanwhile."""

    begin: str
    end: str
    told: str
    inside: bool = False
    ends_sessions: bool = True


FAULTS = {
    "read-only": Fault(
        "alter database away set default_transaction_read_only = on",
        "alter database away reset default_transaction_read_only",
        "ReadOnlySQLTransactionError",
    ),
    "no connections": Fault(
        "alter database away with allow_connections false",
        "alter database away with allow_connections true",
        "ObjectNotInPrerequisiteStateError",
    ),
    "too many connections": Fault(
        f"alter role {ROLE} connection limit 0",
        f"alter role {ROLE} connection limit -1",
        "TooManyConnectionsError",
    ),
    "another password": Fault(
        f"alter role {ROLE} password 'new'",
        f"alter role {ROLE} password 'old'",
        "InvalidPasswordError",
    ),
    "another name": Fault(
        "alter database away rename to elsewhere",
        "alter database elsewhere rename to away",
        "InvalidCatalogNameError",
    ),
    "no rights": Fault(
        f"revoke insert on personal.ledger_entry from {ROLE}",
        f"grant insert on personal.ledger_entry to {ROLE}",
        "InsufficientPrivilegeError",
        inside=True,
        ends_sessions=False,
    ),
}


@pytest.fixture
async def server(postgres: Postgres) -> AsyncIterator[asyncpg.Connection]:
    """Its operator's connection."""
    connection = await asyncpg.connect(postgres.url("postgres"))
    yield connection
    await connection.close()


@pytest.fixture
async def database_url(postgres: Postgres, server: asyncpg.Connection) -> AsyncIterator[str]:
    """A database of an ordinary role."""
    name = "away"
    await server.execute(f"create role {ROLE} login password 'old'")
    await server.execute(f"create database {name} owner {ROLE}")
    yield f"postgresql://{ROLE}:old@127.0.0.1:{postgres.port}/{name}"
    await postgres.drop_database(name)
    await server.execute(f"drop role {ROLE}")


def paid(first: int) -> list[dict[str, Any]]:
    return [payment(f"p{n}", f"jsrcb:token-{n % 9:04}") for n in range(first, first + 60)]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_worker_waits_and_goes_on_by_itself(
    stage: Stage, postgres: Postgres, server: asyncpg.Connection, fault: Fault
) -> None:
    await stage.start("personal")
    app = stage.running["personal"][0]
    await stage.pour("payments", paid(0), 1)
    await stage.database.close()
    operator = await asyncpg.connect(postgres.url("away")) if fault.inside else server

    async def begun() -> bool:
        await _end_sessions(server, fault)
        try:
            await operator.execute(fault.begin)
        except asyncpg.ObjectInUseError:  # one of them was faster
            return False
        await _end_sessions(server, fault)
        return True

    async def waits() -> bool:
        return fault.told in (app.state.worker.waits_for or "")

    await stage.eventually(begun)
    await stage.publish("payments", paid(60))
    await stage.eventually(waits)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://service"
    ) as http:
        assert (await http.get("/readyz")).status_code == 503
    await operator.execute(fault.end)
    if fault.inside:
        await operator.close()

    stage.database = await asyncpg.connect(stage.settings.database("personal"))
    await stage.quiet()
    assert await stage.database.fetchval("select count(*) from personal.dead_letter") == 0
    assert await stage.database.fetchval(POSTED) == len(paid(0)) + len(paid(60))
    await assert_clean(stage, ["personal"])
    await stage.database.close()


async def _end_sessions(server: asyncpg.Connection, fault: Fault) -> None:
    if fault.ends_sessions:
        await server.execute(END_ALL, ROLE)
