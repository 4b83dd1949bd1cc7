"""The agricultural service, wired."""

from functools import partial

from fastapi import FastAPI

from services.agri import city, handler
from services.agri.api import routers
from services.agri.domain.coverage import CoverageError, parse
from services.agri.store import posting as store
from services.agri.store.posting import Rows, State
from shared.service_app import Role, create_service
from shared.settings import Settings, SettingsError
from shared.stream.service import Service
from shared.units.calendar import Zone

SERVICE_NAME = "agri"


def service(settings: Settings) -> Service[State, Rows]:
    """The service as the engine sees it."""
    zone = Zone(settings.tanzhang_zone)
    return Service(
        name=SERVICE_NAME,
        topics=("farm-records",),
        load=partial(handler.load, zone=zone),
        decide=partial(handler.decide, zone=zone),
        write=store.write,
        journal="fact",
        measure=city.measure,
    )


def create(settings: Settings, role: Role) -> FastAPI:
    """The service as a process; SettingsError when the farms of the city are written wrongly."""
    try:
        parse(settings.tanzhang_farm_totals)
    except CoverageError as error:
        raise SettingsError(f"TANZHANG_FARM_TOTALS: {error}") from error
    return create_service(service(settings), routers, settings, role)
