"""Readings held for review: listed, released or rejected by an operator."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.industrial.api.accounts import Reader
from services.industrial.api.wording import check_words
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
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.problems import conflict, forbidden, invalid, not_found

Reviewer = Annotated[Principal, Depends(require("reviews:write"))]
router = APIRouter(prefix="/v1/reviews", tags=["reviews"])

_BEGINNING = (datetime.min.replace(tzinfo=UTC), "")


class NoteBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a reading is released or rejected."""

    note: str


@router.get("", summary="Readings held for review, oldest first")
async def get_reviews(
    request: Request,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    state: Annotated[str | None, Query(description=f"Any of {', '.join(STATES)}")] = None,
    enterprise_id: str | None = None,
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


@router.post(
    "/{id}/release",
    summary="Post a reading that was held, with all that waits for it",
    openapi_extra=accepts(NoteBody),
)
async def release(
    request: Request,
    id: str,
    given: Annotated[NoteBody, Depends(body(NoteBody))],
    who: Reviewer,
) -> Response:
    return await _decide(request, id, RELEASED, given, who)


@router.post(
    "/{id}/reject",
    summary="Refuse a reading that was held: it becomes a dead letter",
    openapi_extra=accepts(NoteBody),
)
async def reject(
    request: Request,
    id: str,
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
        shown = _review(await _known(connection, id, who))
    state.relay.wake()
    outcome.count(state.poster.service.name)
    effect = {
        "posted": outcome.posted,
        "parked": outcome.parked,
        "refused": dict(outcome.refused),
    }
    return json_response(shown | {"effect": effect})


async def _known(connection: Connection, id: str, who: Principal) -> Any:
    row = await reviews.one(connection, id)
    if row is None:
        raise not_found("review", id)
    require_subject(who, row["subject"])
    return row


def _review(row: Any) -> dict[str, Any]:
    decided_at = row["decided_at"]
    return {
        "id": row["id"],
        "enterprise_id": row["subject"],
        "event": {"source": row["source"], "id": row["event_id"]},
        "meter_id": row["meter_id"],
        "reason": row["reason"],
        "detail": row["detail"],
        "state": row["shown"],
        "opened_at": row["opened_at"].isoformat(),
        "decided_at": None if decided_at is None else decided_at.isoformat(),
        "decided_by": row["decided_by"],
        "note": row["note"],
    }
