"""The city's calendar, as a request finds it."""

from datetime import date
from zoneinfo import ZoneInfo

from fastapi import Request

from shared.units.calendar import Zone, local_date


def zone_of(request: Request) -> ZoneInfo:
    """The zone whose days and years count."""
    return Zone(request.app.state.settings.tanzhang_zone)


def today(request: Request) -> date:
    """The day in the city."""
    return local_date(request.app.state.clock(), zone_of(request))
