"""An order to a process counts when the process itself has taken it, and none is left behind."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tanzhang.stack import children
from tests.faults import hooked
from tests.faults.injections import obeyed
from tests.faults.stage import ROOT, Process

ORDER = hooked.FREEZE_BEFORE_POST
SECONDS_MAX = 30
WORKER = """
import sys, time
from datetime import datetime
from pathlib import Path
from tests.faults.hooked import freezing

clock = freezing(datetime.now, Path(sys.argv[1]))
while True:
    clock()
    time.sleep(0.005)
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Process]:
    """A process that looks for orders again and again, as a worker does before each batch."""
    child = children.start(
        "worker",
        [sys.executable, "-c", WORKER, tmp_path],
        log=tmp_path / "log",
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    yield Process("worker", "personal", "worker", 0, tmp_path, child)
    child.stop([])


async def test_whom_another_has_stopped_has_not_obeyed(worker: Process) -> None:
    worker.freeze()
    assert not await obeyed(worker, ORDER, seconds=0.2)
    assert not (worker.directory / ORDER).exists()


async def test_whoever_obeys_stands_still_until_somebody_lets_it_go_on(worker: Process) -> None:
    for _ in range(2):
        assert await obeyed(worker, ORDER, SECONDS_MAX)
        deadline = time.monotonic() + SECONDS_MAX
        while not worker.stands_still():
            assert time.monotonic() < deadline
        worker.thaw()
