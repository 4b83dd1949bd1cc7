"""League tables of villages and banks."""

from typing import Annotated, Any, NamedTuple

from asyncpg import Record
from fastapi import APIRouter, Depends, Path, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from services.points import leagues
from services.points.api.moments import moment
from services.points.leagues import Kind
from services.points.standings import Group
from shared.auth.principal import Principal, require, require_city
from shared.http.answers import (
    Answer,
    Listing,
    Points,
    Timestamp,
    Year,
    answers,
    conflicts,
    sample,
)
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.http.parameters import YearAsked
from shared.http.problems import conflict
from shared.units.amount import points_text

router = APIRouter(tags=["leagues"])
TAKING = conflicts("The tables are being taken at this moment", "in-flight")


class LeagueSums(Answer, frozen=True, kw_only=True):
    """How many people earned how much."""

    people: int
    points: Points
    points_per_head: Points


class LeagueLine(LeagueSums, frozen=True, kw_only=True):
    """A village or a bank in its table."""

    rank: int
    bank: Annotated[str, sample("jsrcb")] | UnsetType = UNSET
    village: Annotated[str, sample("330824105201")] | UnsetType = UNSET


class League(Listing[LeagueLine], frozen=True, kw_only=True):
    """A page of a table as of `taken_at`; `others` are those too few for a line of their own."""

    year: Year
    taken_at: Timestamp | None
    others: LeagueSums | None


class Taken(Answer, frozen=True, kw_only=True):
    """When the tables were taken."""

    taken_at: Timestamp


class Cursor(NamedTuple):
    """Where a table goes on."""

    rank: int
    name: str


@router.get(
    "/v1/leagues/{kind}",
    summary="Villages or banks by what each person earned in a year",
    responses=answers(League),
)
async def get_league(
    kind: Annotated[Kind, Path(description="Which table")],
    request: Request,
    who: Annotated[Principal, Depends(require("points:read"))],
    year: Annotated[
        YearAsked,
        Query(description="In which points were earned", examples=[2026]),
    ],
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

    def line(row: Record) -> LeagueLine:
        named = {"bank" if kind == "banks" else "village": row["name"]}
        return LeagueLine(rank=row["rank"], **named, **_sums(row))

    listed = page.listing(rows, line, lambda row: (row["rank"], row["name"]))
    league = League(
        items=listed.items,
        next=listed.next,
        year=year,
        taken_at=taken_at,
        others=None if others is None else LeagueSums(**_sums(others)),
    )
    return json_response(league)


@router.post(
    "/v1/leagues/take",
    summary="Take the tables now instead of when the day begins",
    responses=answers(Taken, TAKING),
)
async def take(
    request: Request, who: Annotated[Principal, Depends(require_city("registry:write"))]
) -> Response:
    at = moment(request)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        if not await leagues.take(connection, at):
            raise conflict("The tables are being taken at this moment", "in-flight")
    return json_response(Taken(taken_at=at.now))


def _sums(row: Record) -> dict[str, Any]:
    per_head = Group(None, row["people"], row["points"]).per_head()
    return {
        "people": row["people"],
        "points": points_text(row["points"]),
        "points_per_head": points_text(round(per_head)),
    }
