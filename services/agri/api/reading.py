"""What every question shares: who may ask, the year, the farm, the calendar."""

from datetime import date
from fractions import Fraction
from typing import Annotated

from fastapi import Depends, Query, Request

from services.agri.domain.account import Totals
from services.agri.domain.farms import Version
from services.agri.store import registry
from shared.auth.principal import Principal, require
from shared.database import Connection
from shared.http.problems import not_found
from shared.units.amount import ratio_text, tonnes_text
from shared.units.calendar import Zone, local_date

YEAR_FIRST, YEAR_LAST = 1990, 2100

Year = Annotated[int | None, Query(ge=YEAR_FIRST, le=YEAR_LAST)]
Reader = Annotated[Principal, Depends(require("agri:read"))]


def today(request: Request) -> date:
    """The day in the city."""
    state = request.app.state
    return local_date(state.clock(), Zone(state.settings.tanzhang_zone))


async def versions_of(connection: Connection, farm_id: str) -> list[Version]:
    """The farm's registrations; 404 when there is none."""
    found = (await registry.farms(connection, [farm_id])).get(farm_id)
    if not found:
        raise not_found("farm", farm_id)
    return found


def tonnes(totals: Totals) -> dict[str, str | None]:
    """Totals as answers show them."""
    return {
        "straw_t": tonnes_text(totals.straw),
        "soil_t": tonnes_text(totals.soil),
        "manure_t": tonnes_text(totals.manure),
        "neutralised_t": tonnes_text(totals.neutralised),
        "gross_t": tonnes_text(totals.gross),
        "ratio": None if totals.ratio is None else ratio_text(totals.ratio),
    }


def six_places(amount: Fraction | int, per: Fraction | int) -> str | None:
    """A quotient with six places, None where it has no sense."""
    return ratio_text(Fraction(amount) / per) if per > 0 else None
