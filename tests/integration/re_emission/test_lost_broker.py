"""A broker that is gone with what it had: the ledgers of both sides agree again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from fastapi import FastAPI

from shared.database.migrations import migrate
from shared.settings import Settings
from tanzhang import topics
from tanzhang.audit import audit
from tanzhang.demo.place import own_environment
from tanzhang.posting import client, post_events
from tanzhang.re_emission import re_emit
from tanzhang.simulation import city
from tanzhang.stack import directory, local_keys
from tanzhang.stack.directory import StackState
from tests.integration.conftest import Eventually, Publish
from tests.integration.re_emission.conftest import START, OpenDesk

REDUCTIONS = """
select s.subject, count(*), sum(e.amount_mg) from personal.ledger_entry e
join personal.subject s on s.account = e.account where e.sequence is not null
group by 1 order by 1
"""
POINTS = """
select s.subject, count(distinct p.event_key), sum(case when p.to_account = 'issuance'
    then -p.points when p.from_account = 'issuance' then p.points else 0 end)
from points.posting p join points.subject s on s.account = p.account group by 1 order by 1
"""
# Of points, what does not depend on when its clock looked at tiers.
LEDGER = """
select s.subject, p.event_key, p.line, p.content_hash, p.kind, p.from_account, p.to_account,
    p.points, p.cause, p.occurred_at, dense_rank() over (partition by account order by p.sequence)
