"""`tanzhang` with three doors for faults: a clock that steps, a relay that dies, a batch that waits.

    python -m tests.faults.hooked DIRECTORY run personal --role worker --port 8104

Files in DIRECTORY open the doors: `clock` holds the seconds by which this process is off,
`kill-after-send` and `freeze-after-send` kill or stop (SIGSTOP) it when Kafka has acknowledged what
the outbox still has, and `freeze-before-post` stops it with a batch in hand and no transaction
begun. All but the first are taken away by the process that obeys.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from shared import service_app
from shared.stream.relay import Relay
from shared.stream.worker import Worker

CLOCK = "clock"
KILL_AFTER_SEND, FREEZE_AFTER_SEND = "kill-after-send", "freeze-after-send"
FREEZE_BEFORE_POST = "freeze-before-post"


def taken(order: Path) -> bool:
    """Whether there was such an order; there is none afterwards."""
    try:
        order.unlink()
    except FileNotFoundError:
        return False
    return True


def now(directory: Path) -> datetime:
    """The time of this process's clock."""
    try:
        seconds = float((directory / CLOCK).read_text())
    except (FileNotFoundError, ValueError):  # no step, or one that is being written
        seconds = 0.0
    return datetime.now(UTC) + timedelta(seconds=seconds)


def hook(directory: Path) -> None:
    """Replace what services are wired with; before the first of them is imported."""
    stepped = partial(now, directory)

    async def after_send() -> None:
        if taken(directory / KILL_AFTER_SEND):
            os.kill(os.getpid(), signal.SIGKILL)
        if taken(directory / FREEZE_AFTER_SEND):
            os.kill(os.getpid(), signal.SIGSTOP)

    def worker(poster: Any, settings: Any, pool: Any, clock: Any, **options: Any) -> Any:
        return Worker(poster, settings, pool, freezing(clock, directory), **options)

    service_app.create_service.__defaults__ = (stepped,)
    vars(service_app).update(
        utc_now=stepped, Worker=worker, Relay=partial(Relay, after_send=after_send)
    )


def freezing(clock: Callable[[], datetime], directory: Path) -> Callable[[], datetime]:
    """The worker's clock: it is read once per batch, right before the transaction."""

    def read() -> datetime:
        if taken(directory / FREEZE_BEFORE_POST):
            os.kill(os.getpid(), signal.SIGSTOP)
        return clock()

    return read


if __name__ == "__main__":
    hook(Path(sys.argv.pop(1)))
    from tanzhang.cli import app

    app(prog_name="tanzhang")
