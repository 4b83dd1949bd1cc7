"""League tables of villages and banks."""

from typing import Annotated, Any, NamedTuple

from asyncpg import Record
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.points import leagues
from services.points.api.moments import moment
from services.points.leagues import Kind
from services.points.standings import Group
from shared.auth.principal import Principal, require, require_city
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.http.problems import conflict
from shared.units.amount import points_text

router = APIRouter(tags=["leagues"])
NAMES: dict[Kind, str] = {"banks": "bank", "villages": "village"}


class Cursor(NamedTuple):
    """Where a table goes on."""

    rank: int
    name: str


@router.get("/v1/leagues/{kind}", summary="Villages or banks by what each person earned in a year")
async def get_league(
    kind: Kind,
    request: Request,
    who: Annotated[Principal, Depends(require("points:read"))],
    year: Annotated[int, Query(ge=1, le=9999)],
    page: Annotated[Page, Depends(paging)],
) -> Response:
    """As of `taken_at`, once a day. No line is of fewer than ten people, nor is what is left."""
    after = page.after(Cursor) or Cursor(0, "")
    # All of it from one taking: lines of two could be compared.
    async with (
        request.app.state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await connection.fetch(leagues.TABLE, kind, year, *after, page.limit + 1)
        others = await connection.fetchrow(leagues.OTHERS, kind, year)
        taken_at = await connection.fetchval(leagues.TAKEN_AT)

    def line(row: Record) -> dict[str, Any]:
        return {"rank": row["rank"], NAMES[kind]: row["name"], **_sums(row)}

    head = {
        "year": year,
        "taken_at": taken_at,
        "others": None if others is None else _sums(others),
    }
    return json_response(head | page.listing(rows, line, lambda row: (row["rank"], row["name"])))


@router.post("/v1/leagues/take", summary="Take the tables now instead of when the day begins")
async def take(
    request: Request, who: Annotated[Principal, Depends(require_city("registry:write"))]
) -> Response:
    at = moment(request)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        if not await leagues.take(connection, at):
            raise conflict("The tables are being taken at this moment", "in-flight")
    return json_response({"taken_at": at.now})


def _sums(row: Record) -> dict[str, Any]:
    per_head = Group(None, row["people"], row["points"]).per_head()
    return {
        "people": row["people"],
        "points": points_text(row["points"]),
        "points_per_head": points_text(round(per_head)),
    }