from points.posting p join points.subject s using (account)
order by s.subject, p.sequence, p.line
"""
JOURNAL = "select count(*) from personal.ledger_entry where content_hash is not null"
SECONDS = 60


def payments(number: int, customers: int) -> list[dict[str, Any]]:
    made = city(21, enterprises=1, farms=1, customers=customers, payments=number)
    events = (posting.event for posting in made.events())
    return [dict(event) for event in events if event["type"] == "cn.tanzhang.payment.v1"]


async def test_a_whole_city_says_again_what_it_said(desk: OpenDesk) -> None:
    personal = await desk("personal")
    events = [msgspec.json.encode(event) for event in payments(2000, 60)]
    for at in range(0, len(events), 100):
        await personal.post(events[at : at + 100])
    sent = await personal.sent()
    again = await personal.sent_again(START, accounts_per_lot=7)
    assert sorted(again) == sorted(sent)


@asynccontextmanager
async def running(settings: Settings, name: str) -> AsyncIterator[FastAPI]:
    await migrate(settings.database(name), name)
    app: FastAPI = import_module(f"services.{name}.app").create(settings, "all")
    async with app.router.lifespan_context(app):
        yield app


async def test_who_has_lost_all_catches_up_to_the_same_ledger(
    open_settings: Settings, publish: Publish, eventually: Eventually
) -> None:
    events = payments(300, 25)
    ids = {(event["source"], event["id"]) for event in events}
    await topics.create(open_settings)
    async with (
        running(open_settings, "personal") as personal,
        running(open_settings, "points") as points,
    ):
        await publish("payments", events)

        async def all_posted() -> bool:
            return len(ids) == await personal.state.pool.fetchval(JOURNAL) and await agree(points)

        await eventually(all_posted)
        ledger = await points.state.pool.fetch(LEDGER)
        await points.state.pool.execute("drop schema points cascade")

    prefix = open_settings.tanzhang_topic_prefix + "new-"
    new_broker = msgspec.structs.replace(open_settings, tanzhang_topic_prefix=prefix)
    await topics.create(new_broker)
    await re_emit(new_broker, "personal", datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC))
    async with running(new_broker, "personal"), running(new_broker, "points") as points:
        await eventually(lambda: agree(points))
        assert await points.state.pool.fetch(LEDGER) == ledger
        assert await points.state.pool.fetchval("select count(*) from dead_letter") == 0


async def agree(points: FastAPI) -> bool:
    """Whether points have what was saved, account by account; both are in one database here."""
    reductions = await points.state.pool.fetch(REDUCTIONS)
    return bool(reductions) and reductions == await points.state.pool.fetch(POINTS)


@dataclass(slots=True)
class Up:
    """`tanzhang up` in a process of its own, and what it says."""

    data_dir: Path
    output: Path
    process: "subprocess.Popen[bytes] | None" = None

    def begin(self) -> "subprocess.Popen[bytes]":
        """Returns at once."""
        self.output.unlink(missing_ok=True)
        with self.output.open("wb") as output:
            process = self.process = subprocess.Popen(
                self.command("up", "--base-port", "0", "--no-webhooks"),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=own_environment(os.environ),
            )
        return process

    def start(self) -> None:
        """Returns when it has said that it is ready."""
        process = self.begin()
        self.wait(lambda: process.poll() is not None or "ready in" in self.said())
        assert process.poll() is None, self.said()

    def kill(self) -> None:
        """SIGKILL the supervisor; what it has started dies with it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        return self.output.read_text()

    def command(self, name: str, *arguments: str) -> list[str]:
        return [
            sys.executable, "-m", "tanzhang", name, "--data-dir", str(self.data_dir), *arguments
        ]  # fmt: skip

    def run(self, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(name, *arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=own_environment(os.environ),
        )

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def service(self, name: str) -> int:
        """The pid of a service of this stack."""
        [pid] = self.services(name)
        return pid

    def services(self, name: str) -> list[int]:
        words, mark = f"tanzhang\0run\0{name}\0", str(self.data_dir)
        return [
            int(entry.name)
            for entry in Path("/proc").glob("[0-9]*")
            if words in _text(entry / "cmdline") and mark in _text(entry / "environ")
        ]


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@pytest.fixture
def up(stack_directory: Path) -> Iterator[Up]:
    """A stack of this test; whatever of it still runs at the end is killed."""
    made = Up(stack_directory / "killed", stack_directory / "killed.out")
    yield made
    made.kill()


async def _counted(state: StackState, service: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(state.environment[f"{service.upper()}_DATABASE_URL"])
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


@pytest.mark.faults
async def test_what_a_killed_stack_had_on_its_way_arrives_after_the_next_up(
    up: Up, eventually: Eventually
) -> None:
    events = payments(1000, 80)
    ids = {(event["source"], event["id"]) for event in events}
    up.start()
    state = directory.find(up.data_dir)
    # Points reads nothing from now on: what personal sends is in the broker only, and in memory.
    os.kill(up.service("points"), signal.SIGSTOP)
    await _post(up, state, events)

    async def all_sent() -> bool:
        [[posted]] = await _counted(state, "personal", JOURNAL)
        [[waiting]] = await _counted(state, "personal", "select count(*) from personal.outbox")
        return (posted, waiting) == (len(ids), 0)

    await eventually(all_sent)
    assert await _counted(state, "points", POINTS) == []
    up.kill()
    up.wait(lambda: not up.services("points"))

    # The second stack sends it again, and is killed before points has read it.
    up.begin()
    up.wait(lambda: bool(up.services("points")))
    os.kill(up.service("points"), signal.SIGSTOP)
    second = directory.read(up.data_dir)
    assert second is not None
    assert second.cluster_id != state.cluster_id
    state = second
    await eventually(all_sent)
    assert await _counted(state, "points", POINTS) == []
    up.kill()

    up.start()
    assert "What the ledgers had sent since then is sent again." in up.said()
    state = directory.find(up.data_dir)
    reductions = await _counted(state, "personal", REDUCTIONS)
    assert reductions

    async def arrived() -> bool:
        return await _counted(state, "points", POINTS) == reductions

    await eventually(arrived)
    report = await audit(directory.settings_of(up.data_dir, own_environment(os.environ))[0])
    assert (report.wrong, report.in_flight) == (0, 0), report.checks
    once_more = up.run("re-emit", "personal", "--since", "2026-01-01")
    events_sent = sum(count for _, count, _ in reductions)
    assert f"personal: {events_sent:,} events are sent again" in once_more.stdout


async def _post(up: Up, state: StackState, events: list[dict[str, Any]]) -> None:
    settings, _ = directory.settings_of(up.data_dir, own_environment(os.environ))
    token = local_keys.token(
        up.data_dir,
        settings,
        client="test",
        scopes=["events:write:payments"],
        sources=["*"],
        subjects=["*"],
        lifetime=timedelta(hours=1),
    )
    async with client(state.url("ingest"), token) as door:
        posted = await post_events(door, events)
    assert posted.accepted == len(events)
