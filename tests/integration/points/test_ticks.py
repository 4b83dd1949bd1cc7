"""The clock's work and a batch take accounts in one order, so that neither waits for the other."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from services.points import app as points
from shared.database import Pool, open_pool
from shared.database.migrations import migrate
from shared.settings import Settings
from shared.stream.poster import Poster
from shared.stream.tick import Tick

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LOWER, GREATER = 100, 200
WAITING = "select exists (select from pg_locks where not granted)"
LOCK = "select number from account where number = $1 for update"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    await migrate(database_url, "points")
    pool = await open_pool(database_url, "points")
    numbers = iter([LOWER, GREATER])
    settings = Settings(database_url=database_url, tanzhang_auth="off")
    poster = Poster(points.service(settings), parked_per_source=1, new_number=lambda: next(numbers))
    async with pool.acquire() as connection, connection.transaction():
        await poster.lock(connection, ["jsrcb:token-0001", "jsrcb:token-0002"])
        await connection.execute("insert into tier_due values ($1)", GREATER)
    yield pool
    await pool.close()


async def test_no_tick_keeps_an_account_that_comes_after_one_it_wants(
    database_url: str, pool: Pool, eventually: Any
) -> None:
    """The greater account's tier is due; both are looked at for expiry, the lower one first."""
    settings = Settings(database_url=database_url, tanzhang_auth="off")
    tick = Tick(Poster(points.service(settings), parked_per_source=1), pool, lambda: NOW)
    async with pool.acquire() as looking:

        async def tick_waits() -> bool:
            return bool(await looking.fetchval(WAITING))

        async with pool.acquire() as batch, batch.transaction():
            await batch.execute(LOCK, LOWER)
            ticking = asyncio.create_task(tick.once())
            await eventually(tick_waits)
            await batch.execute(LOCK, GREATER)
        assert await ticking
        assert await looking.fetchval("select count(*) from tier") == 1
        assert await looking.fetchval("select position from expiry_run") == GREATER
