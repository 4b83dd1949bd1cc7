"""Wiring of the door: no database, one producer."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from services.ingest.api import router
from services.ingest.intake import EVENTS_BYTES_MAX, Intake
from services.ingest.publisher import Publisher
from services.ingest.rate import Rates
from shared.http.app import create_app
from shared.settings import Settings

SERVICE_NAME = "ingest"


def api(settings: Settings, *, seconds: Callable[[], float] = time.monotonic) -> FastAPI:
    """The application; raises SettingsError when it could not authenticate anyone.

    `seconds` is the clock that the clients' rates are measured by.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        publisher = Publisher(settings)
        app.state.publisher = publisher
        app.state.zone = ZoneInfo(settings.tanzhang_zone)
        app.state.intake = Intake()
        app.state.rates = Rates(settings.tanzhang_rate_per_client, seconds)
        publisher.start()
        try:
            yield
        finally:
            await publisher.stop()

    async def ready() -> None:
        await app.state.publisher.ready()

    app = create_app(
        SERVICE_NAME, settings, [router], lifespan, ready=ready, body_bytes_max=EVENTS_BYTES_MAX
    )
    return app
