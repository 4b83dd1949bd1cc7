"""The personal service, wired."""

from functools import partial
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from services.personal import city, erasure, handler, reports, rules, store
from services.personal.api import routers
from services.personal.store import Rows, State
from shared.database import Connection
from shared.erasure import check_key
from shared.service_app import Role, create_service
from shared.settings import Settings
from shared.stream.service import Batch, Service

SERVICE_NAME = "personal"


def service(settings: Settings) -> Service[State, Rows]:
    """The service as the engine sees it."""
    zone = ZoneInfo(settings.tanzhang_zone)
    remembered = rules.remembered()

    async def load(connection: Connection, batch: Batch) -> State:
        await erasure.succeed(settings, connection, batch)
        known = await remembered(connection, batch.now)
        return await handler.load(connection, batch, zone=zone, rules=known)

    return Service(
        name=SERVICE_NAME,
        topics=("payments",),
        load=load,
        decide=handler.decide,
        write=store.write,
        journal="ledger_entry",
        screen=partial(erasure.screen, settings),
        reach=reports.reach,
        ticks=(city.fold,),
        measure=city.measure,
    )


def create(settings: Settings, role: Role) -> FastAPI:
    """The service as a process; SettingsError without a key to hash erased names with."""
    check_key(settings)
    return create_service(service(settings), routers, settings, role)
