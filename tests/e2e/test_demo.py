"""`tanzhang demo` as its user sees it: one command, one screen, an exit code."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

SECONDS = 120
CITY = ("--enterprises", "40", "--farms", "12", "--customers", "300", "--payments", "1000")


def _command(data_dir: Path, *options: str) -> list[str]:
    place = ["--data-dir", str(data_dir)]
    return [sys.executable, "-m", "tanzhang", "demo", *place, *CITY, *options]


def _demo(data_dir: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        _command(data_dir, *options), capture_output=True, text=True, check=False, timeout=SECONDS
    )


def _figures(screen: str) -> dict[str, list[str]]:
    """The columns of the table of figures by their titles."""
    rows = (re.split(r"\s{2,}", line.strip()) for line in screen.splitlines())
    return {row[0]: row[1:] for row in rows if len(row) == 4 and row[-1] in ("ok", "NO")}


def _row(figures: dict[str, list[str]], title: str) -> list[str]:
    """Expected, found and verdict of the row whose title begins so."""
    (found,) = (row for name, row in figures.items() if name.startswith(title))
    return found


@pytest.fixture(scope="module")
def played(stack_directory: Path) -> "subprocess.CompletedProcess[str]":
    """A demonstration in which nobody was killed; leaves no directory."""
    data_dir = stack_directory / "demo"
    finished = _demo(data_dir)
    assert not data_dir.exists()
    return finished


def test_golden_numbers_are_found_and_everything_agrees(
    played: "subprocess.CompletedProcess[str]",
) -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    figures = _figures(played.stdout)
    for title, golden in (
        ("1 ", "14150.75, 0.103200, 0.1032"),
        ("2 ", "13875.24, 0.1012"),
        ("its label", "light_green, 0.920, 0.1012"),
        ("3 ", "613.5, 247.0, 238.6, 1099.1"),
        ("4 ", "23.096, 23.096"),
        ("5 ", "41400"),
        ("6 ", "3.0959"),
        ("7 ", "0.5153"),
        ("8 ", "deep_green, light_green, yellow"),
    ):
        assert _row(figures, title) == [golden, golden, "ok"]
    assert _row(figures, "dead letters")[1] == "0, 0"
    assert "all agrees" in played.stdout
    lines = played.stdout.splitlines()
    assert len(lines) <= 45
    assert max(cell_len(line) for line in lines) <= 100


@pytest.mark.faults
def test_killed_services_change_no_number(
    played: "subprocess.CompletedProcess[str]", stack_directory: Path
) -> None:
    killed = _demo(stack_directory / "killed", "--kill-workers", "3")

    assert killed.returncode == 0, killed.stdout + killed.stderr
    assert "3 times killed meanwhile" in killed.stdout
    assert _figures(killed.stdout) == _figures(played.stdout)
    assert _city(killed.stdout) == _city(played.stdout)


def _city(screen: str) -> list[str]:
    """What the screen says before the table of figures."""
    return screen[: screen.index("figures 核对")].splitlines()


@pytest.mark.faults
def test_an_interrupt_leaves_nothing_behind(stack_directory: Path) -> None:
    data_dir = stack_directory / "interrupted"
    process = subprocess.Popen(
        _command(data_dir), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        said = ""
        while "posting over HTTP" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "stopped before the work was done" in rest
    assert not data_dir.exists()
    assert _processes(data_dir) == []


def _processes(data_dir: Path) -> list[int]:
    """Processes that have the directory in their words, looked for until they are gone."""
    deadline = time.monotonic() + SECONDS
    while True:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_text() + (entry / "environ").read_text()
            except (OSError, UnicodeDecodeError):
                continue
            if str(data_dir) in words and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)
