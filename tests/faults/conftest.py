"""Servers for all tests of this folder, the seed, and the table at the end."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import servers, table
from tests.faults.servers import Servers
from tests.faults.table import Tally

SEED = int(os.environ.get("TANZHANG_FAULT_SEED") or secrets.randbelow(10**6))

_tallies: list[Tally] = []


@pytest.fixture(scope="session")
def real_servers(stack_directory: Path) -> Iterator[Servers]:
    """PostgreSQL 18 with everything that makes it durable, and three brokers of Apache Kafka 4."""
    directory = stack_directory / "faults"
    directory.mkdir(mode=0o711)
    with servers.running(directory) as running:
        yield running


@pytest.fixture
def seed() -> int:
    """The seed of this run: TANZHANG_FAULT_SEED, or a random one."""
    print(f"TANZHANG_FAULT_SEED={SEED}")
    return SEED


@pytest.fixture
def tally(request: pytest.FixtureRequest, seed: int) -> Tally:
    """The account of this test; it is in the table at the end."""
    kept = Tally(request.node.name, seed)
    _tallies.append(kept)
    return kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of all faults, and what became of the events."""
    if not _tallies:
        return
    terminalreporter.section(f"faults (TANZHANG_FAULT_SEED={SEED})")
    for line in table.lines(_tallies):
        terminalreporter.write_line(line)
    table.save(_tallies)
    terminalreporter.write_line(f"also in {table.LAST}")
