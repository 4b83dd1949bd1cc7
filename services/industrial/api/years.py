"""Closed years, and what was computed again."""

from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader, YearQuery, account_of
from services.industrial.store import closing, restatement
from services.industrial.store.closing import CLOSED, YearChange
from shared.auth.principal import require_subject
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.units.amount import tonnes_text

router = APIRouter(prefix="/v1", tags=["years"])


@router.get("/years", summary="Every year: open or closed, its total, and events that wait for it")
async def get_years(request: Request, who: Reader) -> Response:
    async with (
        request.app.state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await closing.years(connection)
        changes = await closing.changes(connection)
    history = {year: list(made) for year, made in groupby(changes, key=lambda one: one.year)}
    items = [_year(row, history.get(row["year"], [])) for row in rows]
    return json_response({"items": items, "next": None})


@router.get(
    "/enterprises/{id}/restatements", summary="What was computed again: why, by whom, from what"
)
async def get_restatements(
    request: Request,
    id: str,
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


def _year(row: Any, history: list[YearChange]) -> dict[str, Any]:
    return {
        "year": row["year"],
        "closed": bool(history) and history[-1].action == CLOSED,
        "accounts": row["accounts"],
        "total_t": tonnes_text(row["total_mg"]),
        "waiting": row["waiting"],
        "history": [
            {"action": one.action, "reason": one.reason, "by": one.by, "at": one.at.isoformat()}
            for one in history
        ],
    }


def _restatement(row: Any) -> dict[str, Any]:
    return {
        "year": row["year"],
        "at": row["at"].isoformat(),
        "by": row["by"],
        "reason": row["reason"],
        "closed": row["closed"],
        "events": row["events"],
        "before_t": tonnes_text(row["before_mg"]),
        "after_t": tonnes_text(row["after_mg"]),
        "difference_t": tonnes_text(row["after_mg"] - row["before_mg"]),
        "replaced": row["replaced"],
        "posted": row["posted"],
    }
