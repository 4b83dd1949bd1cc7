"""The points service, wired."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import FastAPI

from services.points import city, expiry, handler, leagues, store, telling, tiers
from services.points.api import routers
from services.points.store import Rows, State
from shared.erasure import check_key
from shared.service_app import Role, create_service, utc_now
from shared.settings import Settings
from shared.stream.service import Service
from shared.units.calendar import Zone
from shared.webhooks.api import subscription_routers
from shared.webhooks.app import create_webhooks

SERVICE_NAME = "points"
TOPIC = "point-credits"


def service(settings: Settings) -> Service[State, Rows]:
    """The service as the engine sees it."""
    zone = Zone(settings.tanzhang_zone)
    return Service(
        name=SERVICE_NAME,
        topics=("personal-reductions",),
        load=partial(handler.load, zone),
        decide=handler.decide,
        write=partial(store.write, settings),
        journal="posting",
        screen=partial(handler.screen, settings),
        ends_account=handler.ERASED,
        ticks=(
            partial(tiers.tick, zone=zone),
            partial(expiry.tick, zone=zone),
            partial(leagues.tick, zone=zone),
        ),
        measure=city.measure,
    )


def create(settings: Settings, role: Role, *, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """The service as a process; SettingsError without a key to hash erased names with."""
    check_key(settings)
    if role == "webhooks":
        permit, consented = partial(telling.permit, settings), telling.consented
        return create_webhooks(
            SERVICE_NAME, TOPIC, settings, permit=permit, consented=consented, clock=clock
        )
    return create_service(
        service(settings), (*routers, *subscription_routers(TOPIC)), settings, role, clock
    )
