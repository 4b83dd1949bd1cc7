"""The play and its critics: events are sent while things go wrong, then everything is compared."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.faults.comparison import differences, posted_outside
from tests.faults.flow import drained
from tests.faults.oracle import expected
from tests.faults.sender import Sender
from tests.faults.stage import ROOT, Stage
from tests.faults.table import Tally

SAMPLE_SECONDS = 15.0
AUDIT_SECONDS = 180
DATABASE_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


@asynccontextmanager
async def sampled(stage: Stage, sender: Sender, tally: Tally) -> AsyncIterator[None]:
    """During the block, look again and again: nothing is posted that was not sent."""

    async def look() -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            try:
                outside = await posted_outside(stage.urls, [], sender.workload.sent)
                # What was sent during that look was not known to it yet.
                again = await posted_outside(stage.urls, [], sender.workload.sent)
            except DATABASE_AWAY:
                continue
            assert not set(outside) & set(again), f"posted but not sent: {again[:20]}"
            tally.samples += 1

    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(look())
        yield
        looking.cancel()


async def judged(stage: Stage, sender: Sender, tally: Tally) -> None:
    """Wait until everything has arrived; then ledgers, labels, points and dead letters must be
    what the oracle makes of the same events, the audit clean, and nobody dead but by our hand."""
    sent = sender.workload.sent
    tally.seconds["drain"] = await drained(stage)
    began = time.monotonic()
    found = await differences(stage.urls, expected(sent, sender.workload.registrations()))
    outside = await posted_outside(stage.urls, sender.acknowledged, sent)
    tally.sent, tally.kinds = len(sent), Counter(event.kind for event in sent)
    tally.requests_repeated, tally.fenced = sender.posted.retries, stage.logged("fenced")
    tally.entries, tally.lost, tally.doubled = found.entries, found.lost, found.doubled
    tally.wrong = len(found.wrong) + len(outside)
    audit = await asyncio.to_thread(audited, stage)
    tally.seconds["comparison"] = time.monotonic() - began
    where = f"seed {tally.seed}; logs in {stage.directory}"
    assert not sender.rejected, f"{where}: refused at the door: {sender.rejected[:5]}"
    assert not found, f"{where}: lost {found.lost}, doubled {found.doubled}, {found.wrong[:20]}"
    assert not outside, f"{where}: {outside[:20]}"
    assert audit.returncode == 0, f"{where}: {audit.stdout}{audit.stderr}"
    # Whoever is started again dies of the same.
    assert not stage.deaths, "\n".join([f"{where}: {len(stage.deaths)} ended", *stage.deaths[:2]])
    stage.well = True


def audited(stage: Stage) -> "subprocess.CompletedProcess[str]":
    """`tanzhang audit` on the stage's servers."""
    command = [sys.executable, "-m", "tanzhang", "audit", "--data-dir", str(stage.directory)]
    if set(stage.urls) != {"industrial", "agri", "personal", "grading", "points"}:
        command += [part for service in stage.urls for part in ("--service", service)]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=dict(stage.environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=AUDIT_SECONDS,
    )
