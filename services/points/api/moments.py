"""When a request is answered."""

from fastapi import Request

from services.points.domain import Moment
from shared.units.calendar import Zone


def moment(request: Request) -> Moment:
    """The service's clock, in the city's zone."""
    state = request.app.state
    return Moment(state.clock(), Zone(state.settings.tanzhang_zone))
