import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from tanzhang.stack import StackError, directory, postgres

START_AND_WAIT = """
import sys, time
from pathlib import Path
from tanzhang.stack import broker, postgres
place = Path(sys.argv[1])
p = postgres.start(place / "postgres", log=place / "p.log", settings=postgres.FOR_TESTS)
b = broker.start(place, log=place / "b.log")
print(p.child.pid, b.child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def place(stack_directory: Path, request: pytest.FixtureRequest) -> Path:
    """A directory below one that others may not search, with a space in its name."""
    private = stack_directory / f"private {request.node.name}"
    private.mkdir(mode=0o700)
    return private


def _start(place: Path) -> postgres.Postgres:
    return postgres.start(
        place / "postgres", log=place / "postgres.log", settings=postgres.FOR_TESTS
    )


def _await(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def killed_supervisor(place: Path) -> Iterator[list[int]]:
    """The pids of a server and a broker whose supervisor has just been killed."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, str(place)], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    pids = [int(pid) for pid in supervisor.stdout.readline().split()]
    assert all(_runs(pid) for pid in pids)
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    yield pids
    for pid in filter(_runs, pids):
        os.kill(pid, signal.SIGKILL)


async def test_data_survives_a_restart_on_another_port(place: Path) -> None:
    first = _start(place)
    try:
        await first.create_database("points")
        await first.create_database("points")  # a second time changes nothing
        await _run(first.url("points"), "create table kept as select 23096 as milligrams")
    finally:
        first.stop()

    second = _start(place)
    try:
        assert await _run(second.url("points"), "select milligrams from kept") == 23096
    finally:
        second.stop()
    assert second.password == first.password


async def test_only_the_password_opens_the_server(place: Path) -> None:
    server = _start(place)
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url("postgres").replace(server.password, "guessed"))
    finally:
        server.stop()
    secrets = place / "postgres.password"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert secrets.stat().st_uid == os.geteuid()
    assert (place / "postgres").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel must help")
def test_nothing_survives_a_killed_supervisor(killed_supervisor: list[int]) -> None:
    _await(lambda: not any(_runs(pid) for pid in killed_supervisor))


async def test_a_server_left_behind_is_stopped_by_the_next_start(place: Path) -> None:
    left = _start(place)
    await left.create_database("points")
    try:
        following = _start(place)
        try:
            assert left.child.process.wait(5) == 0
            assert await _run(following.url("points"), "select 1") == 1
        finally:
            following.stop()
    finally:
        left.stop()


async def test_a_pid_file_whose_pid_is_another_programs_by_now(place: Path) -> None:
    server = _start(place)
    pid_file = place / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.child.process.kill()
    server.child.process.wait()
    _await(lambda: not postgres._all_in(place / "postgres"))
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    again = _start(place)
    try:
        assert await _run(again.url("postgres"), "select 1") == 1
    finally:
        again.stop()


async def test_a_pid_file_that_was_being_written_when_the_machine_went(place: Path) -> None:
    _start(place).stop()
    (place / "postgres" / "postmaster.pid").touch()

    again = _start(place)
    try:
        assert await _run(again.url("postgres"), "select 1") == 1
    finally:
        again.stop()


def test_other_files_are_not_taken_for_data(place: Path) -> None:
    (place / "postgres").mkdir()
    (place / "postgres" / "letter.txt").write_text("dear")
    with pytest.raises(StackError, match="not empty"):
        _start(place)


def test_data_of_another_version_is_refused(place: Path) -> None:
    (place / "postgres").mkdir()
    (place / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StackError, match=r"written by PostgreSQL 9\.6"):
        _start(place)


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    with directory.hold(tmp_path):
        assert directory.is_held(tmp_path)
        with pytest.raises(StackError, match=rf"pid {os.getpid()}\)"), directory.hold(tmp_path):
            pass
    assert not directory.is_held(tmp_path)


async def _run(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
