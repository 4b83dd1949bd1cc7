"""The agricultural service, wired."""

from fastapi import FastAPI

from services.agri import handler
from services.agri.api import router
from services.agri.store.posting import Rows, State
from shared.service_app import Role, create_service
from shared.settings import Settings
from shared.stream.service import Service
from shared.units.calendar import Zone

SERVICE_NAME = "agri"


def service(settings: Settings) -> Service[State, Rows]:
    """The service as the engine sees it."""
    return handler.service(Zone(settings.tanzhang_zone))


def create(settings: Settings, role: Role) -> FastAPI:
    """The service as a process."""
    return create_service(service(settings), [router], settings, role)
