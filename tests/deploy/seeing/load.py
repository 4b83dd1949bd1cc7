"""A running city to look at: good events, wrong ones, and an auditor beside the services."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from shared.database import open_pool
from tanzhang.stack import directory
from tanzhang.stack.ports import free_port
from tests.e2e.city import City, visiting
from tests.e2e.events import Author
from tests.e2e.up import ROOT, Up

ONE_BALANCE = """
update account set balance = balance + $1 where number = (select min(number) from account)
"""
SMALL = ("--enterprises", "12", "--farms", "6", "--customers", "200", "--payments", "600")


def simulate(up: Up) -> None:
    done = up.run("simulate", *SMALL)
    assert done.returncode == 0, done.stderr


async def send_wrong_events(up: Up) -> None:
    """A refusal at the door, a dead letter, a parked reading."""
    async with visiting(up) as city:
        author = Author()
        refused = await city.post([author.payment(amount="-1")])
        assert refused.status_code == 422, refused.text
        payment = author.payment()
        await city.send(payment)
        await city.send(payment | {"data": payment["data"] | {"amount": "2.00"}})
        await city.send(author.reading())
        await _ask_all(city)
        await city.settled()


async def _ask_all(city: City) -> None:
    """One question to each service, so that answers are measured too."""
    for service in city.state.ports:
        assert (await city.ask(service, "/openapi.json")).status_code == 200


@contextmanager
def auditing(up: Up, folder: Path) -> Iterator[str]:
    """`tanzhang audit --every 2`; gives its address."""
    port = free_port()
    arguments = ["audit", "--every", "2", "--port", str(port), "--data-dir", str(up.data_dir)]
    with (folder / "auditor.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tanzhang", *arguments],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=up.environment or dict(os.environ),
        )
    try:
        yield f"127.0.0.1:{port}"
        assert process.poll() is None, (folder / "auditor.log").read_text()
    finally:
        process.terminate()
        code = process.wait(30)
    assert code == 0, (folder / "auditor.log").read_text()


async def region(up: Up, year: int) -> dict[str, Any]:
    """What industrial itself says of a year."""
    async with visiting(up) as city:
        return await city.get("industrial", f"/v1/region/summary?year={year}")


async def add_to_a_balance(up: Up, milligrams: int) -> None:
    """What no program does: change a figure without an entry."""
    settings, _ = directory.settings_of(up.data_dir)
    pool = await open_pool(settings.database("personal"), "personal", size=1)
    try:
        await pool.execute(ONE_BALANCE, milligrams)
    finally:
        await pool.close()


def probe(address: str, path: str) -> int:
    return httpx.get(f"http://{address}{path}", timeout=60, trust_env=False).status_code
