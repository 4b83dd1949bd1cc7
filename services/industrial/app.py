"""The industrial service, wired."""

from functools import partial

from fastapi import FastAPI

from services.industrial import city, handler
from services.industrial.api import routers
from services.industrial.domain.state import Rows, State
from services.industrial.domain.tariffs import TariffError, parse
from services.industrial.store.load import load
from services.industrial.store.reviews import woken
from services.industrial.store.write import write
from services.industrial.watching import watching
from shared.service_app import Role, create_service
from shared.settings import Settings, SettingsError
from shared.stream.service import Service
from shared.units.calendar import Zone

SERVICE_NAME = "industrial"
TOPICS = ("meter-readings", "production-reports", "process-activities")


def service(settings: Settings) -> Service[State, Rows]:
    """The service as the engine sees it."""
    zone = Zone(settings.tanzhang_zone)
    return Service(
        name=SERVICE_NAME,
        topics=TOPICS,
        load=partial(load, zone=zone),
        decide=partial(handler.decide, zone=zone),
        write=write,
        journal="fact",
        wakes=woken,
        ticks=(watching(zone),),
        measure=city.measure,
    )


def create(settings: Settings, role: Role) -> FastAPI:
    """The service as a process; SettingsError when a tariff is written wrongly."""
    try:
        parse(settings.tanzhang_tariffs)
    except TariffError as error:
        raise SettingsError(f"TANZHANG_TARIFFS: {error}") from error
    return create_service(service(settings), routers, settings, role)
