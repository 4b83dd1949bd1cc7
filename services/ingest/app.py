"""Wiring of the door: no database, one producer."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.ingest.api import router
from services.ingest.intake import Intake
from services.ingest.publisher import Publisher
from services.ingest.rate import Rates
from shared.http.app import create_app
from shared.settings import Settings

SERVICE_NAME = "ingest"


def api(settings: Settings) -> FastAPI:
    """The application; raises SettingsError when it could not authenticate anyone."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        publisher = Publisher(settings)
        app.state.publisher = publisher
        app.state.intake = Intake()
        app.state.rates = Rates(settings.tanzhang_rate_per_client, time.monotonic)
        publisher.start()
        try:
            yield
        finally:
            await publisher.stop()

    async def ready() -> None:
        await app.state.publisher.ready()

    app = create_app(SERVICE_NAME, settings, [router], lifespan, ready=ready)
    return app
