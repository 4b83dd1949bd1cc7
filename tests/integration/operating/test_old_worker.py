"""Processes of an older version go on while the newest one migrates, and beside its processes.

The older version is the project's own, out of its history.
"""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from shared.database.migrations import migrate
from shared.settings import Settings
from tanzhang.stack.ports import free_port
from tests.integration.audit.conftest import ENTERPRISE, FARM, payment
from tests.integration.conftest import Eventually
from tests.integration.operating.cities import (
    FARM_BODY,
    FARMED,
    MEASURED,
    METER,
    PAID,
    REGISTERED,
    posted_city,
)
from tests.integration.operating.conftest import assert_clean
from tests.integration.operating.ledgers import everything
from tests.integration.operating.stage import WAY, Stage
from tests.integration.re_emission.conftest import OpenDesk

ROOT = Path(__file__).parents[3]
# A whole version, before webhooks, epochs of entries and rules of tiers were migrated. One version
# back is what is promised: take a later commit when a migration needs a later one, and no HEAD.
OLD = "10398cebde8b53ada1c0f62c5de740693d256b8f"
# So many more payments come while the tables change.
LOAD, LOTS = 600, 30


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the old version in a directory."""
    command = ["git", "-C", str(ROOT), "archive", OLD, "services", "shared", "tanzhang"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"the history does not reach back to {OLD}: {done.stderr.decode().strip()}")
    directory = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(directory, filter="data")
    return directory


def environment(settings: Settings, code: Path) -> dict[str, str]:
    """Of a process of that code: its modules come before the installed ones."""
    given = msgspec.structs.asdict(settings).items()
    named = {name.upper(): _text(value) for name, value in given if value is not None}
    return os.environ | named | {"PYTHONPATH": str(code)}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def start(
    code: Path, settings: Settings, log: Path, *arguments: str
) -> asyncio.subprocess.Process:
    with log.open("wb") as out:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tanzhang", *arguments,
            cwd=code, env=environment(settings, code), stdout=out, stderr=out,
        )  # fmt: skip


@asynccontextmanager
async def old_service(
    code: Path, settings: Settings, name: str, eventually: Eventually
) -> AsyncIterator[httpx.AsyncClient]:
    """The service with worker and API as a process, which ends well."""
    port, log = free_port(), code / f"{name}.log"
    process = await start(code, settings, log, "run", name, "--port", str(port))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            await eventually(partial(_ready, http, process, log))
            yield http
        process.terminate()
        assert await process.wait() == 0, log.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ready(http: httpx.AsyncClient, process: asyncio.subprocess.Process, log: Path) -> bool:
    assert process.returncode is None, log.read_text()
    try:
        return (await http.get("/readyz")).is_success
    except httpx.TransportError:
        return False


async def put(http: httpx.AsyncClient, path: str, body: object) -> None:
    answer = await http.put(f"/v1/{path}", json=body)
    assert answer.is_success, answer.text


async def publish(stage: Stage, part: int) -> None:
    """A third of all that is measured, farmed and paid."""
    for topic, events in (
        ("meter-readings", [e for e in MEASURED if ".meter." in e["type"]]),
        ("production-reports", [e for e in MEASURED if ".production." in e["type"]]),
        ("farm-records", FARMED),
        ("payments", PAID),
    ):
        await stage.publish(topic, events[part::3])


def load() -> list[dict[str, Any]]:
    return [payment(f"load{n}", f"boc:token-{n % 50:04}") for n in range(LOAD)]


async def pour(stage: Stage) -> None:
    events, size = load(), LOAD // LOTS
    for at in range(0, LOAD, size):
        await stage.publish("payments", events[at : at + size])


async def expected(stage: Stage, desk: OpenDesk) -> dict[str, Any]:
    """What the newest version alone makes of it; nothing of it stays."""
    city = await posted_city(desk)
    await city["personal"].post([msgspec.json.encode(event) for event in load()])
    await city["points"].post(await city["personal"].sent())
    found = await everything(stage.database, WAY)
    for name in WAY:
        await stage.database.execute(f"drop schema {name} cascade")
    return found


async def test_old_processes_go_on_during_the_migration_and_beside_the_newest(
    stage: Stage, desk: OpenDesk, old_code: Path, eventually: Eventually
) -> None:
    alone = await expected(stage, desk)
    log = old_code / "migrate.log"
    assert await (await start(old_code, stage.settings, log, "migrate")).wait() == 0, (
        log.read_text()
    )
    async with AsyncExitStack() as stack:
        entering = [old_service(old_code, stage.settings, name, eventually) for name in WAY]
        old = {
            name: await stack.enter_async_context(one)
            for name, one in zip(WAY, entering, strict=True)
        }
        await put(old["industrial"], f"enterprises/{ENTERPRISE}", REGISTERED)
        await put(old["industrial"], "meters/m1", METER)
        await put(old["agri"], f"farms/{FARM}", FARM_BODY)
        await publish(stage, 0)
        pouring = asyncio.create_task(pour(stage))
        for name in WAY:
            await migrate(stage.settings.database(name), name)
        await pouring
        await publish(stage, 1)
        for name in WAY:
            await eventually(partial(stage.has_read_all, name))
        assert (await everything(stage.database, WAY))["letters"] == alone["letters"]
        await stage.start(*WAY)
        await publish(stage, 2)
        await stage.quiet()
    await stage.quiet()
    assert await everything(stage.database, WAY) == alone
    await assert_clean(stage, WAY)
