"""Closed years, and what was computed again."""

from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from msgspec import Meta
from starlette.responses import Response

from services.industrial.api.accounts import Reader, account_of
from services.industrial.api.parameters import EnterpriseId, YearQuery
from services.industrial.store import closing, restatement
from services.industrial.store.closing import CLOSED, REOPENED, YearChange
from shared.auth.principal import require_subject
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Instant,
    Listing,
    Tonnes,
    Year,
    answers,
    one_of,
    sample,
)
from shared.http.app import json_response
from shared.http.paging import Page, listing, paging
from shared.units.amount import tonnes_text

router = APIRouter(prefix="/v1", tags=["years"])


class YearChangeShown(Answer, frozen=True, kw_only=True):
    action: Annotated[str, one_of((CLOSED, REOPENED))]
    reason: Annotated[str, sample("verified")] | None
    by: Annotated[str, sample("operator-1")]
    at: Instant


class YearShown(Answer, frozen=True, kw_only=True):
    """`waiting`: events that came after it was closed."""

    year: Year
    closed: bool
    accounts: int
    total_t: Tonnes
    waiting: int
    history: list[YearChangeShown]


class Restatement(Answer, frozen=True, kw_only=True):
    """A year that was computed again: so many `events` of it; how many entries of which factor
    were `replaced`, and `posted` in their place."""

    year: Year
    at: Instant
    by: Annotated[str, sample("operator-1")]
    reason: Annotated[str, sample("grid factor of 2025")] | None
    closed: bool
    events: int
    before_t: Tonnes
    after_t: Tonnes
    difference_t: Tonnes
    replaced: Annotated[dict[str, int], Meta(examples=[{"grid@1 grid.zhejiang.2021": 12}])]
    posted: Annotated[dict[str, int], Meta(examples=[{"grid@2 grid.zhejiang.2022": 12}])]


@router.get(
    "/years",
    summary="Every year: open or closed, its total, and events that wait for it",
    responses=answers(Listing[YearShown]),
)
async def get_years(request: Request, who: Reader) -> Response:
    async with (
        request.app.state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await closing.years(connection)
        changes = await closing.changes(connection)
    history = {year: list(made) for year, made in groupby(changes, key=lambda one: one.year)}
    return json_response(listing(_year(row, history.get(row["year"], [])) for row in rows))


@router.get(
    "/enterprises/{id}/restatements",
    summary="What was computed again: why, by whom, from what",
    responses=answers(Listing[Restatement], NOT_FOUND),
)
async def get_restatements(
    request: Request,
    id: EnterpriseId,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    year: YearQuery = None,
) -> Response:
    require_subject(who, id)
    after = page.after(tuple[int, int]) or (0, 0)
    async with request.app.state.pool.acquire() as connection:
        _, account = await account_of(connection, id)
        rows = await restatement.listed(connection, account, year, after, page.limit + 1)
    return json_response(page.listing(rows, _restatement, lambda row: (row["year"], row["n"])))


def _year(row: Any, history: list[YearChange]) -> YearShown:
    return YearShown(
        year=row["year"],
        closed=bool(history) and history[-1].action == CLOSED,
        accounts=row["accounts"],
        total_t=tonnes_text(row["total_mg"]),
        waiting=row["waiting"],
        history=[
            YearChangeShown(action=one.action, reason=one.reason, by=one.by, at=one.at.isoformat())
            for one in history
        ],
    )


def _restatement(row: Any) -> Restatement:
    return Restatement(
        year=row["year"],
        at=row["at"].isoformat(),
        by=row["by"],
        reason=row["reason"],
        closed=row["closed"],
        events=row["events"],
        before_t=tonnes_text(row["before_mg"]),
        after_t=tonnes_text(row["after_mg"]),
        difference_t=tonnes_text(row["after_mg"] - row["before_mg"]),
        replaced=row["replaced"],
        posted=row["posted"],
    )
