"""The audit again and again, in a process of its own: probes and metrics for those who watch."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from fastapi import FastAPI

from shared import metrics
from shared.database import TRANSIENT
from shared.http.app import create_app
from shared.service_app import guarded
from shared.settings import Settings
from shared.stream.waiting import wait
from tanzhang.audit.crossings import KAFKA_AWAY
from tanzhang.audit.errors import AuditError
from tanzhang.audit.report import Report

NAME = "auditor"
# Why an audit could not look: a database is away, has no tables, Kafka is away.
DATABASE, TABLES, KAFKA = REASONS = ("database", "tables", "kafka")
STOP_SECONDS_MAX = 5.0
# What was away may be back; the next turn may be hours away.
RETRY_SECONDS = 60.0
# An audit that takes longer waits for somebody who has gone without a word.
LOOK_SECONDS_MAX = 3 * 3600.0

Look = Callable[[], Awaitable[Report]]

log = structlog.get_logger()


@dataclass(slots=True)
class Auditor:
    """Looks every so many seconds; `failed` says why the last try told nothing."""

    look: Look
    every_seconds: float
    failed: str | None = field(default=None, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Audit until stopped, one after the other."""
        while not stop.is_set():
            began = time.monotonic()
            await self.once()
            await wait(stop, self.pause(time.monotonic() - began))

    def pause(self, took: float) -> float:
        """Seconds until the next: the databases rest as long as an audit took, if not longer."""
        turn = self.every_seconds
        if self.failed is not None:
            turn = min(turn, RETRY_SECONDS)
        return max(turn - took, took, 1.0)

    async def once(self) -> None:
        """One audit, told in the metrics and in one line of the log."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(LOOK_SECONDS_MAX):
                report = await self.look()
        except AuditError as error:
            self._could_not_look(TABLES, error)
        except TRANSIENT as error:
            self._could_not_look(DATABASE, error)
        else:
            self._tell(report, time.monotonic() - began)

    def _could_not_look(self, reason: str, error: Exception) -> None:
        """What the last audit found still stands, and grows old."""
        self.failed = f"{reason}: {error}"
        _show_failure(reason)
        log.warning("audit_failed", reason=reason, error=repr(error))

    def _tell(self, report: Report, seconds: float) -> None:
        self.failed = None
        _show_failure(KAFKA if _without_kafka(report) else None)
        metrics.AUDIT_WRONG.clear()
        metrics.AUDIT_IN_FLIGHT.clear()
        for check in report.checks:
            metrics.AUDIT_WRONG.labels(check.name).set(len(check.wrong))
            metrics.AUDIT_IN_FLIGHT.labels(check.name).set(len(check.in_flight))
            if check.wrong:
                # Without the accounts: `tanzhang audit` names them to whoever may know.
                log.error("audit_wrong", check=check.name, wrong=len(check.wrong))
        metrics.AUDIT_TIMESTAMP.set_to_current_time()
        metrics.AUDIT_SECONDS.set(seconds)
        log.info(
            "audited", wrong=report.wrong, in_flight=report.in_flight, seconds=round(seconds, 3)
        )


def create(settings: Settings, look: Look, every_seconds: float) -> FastAPI:
    """The auditor as a process: nothing but probes, metrics and the audit."""
    auditor = Auditor(look, every_seconds)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(guarded(app, auditor.run(stop)))
        try:
            yield
        finally:
            stop.set()
            # A reader may be cancelled anywhere.
            await asyncio.wait({task}, timeout=STOP_SECONDS_MAX)
            task.cancel()
            await asyncio.wait({task}, timeout=STOP_SECONDS_MAX)

    async def ready() -> None:
        if auditor.failed is not None:
            raise AuditError(auditor.failed)

    return create_app(NAME, settings, (), lifespan, ready=ready)


def _show_failure(reason: str | None) -> None:
    for known in REASONS:
        metrics.AUDIT_FAILED.labels(known).set(known == reason)


def _without_kafka(report: Report) -> bool:
    return any(KAFKA_AWAY in (check.note or "") for check in report.checks)
