"""A domain service as a process: its API, its worker, or both."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from fastapi import APIRouter, FastAPI

from shared import metrics
from shared.database import Pool, open_pool, version
from shared.http.app import create_app
from shared.http.client import open_client
from shared.settings import Settings
from shared.stream.gauges import Measurer
from shared.stream.poster import Poster
from shared.stream.relay import Relay
from shared.stream.service import Service
from shared.stream.tick import Tick
from shared.stream.waiting import wait
from shared.stream.worker import Worker

Role = Literal["api", "worker", "all", "webhooks"]
STALLED_SECONDS = 120.0
# Worker, then relay: with uvicorn's 15 s for open requests, a pod needs 60 s of grace at worst.
STOP_SECONDS_MAX = 15.0
CANCEL_SECONDS_MAX = 2.0

log = structlog.get_logger()


def utc_now() -> datetime:
    """The clock of a running process."""
    return datetime.now(UTC)


def create_service(
    service: Service[Any, Any],
    routers: Sequence[APIRouter],
    settings: Settings,
    role: Role,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The app of a domain service; routers see `app.state.{pool,poster,relay,client,clock,settings}`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = await open_pool(settings.database(service.name), service.name, size=8)
        poster = Poster(service, parked_per_source=settings.tanzhang_parked_per_source)
        relay = Relay(service.name, settings, pool)
        app.state.pool, app.state.poster, app.state.relay = pool, poster, relay
        app.state.clock = clock
        async with AsyncExitStack() as stack:
            stack.push_async_callback(close, pool)
            app.state.client = await stack.enter_async_context(open_client())
            if role != "api":
                await stack.enter_async_context(_running(app, poster, relay, settings))
            yield

    async def ready() -> None:
        await version.check(app.state.pool, service.name)
        worker: Worker | None = getattr(app.state, "worker", None)
        if worker is not None:
            worker.check()

    app = create_app(
        service.name, settings, routers if role != "worker" else (), lifespan, ready=ready
    )
    return app


@asynccontextmanager
async def _running(
    app: FastAPI, poster: Poster[Any, Any], relay: Relay, settings: Settings
) -> AsyncIterator[None]:
    """Worker, relay, tick, gauges and watchdog for as long as the app lives; one fails: all stop."""
    pool, clock = app.state.pool, app.state.clock
    worker = Worker(
        poster,
        settings,
        pool,
        clock,
        committed=relay.wake,
        failures_max=settings.tanzhang_failures_in_a_row,
    )
    app.state.worker = worker
    tick = Tick(poster, pool, clock, committed=relay.wake)
    working, publishing = asyncio.Event(), asyncio.Event()
    tasks = {
        asyncio.create_task(guarded(app, worker.run(working)), name="worker"),
        asyncio.create_task(guarded(app, tick.run(working)), name="tick"),
        asyncio.create_task(guarded(app, watch(worker, working, relay)), name="watchdog"),
    }
    if (measure := poster.service.measure) is not None:
        measurer = Measurer(poster.service.name, measure, pool)
        tasks.add(asyncio.create_task(guarded(app, measurer.run(working)), name="measurer"))
    publisher = asyncio.create_task(guarded(app, relay.run(publishing)), name="relay")
    try:
        yield
    finally:
        # Finish the batch in hand, then publish what it left in the outbox.
        working.set()
        await ended(tasks)
        publishing.set()
        relay.wake()
        await ended({publisher})


async def ended(tasks: set[asyncio.Task[None]]) -> None:
    """Wait for tasks that were asked to end; late ones are cancelled (their transaction rolls back)."""
    _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS_MAX)
    for task in late:
        log.warning("cancelled", task=task.get_name(), seconds=STOP_SECONDS_MAX)
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=CANCEL_SECONDS_MAX)


async def guarded(app: FastAPI, work: Coroutine[Any, Any, None]) -> None:
    """A task that fails takes the process with it: half a service is worse than none.

    So does one that a library ended by cancelling what it waited for.
    """
    task = asyncio.current_task()
    try:
        await work
    except (Exception, asyncio.CancelledError) as error:
        if task is not None and task.cancelling():
            raise
        log.exception(
            "task_failed", task=task and task.get_name(), reason=str(error) or type(error).__name__
        )
        if getattr(app.state, "fatal", None) is None:
            app.state.fatal = error
        stop = getattr(app.state, "stop_server", None)
        if stop is not None:
            stop()


async def watch(worker: Worker, stop: asyncio.Event, relay: Relay | None = None) -> None:
    """Fail when the worker makes no progress (aiokafka#1154: a consumer may stall silently)."""
    while not stop.is_set():
        metrics.IDLE.labels(worker.name).set(worker.idle and (relay is None or relay.idle))
        if time.monotonic() - worker.last_progress > STALLED_SECONDS:
            raise RuntimeError(f"no progress for {STALLED_SECONDS:.0f} s")
        await wait(stop, 0.5)


async def close(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), 10)
    except TimeoutError:
        pool.terminate()
