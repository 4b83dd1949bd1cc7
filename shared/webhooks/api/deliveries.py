"""HTTP of deliveries: what was sent to a subscription, what waits, and sending it again."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from msgspec import Meta
from starlette.responses import Response

from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.problems import not_found
from shared.webhooks import deliveries
from shared.webhooks.api.subscriptions import Reader, Writer, own

State = Literal["pending", "delivered", "failed"]
AGAIN: tuple[State, ...] = ("delivered", "failed")

router = APIRouter(tags=["subscriptions"])


class ReplayBody(Body, frozen=True, kw_only=True):
    """Which deliveries are made again: those of events that came since then, in these states."""

    since: Annotated[datetime, Meta(tz=True)]
    states: Annotated[list[Literal["delivered", "failed"]], Meta(min_length=1, max_length=2)]


@router.get("/v1/subscriptions/{id}/deliveries", summary="Deliveries, the newest first")
async def list_deliveries(
    id: UUID,
    request: Request,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    state: Annotated[State | None, Query()] = None,
) -> Response:
    """Kept for 30 days."""
    await own(request, who, id)
    before = page.after(tuple[int])
    rows = await deliveries.listed(
        request.app.state.pool, id, state, before[0] if before else None, page.limit + 1
    )
    return json_response(page.listing(rows, _view, lambda row: (row["number"],)))


@router.post(
    "/v1/subscriptions/{id}/replay",
    status_code=202,
    openapi_extra=accepts(ReplayBody),
    summary="Make deliveries again",
)
async def replay(
    id: UUID,
    request: Request,
    who: Writer,
    wanted: Annotated[ReplayBody, Depends(body(ReplayBody))],
) -> Response:
    """Under the ids that they had, so that a receiver knows them again."""
    await own(request, who, id)
    return await _again(request, id, wanted.states, wanted.since, None)


@router.post(
    "/v1/subscriptions/{id}/deliveries/{number}/replay",
    status_code=202,
    summary="Make one delivery again",
)
async def replay_one(id: UUID, number: int, request: Request, who: Writer) -> Response:
    await own(request, who, id)
    return await _again(request, id, list(AGAIN), datetime.min, number)


async def _again(
    request: Request, id: UUID, states: list[Any], since: datetime, number: int | None
) -> Response:
    state = request.app.state
    again = await deliveries.replay(state.pool, id, states, since, number, state.clock())
    if number is not None and not again:
        raise not_found("delivery that was made or given up", str(number))
    return json_response({"deliveries": again}, 202)


def _view(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": row["number"],
        "id": row["event_id"],
        "type": row["type"],
        "subject": row["subject"],
        "state": row["state"],
        "attempts": row["attempts"],
        "created_at": row["created_at"],
        "next_attempt_at": row["due_at"] if row["state"] == "pending" else None,
        "last_attempt_at": row["last_attempt_at"],
        "last_status": row["last_status"],
        "last_error": row["last_error"],
    }
