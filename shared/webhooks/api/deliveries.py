"""HTTP of deliveries: what was sent to a subscription, what waits, and sending it again."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from msgspec import Meta
from pydantic import Field
from starlette.responses import Response

from shared.http.answers import Answer, Listing, Timestamp, answers, sample
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.parameters import IN_DIGITS
from shared.http.problems import not_found
from shared.webhooks import deliveries
from shared.webhooks.api.subscriptions import NOT_FOUND, Id, Reader, Writer, own

State = Literal["pending", "delivered", "failed"]
AGAIN: tuple[State, ...] = ("delivered", "failed")

router = APIRouter(tags=["subscriptions"])


class ReplayBody(Body, frozen=True, kw_only=True):
    """Which deliveries are made again: those of events that came since then, in these states."""

    since: Annotated[datetime, Meta(tz=True)]
    states: Annotated[list[Literal["delivered", "failed"]], Meta(min_length=1, max_length=2)]


class DeliveryShown(Answer, frozen=True, kw_only=True):
    """An event for a subscription, and what became of it."""

    number: int
    id: Annotated[str, sample("5c1d9c8d-7e4f-5a2b-8c0d-9e8f7a6b5c4d", "Of the event")]
    type: Annotated[str, sample("cn.tanzhang.points.credited.v1")]
    subject: Annotated[str, sample("jsrcb:token-0001")]
    state: State
    attempts: int
    created_at: Timestamp
    next_attempt_at: Timestamp | None
    last_attempt_at: Timestamp | None
    last_status: Annotated[int, sample(503)] | None
    last_error: Annotated[str, sample("status 503")] | None


class Again(Answer, frozen=True, kw_only=True):
    """How many deliveries are made again."""

    deliveries: int


@router.get(
    "/v1/subscriptions/{id}/deliveries",
    summary="Deliveries, the newest first",
    responses=answers(Listing[DeliveryShown], NOT_FOUND),
)
async def list_deliveries(
    id: Id,
    request: Request,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    state: Annotated[State | None, Query(description="Only those that stand so")] = None,
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
    responses=answers(Again, 202, NOT_FOUND),
    summary="Make deliveries again",
)
async def replay_deliveries(
    id: Id,
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
    responses=answers(Again, 202, NOT_FOUND),
)
async def replay_delivery(
    id: Id,
    number: Annotated[
        int,
        Field(ge=1, lt=2**63),
        IN_DIGITS,
        Path(description="Its number in the list", examples=[1]),
    ],
    request: Request,
    who: Writer,
) -> Response:
    await own(request, who, id)
    return await _again(request, id, list(AGAIN), datetime.min, number)


async def _again(
    request: Request, id: UUID, states: list[Any], since: datetime, number: int | None
) -> Response:
    state = request.app.state
    again = await deliveries.replay(state.pool, id, states, since, number)
    if number is not None and not again:
        raise not_found("delivery that was made or given up", str(number))
    return json_response(Again(deliveries=again), 202)


def _view(row: dict[str, Any]) -> DeliveryShown:
    return DeliveryShown(
        number=row["number"],
        id=row["event_id"],
        type=row["type"],
        subject=row["subject"],
        state=row["state"],
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_attempt_at=row["due_at"] if row["state"] == "pending" else None,
        last_attempt_at=row["last_attempt_at"],
        last_status=row["last_status"],
        last_error=row["last_error"],
    )
