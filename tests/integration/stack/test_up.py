"""`tanzhang up` as its user sees it: one process, started, asked, interrupted, killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from shared.settings import DOMAIN_SERVICES, SERVICES
from tanzhang.demo.place import own_environment
from tanzhang.stack import StackError, directory, plan, probes, supervisor

SECONDS = 90


@dataclass(slots=True)
class Up:
    data_dir: Path

    def command(self, *arguments: str) -> list[str]:
        place = ["--data-dir", str(self.data_dir)]
        return [sys.executable, "-m", "tanzhang", arguments[0], *place, *arguments[1:]]

    def start(self) -> "subprocess.Popen[str]":
        """A started `up` that has said it is ready."""
        output = (self.data_dir.parent / f"{self.data_dir.name}.out").open("w+")
        process = subprocess.Popen(
            self.command("up", "--base-port", "0", "--no-webhooks"),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=own_environment(os.environ),
        )
        deadline = time.monotonic() + SECONDS
        while "ready in" not in self.said():
            assert process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        output.close()
        return process

    def said(self) -> str:
        return (self.data_dir.parent / f"{self.data_dir.name}.out").read_text()

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=own_environment(os.environ),
        )

    def processes(self) -> list[int]:
        """All processes of this stack but `up` itself: they have the directory in their words."""
        marks = (str(self.data_dir), *self._variables())
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_text() + (entry / "environ").read_text()
                ended = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except (OSError, UnicodeDecodeError):
                continue
            if not ended and any(mark in words for mark in marks):
                found.append(int(entry.name))
        return found

    def _variables(self) -> list[str]:
        state = directory.read(self.data_dir)
        return [] if state is None or state.cluster_id is None else [state.cluster_id]


@pytest.fixture
def stack(stack_directory: Path, request: pytest.FixtureRequest) -> Iterator[Up]:
    up = Up(stack_directory / f"stack of {request.node.name}")
    yield up
    for pid in up.processes():
        os.kill(pid, signal.SIGKILL)


def _end(process: "subprocess.Popen[str]", number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(SECONDS)


def test_ready_asked_and_stopped(stack: Up) -> None:
    process = stack.start()
    state = directory.find(stack.data_dir)
    assert set(state.ports) == set(SERVICES)
    for service in SERVICES:
        assert (
            httpx.get(f"{state.url(service)}/readyz", timeout=60, trust_env=False).status_code
            == 200
        )

    account = f"{state.url('points')}/v1/accounts/jsrcb:no-such-account"
    assert httpx.get(account, timeout=60, trust_env=False).status_code == 401
    token = stack.run("token", "--scope", "points:read").stdout.strip()
    bearer = {"authorization": f"Bearer {token}"}
    assert httpx.get(account, headers=bearer, timeout=60, trust_env=False).status_code == 404

    second = stack.run("up", "--base-port", "0", "--no-webhooks")
    assert second.returncode == 1
    assert f"(pid {process.pid})" in second.stderr

    running = stack.processes()
    assert len(running) > len(DOMAIN_SERVICES)
    assert _end(process, signal.SIGINT) == 0, stack.said()
    assert stack.processes() == []
    assert directory.read(stack.data_dir) is None, stack.said()


@pytest.mark.faults
def test_a_service_that_ends_stops_all_and_says_why(stack: Up) -> None:
    process = stack.start()
    victim = _pid_of(stack, "grading")

    os.kill(victim, signal.SIGKILL)

    assert process.wait(SECONDS) == 1
    assert "grading ended (signal SIGKILL)" in stack.said()
    assert directory.read(stack.data_dir) is not None  # not a clean stop


@pytest.mark.faults
def test_nothing_survives_a_killed_up_and_the_next_one_starts(stack: Up) -> None:
    killed = stack.start()
    assert _end(killed, signal.SIGKILL) == -signal.SIGKILL
    deadline = time.monotonic() + SECONDS
    while stack.processes():
        assert time.monotonic() < deadline, stack.processes()
        time.sleep(0.1)

    again = stack.start()
    assert "The last stop was not a clean one" in stack.said()
    assert _end(again, signal.SIGTERM) == 0, stack.said()
    assert directory.read(stack.data_dir) is None


@pytest.mark.faults
async def test_a_killed_service_is_started_again_where_that_is_wanted(stack: Up) -> None:
    options = plan.Options(
        data_dir=stack.data_dir, base_port=0, restart=True, environment=own_environment(os.environ)
    )

    async def kill_and_wait(running: supervisor.Stack) -> int:
        running.kill("personal")
        url = running.started.url("personal")
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:

            async def is_back() -> bool:
                return running.restarts.get("personal") == 1 and await probes.is_ready(client, url)

            assert await probes.until(is_back, SECONDS)
        return running.services["personal"].pid

    said: list[str] = []
    async with supervisor.running(options, say=said.append) as running:
        before = running.services["personal"].pid
        assert await supervisor.supervised(running, kill_and_wait(running)) != before
    assert directory.read(stack.data_dir) is None, said
    assert stack.processes() == []


async def test_a_broker_that_is_not_there_is_named(stack: Up) -> None:
    given = {**own_environment(os.environ), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    options = plan.Options(data_dir=stack.data_dir, base_port=0, environment=given)
    with pytest.raises(StackError, match=r"broker at 127\.0\.0\.1:1"):
        async with supervisor.running(options, say=print):
            pass
    assert stack.processes() == []


def _pid_of(stack: Up, service: str) -> int:
    words = f"run\0{service}\0"
    found = [pid for pid in stack.processes() if words in Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(found) == 1
    return found[0]
