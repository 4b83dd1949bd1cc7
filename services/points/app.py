"""The points service, wired."""

from functools import partial

from fastapi import FastAPI

from services.points import handler, store, tiers
from services.points.api import router
from services.points.store import Rows, State
from shared.service_app import Role, create_service
from shared.settings import Settings
from shared.stream.service import Service

SERVICE_NAME = "points"


def service(settings: Settings) -> Service[State, Rows]:
    """The service as the engine sees it."""
    return Service(
        name=SERVICE_NAME,
        topics=("personal-reductions",),
        load=handler.load,
        decide=handler.decide,
        write=partial(store.write, settings),
        journal="posting",
        screen=partial(handler.screen, settings),
        tick=tiers.tick,
    )


def create(settings: Settings, role: Role) -> FastAPI:
    """The service as a process."""
    return create_service(service(settings), [router], settings, role)
