"""The webhooks of a service as a process of its own: fan-out and sender, away from its events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
from fastapi import FastAPI

from shared.database import open_pool, version
from shared.http.app import create_app
from shared.service_app import close, ended, guarded, utc_now, watch
from shared.settings import Settings, SettingsError
from shared.stream.worker import Worker
from shared.webhooks.addresses import guard
from shared.webhooks.fanout import Fanout, Permit, Reading, permit_all
from shared.webhooks.sender import Consented, Sender, consent_to_all
from shared.webhooks.signing import Vault

BATCH_ROWS_MAX = 200


def create_webhooks(
    service: str,
    topic: str,
    settings: Settings,
    *,
    account: Callable[[str], str] = str,
    permit: Permit = permit_all,
    consented: Consented = consent_to_all,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The app of a service's webhooks: it has only probes and metrics.

    `account` gives the account of an event's subject, `permit` the service's say in who may be
    told, `consented` the same when it is sent, a week later perhaps. Raises SettingsError.
    """
    if not settings.tanzhang_webhook_key:
        raise SettingsError("TANZHANG_WEBHOOK_KEY is not set: expected a secret of your own")
    addresses = guard(settings)
    # Each event may become a delivery for each subscription: batches stay short.
    rows = min(settings.tanzhang_batch_rows, BATCH_ROWS_MAX)
    small = msgspec.structs.replace(settings, tanzhang_batch_rows=rows)
    fanout = Fanout(Reading(f"{service}-webhooks", (topic,)), account, permit)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = await open_pool(settings.database(service), service, size=16)
        worker = Worker(fanout, small, pool, clock)
        sender = Sender(service, pool, Vault(settings), addresses, clock, account, consented)
        app.state.pool, app.state.worker = pool, worker
        stop = asyncio.Event()
        tasks = {
            asyncio.create_task(guarded(app, work), name=name)
            for name, work in (
                ("fanout", worker.run(stop)),
                ("sender", sender.run(stop)),
                ("watchdog", watch(worker, stop)),
            )
        }
        try:
            yield
        finally:
            stop.set()
            await ended(tasks)
            await close(pool)

    async def ready() -> None:
        await version.check(app.state.pool, service)
        app.state.worker.check()

    app = create_app(service, settings, (), lifespan, ready=ready)
    return app
