"""Commands killed in the middle: what they had in hand is undone, and again completes it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from shared.database.migrations import check, migrate
from tanzhang.simulation.credit_codes import credit_code
from tests.integration.audit.conftest import event
from tests.integration.operating.cities import METER, REGISTERED
from tests.integration.operating.conftest import assert_clean
from tests.integration.operating.stage import Stage

ENTERPRISES = [credit_code("1", "330800", f"7042059{n}") for n in range(3)]
REOPEN = ("close", "2025", "--reopen", "--reason", "late")
SESSIONS = """
select wait_event_type from pg_stat_activity
where application_name = $1 and datname = current_database() and xact_start is not null
"""
CHANGES = "select array_agg(action order by n) from industrial.year_change where year = 2025"
WAITING = "select count(*) from industrial.parked"
# What every posting holds; who closes a year waits until nobody does.
POSTING = "select pg_advisory_xact_lock_shared(hashtext('industrial.years'), 1)"
LAST_THAT_WAITS = """
select from industrial.account where number = (
    select account from industrial.parked join industrial.subject using (account)
    order by subject desc limit 1
) for update
"""

Run = Callable[..., Awaitable[str]]


@pytest.fixture
def run(stage: Stage) -> Run:
    """`await run("close", "2025")`: what it says. `kill`: of whom, when it waits for a lock."""
    settings = stage.settings
    given = {
        "DATABASE_URL": settings.database("industrial"),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "TANZHANG_TOPIC_PREFIX": settings.tanzhang_topic_prefix,
    }

    async def run(*words: str, kill: str | None = None) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tanzhang", *words, env=os.environ | given, cwd=stage.directory,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            if kill is not None:
                await stage.eventually(lambda: waits(kill))
        finally:
            if kill is not None:
                process.kill()
            said, _ = await process.communicate()
        assert process.returncode == (0 if kill is None else -9), said
        return said.decode()

    async def waits(name: str) -> bool:
        return "Lock" in [row[0] for row in await stage.database.fetch(SESSIONS, name)]

    return run


async def killed(stage: Stage, run: Run, name: str, held: str, *words: str) -> None:
    """A command, while another's transaction holds what it needs."""
    other = await asyncpg.connect(stage.settings.database("industrial"))
    async with other.transaction():
        await other.fetch(held)
        await run(*words, kill=name)

    async def gone() -> bool:
        return not await stage.database.fetch(SESSIONS, name)

    await stage.eventually(gone)  # the server looks for its client when it has the lock
    await other.close()


async def test_a_migration_that_is_killed_is_made_by_the_next(stage: Stage, run: Run) -> None:
    url = stage.settings.database("personal")
    await migrate(url, "personal", "0004")
    held = "select from personal.ledger_entry"
    await killed(stage, run, "tanzhang-migrate", held, "migrate", "personal")
    version = "select version_num from personal.alembic_version"
    assert await stage.database.fetchval(version) == "0004"
    assert await run("migrate", "personal") == "personal: up to date\n"
    await check(url, "personal")


def reading(number: int, enterprise: str) -> dict[str, Any]:
    start, end = "2025-03-01T00:00:00+08:00", "2025-03-02T00:00:00+08:00"
    measured = {"start": start, "end": end, "value": "1000", "unit": "kWh", "quality": "actual"}
    data = {"meter_id": f"m{number}", "kind": "interval"} | measured
    return event("cn.tanzhang.meter.reading.v1", f"r{number}", enterprise, data, end)


async def test_a_year_whose_closing_or_opening_is_killed_is_closed_or_opened_by_the_next(
    stage: Stage, run: Run
) -> None:
    await stage.start("industrial")
    for n, enterprise in enumerate(ENTERPRISES):
        await stage.put("industrial", f"enterprises/{enterprise}", REGISTERED)
        await stage.put("industrial", f"meters/m{n}", METER | {"enterprise_id": enterprise})
    await killed(stage, run, "tanzhang-industrial", POSTING, "close", "2025")
    assert await stage.database.fetchval(CHANGES) is None
    assert await run("close", "2025") == ("2025 closed: 0 accounts, 0 t; 0 events wait for it\n")
    await stage.pour("meter-readings", [reading(n, e) for n, e in enumerate(ENTERPRISES)], 1)
    assert await stage.database.fetchval(WAITING) == len(ENTERPRISES)

    await killed(stage, run, "tanzhang-industrial", LAST_THAT_WAITS, *REOPEN)
    assert await stage.database.fetchval(CHANGES) == ["closed", "reopened"]
    assert await stage.database.fetchval(WAITING) == 1
    assert await run(*REOPEN) == (
        "2025 was open before: 1 events of 1 accounts posted, "
        "0 wait for something else, 0 refused\n"
    )
    assert await stage.database.fetchval(WAITING) == 0
    await stage.quiet()
    await assert_clean(stage, ["industrial"])
