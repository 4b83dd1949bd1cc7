"""Readings held for review: listed, released or rejected by an operator."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader
from services.industrial.api.wording import WORDS, check_words
from services.industrial.domain.reviews import (
    OPEN,
    REJECTED,
    RELEASED,
    STATES,
    waits_for_review,
)
from services.industrial.store import reviews
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    EventName,
    Instant,
    Listing,
    answers,
    conflicts,
    one_of,
    sample,
)
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.problems import conflict, forbidden, invalid, not_found

Reviewer = Annotated[Principal, Depends(require("reviews:write"))]
REVIEW = "bb19c2d4-3d96-5f5c-97a2-4807a1939105"
ReviewId = Annotated[str, Path(description="The id of a review", examples=[REVIEW])]
router = APIRouter(prefix="/v1/reviews", tags=["reviews"])

_BEGINNING = (datetime.min.replace(tzinfo=UTC), "")


class NoteBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a reading is released or rejected."""

    note: Annotated[str, WORDS, sample("read again by hand")]


class ReviewShown(Answer, frozen=True, kw_only=True):
    """A reading that is held, why, and what was decided."""

    id: Annotated[str, sample(REVIEW)]
    enterprise_id: Annotated[str, sample("91330800704205947U")]
    event: EventName
    meter_id: Annotated[str, sample("m-1")]
    reason: Literal["impossible_consumption", "register_backwards"]
    detail: Annotated[str, sample("240 kWh per hour, and the meter's rate_max is 100")]
    state: Annotated[str, one_of(STATES)]
    opened_at: Instant
    decided_at: Instant | None
    decided_by: Annotated[str, sample("operator-1")] | None
    note: Annotated[str, sample("read again by hand")] | None


class Effect(Answer, frozen=True, kw_only=True):
    """What became of the reading and of all that waited for it; refused by reason."""

    posted: int
    parked: int
    refused: dict[Annotated[str, sample("rejected_in_review")], int]


class ReviewDecided(ReviewShown, frozen=True, kw_only=True):
    effect: Effect


@router.get(
    "",
    summary="Readings held for review, oldest first",
    responses=answers(Listing[ReviewShown]),
)
async def get_reviews(
    request: Request,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    state: Annotated[
        str | None,
        Query(description="Only those", examples=[OPEN], json_schema_extra={"enum": list(STATES)}),
    ] = None,
    enterprise_id: Annotated[
        str | None,
        Query(description="Of one enterprise only", examples=["91330800704205947U"]),
    ] = None,
) -> Response:
    if enterprise_id is not None:
        require_subject(who, enterprise_id)
    elif not who.reads_all():
        raise forbidden("Name an enterprise_id: the token reads some enterprises only")
    if state is not None and state not in STATES:
        raise invalid("/query/state", f"must be one of: {', '.join(STATES)}", "invalid-parameter")
    after = page.after(tuple[datetime, str]) or _BEGINNING
    async with request.app.state.pool.acquire() as connection:
        rows = await reviews.listed(connection, enterprise_id, state, after, page.limit + 1)
    return json_response(page.listing(rows, _review, lambda row: (row["opened_at"], row["id"])))


DECISION = answers(
    ReviewDecided, NOT_FOUND, conflicts(f"The review {REVIEW} is released already", state=RELEASED)
)


@router.post(
    "/{id}/release",
    summary="Post a reading that was held, with all that waits for it",
    openapi_extra=accepts(NoteBody),
    responses=DECISION,
)
async def release(
    request: Request,
    id: ReviewId,
    given: Annotated[NoteBody, Depends(body(NoteBody))],
    who: Reviewer,
) -> Response:
    return await _decide(request, id, RELEASED, given, who)


@router.post(
    "/{id}/reject",
    summary="Refuse a reading that was held: it becomes a dead letter",
    openapi_extra=accepts(NoteBody),
    responses=DECISION,
)
async def reject(
    request: Request,
    id: ReviewId,
    given: Annotated[NoteBody, Depends(body(NoteBody))],
    who: Reviewer,
) -> Response:
    return await _decide(request, id, REJECTED, given, who)


async def _decide(
    request: Request,
    id: str,
    decision: str,
    given: NoteBody,
    who: Principal,
) -> Response:
    """Store the decision, then take the event up again: the rules find what was decided."""
    check_words(note=given.note)
    state, now = request.app.state, request.app.state.clock()
    async with state.pool.acquire() as connection, connection.transaction():
        subject = (await _known(connection, id, who))["subject"]
        await state.poster.lock(connection, [subject])
        row = await _known(connection, id, who)
        if row["shown"] != OPEN:
            raise conflict(f"The review {id} is {row['shown']} already", state=row["shown"])
        decided = reviews.Decided(row["account"], id, decision, given.note, now, who.client)
        await reviews.decide(connection, decided)
        waits_for = waits_for_review(row["event_key"])
        outcome = await state.poster.release(connection, subject, waits_for, now)
        shown = _fields(await _known(connection, id, who))
    state.relay.wake()
    outcome.count(state.poster.service.name)
    effect = Effect(posted=outcome.posted, parked=outcome.parked, refused=dict(outcome.refused))
    return json_response(ReviewDecided(**shown, effect=effect))


async def _known(connection: Connection, id: str, who: Principal) -> Any:
    row = await reviews.one(connection, id)
    if row is None:
        raise not_found("review", id)
    require_subject(who, row["subject"])
    return row


def _review(row: Any) -> ReviewShown:
    return ReviewShown(**_fields(row))


def _fields(row: Any) -> dict[str, Any]:
    decided_at = row["decided_at"]
    return {
        "id": row["id"],
        "enterprise_id": row["subject"],
        "event": EventName(source=row["source"], id=row["event_id"]),
        "meter_id": row["meter_id"],
        "reason": row["reason"],
        "detail": row["detail"],
        "state": row["shown"],
        "opened_at": row["opened_at"].isoformat(),
        "decided_at": None if decided_at is None else decided_at.isoformat(),
        "decided_by": row["decided_by"],
        "note": row["note"],
    }
