"""What every question shares: who may ask, the year, the farm, the calendar."""

from fractions import Fraction
from typing import Annotated

from fastapi import Depends, Path, Query

from services.agri.domain.account import Totals
from services.agri.domain.farms import Version
from services.agri.store import registry
from shared.auth.principal import Principal, require
from shared.database import Connection
from shared.events.identifiers import FARM_PATTERN
from shared.http.answers import Answer, Ratio, Tonnes
from shared.http.parameters import YearAsked
from shared.http.problems import not_found
from shared.units.amount import ratio_text, tonnes_text

FarmId = Annotated[
    str,
    Path(
        description="The farm: a unified social credit code or farm:<token>",
        examples=["farm:0001"],
        json_schema_extra={"pattern": FARM_PATTERN},
    ),
]
YearQuery = Annotated[
    YearAsked | None,
    Query(
        description="A year of the city's calendar; of a farm's account without it the last one "
        "that has records, of its lists all, else the running one",
        examples=[2020],
    ),
]
Reader = Annotated[Principal, Depends(require("agri:read"))]


class Neutralised(Answer, frozen=True, kw_only=True):
    """neutralised = straw + soil + manure; `ratio` over gross, null without gross emissions."""

    straw_t: Tonnes
    soil_t: Tonnes
    manure_t: Tonnes
    neutralised_t: Tonnes
    gross_t: Tonnes
    ratio: Ratio | None


async def versions_of(connection: Connection, farm_id: str) -> list[Version]:
    """The farm's registrations; 404 when there is none."""
    found = (await registry.farms(connection, [farm_id])).get(farm_id)
    if not found:
        raise not_found("farm", farm_id)
    return found


def tonnes(totals: Totals) -> dict[str, str | None]:
    """Totals as the fields of `Neutralised`."""
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
