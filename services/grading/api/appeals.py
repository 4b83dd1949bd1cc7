"""Appeals against a label: filed by the account, decided by an operator."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from services.grading.api.labels import chosen, held_by, held_of
from services.grading.api.views import (
    AccountId,
    AppealShown,
    KindPath,
    LabelShown,
    Status,
    appeal_fields,
    appeal_view,
    grade_fields,
    label_view,
    split_subject,
)
from services.grading.domain.grades import APPEAL, Cause
from services.grading.store import appeals
from services.grading.store.appeals import OF_ACCOUNT, OF_ALL
from shared.auth.principal import Principal, require, require_city, require_subject
from shared.database import Connection
from shared.http.answers import NOT_FOUND, Listing, Refusal, answers, conflicts
from shared.http.app import json_response
from shared.http.bodies import NOT_BLANK, Body, accepts, body, refuse_persons
from shared.http.paging import Page, paging
from shared.http.problems import Problem, conflict, not_found

router = APIRouter(tags=["appeals"])
Decider = Annotated[Principal, Depends(require_city("appeals:decide"))]
Text = Annotated[
    str,
    msgspec.Meta(max_length=2000, pattern=NOT_BLANK, examples=["The output of May is missing"]),
]
OPEN = conflicts("An appeal against the label of 2020 is open", "appeal-open")
DECIDED = conflicts(
    "The appeal was upheld on 2026-05-31T08:00:00+00:00", "appeal-decided", decision="upheld"
)
NO_APPEAL = Refusal(404, "not-found", "There is no appeal '6f1c7d0e-3b64-4b7e-9a43-2f1f0c2b7d11'")


class Appeal(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a label should be looked at again; `year` defaults to that of the current label."""

    reason: Text
    year: int | None = None
    evidence: (
        Annotated[
            str, msgspec.Meta(max_length=500, examples=["https://works.example/output-2020.pdf"])
        ]
        | None
    ) = None


class Decision(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`upheld`: the label stands; `reopened`: it is graded anew and suspended. Say why."""

    decision: Literal["upheld", "reopened"]
    note: Text


class Decided(AppealShown, frozen=True, kw_only=True):
    """An appeal that has just been decided, and the label now."""

    now: LabelShown


@router.post(
    "/v1/labels/{kind}/{id}/appeals",
    summary="Appeal against a label",
    openapi_extra=accepts(Appeal),
    responses=answers(AppealShown, 201, NOT_FOUND, OPEN),
    status_code=201,
)
async def appeal(
    request: Request,
    kind: KindPath,
    id: AccountId,
    who: Annotated[Principal, Depends(require("appeals:write"))],
    given: Annotated[Appeal, Depends(body(Appeal))],
) -> Response:
    """Stores the appeal and marks the label as contested; 409 while one of the year is open."""
    require_subject(who, id)
    refuse_persons(reason=given.reason, evidence=given.evidence)
    state, subject = request.app.state, f"{kind}:{id}"
    await held_of(request, kind, id)  # 404 before an account is made for it
    async with state.pool.acquire() as connection, connection.transaction():
        number = (await state.poster.lock(connection, [subject]))[subject].number
        label = chosen(kind, id, await held_by(connection, kind, id), given.year)
        filed, about = uuid4(), (label.year, label.n, label.grade.label)
        said, now = (given.reason, given.evidence), state.clock()
        if not await appeals.add(connection, number, filed, about, said, who.client, now):
            raise conflict(f"An appeal against the label of {label.year} is open", "appeal-open")
        row = await appeals.find(connection, filed)
    assert row is not None
    return json_response(appeal_view(row), 201)


@router.get(
    "/v1/labels/{kind}/{id}/appeals",
    summary="Appeals against an account's labels",
    responses=answers(Listing[AppealShown], NOT_FOUND),
)
async def list_appeals(
    request: Request,
    kind: KindPath,
    id: AccountId,
    who: Annotated[Principal, Depends(require("labels:read"))],
    page: Annotated[Page, Depends(paging)],
) -> Response:
    """Latest first."""
    require_subject(who, id)
    await held_of(request, kind, id)
    at, last = page.after(tuple[datetime, str]) or (None, None)
    rows = await request.app.state.pool.fetch(OF_ACCOUNT, f"{kind}:{id}", at, last, page.limit + 1)
    return json_response(page.listing(rows, appeal_view, _place))


@router.get(
    "/v1/appeals", summary="Appeals of all accounts", responses=answers(Listing[AppealShown])
)
async def list_all_appeals(
    request: Request,
    who: Decider,
    page: Annotated[Page, Depends(paging)],
    status: Annotated[Status | None, Query(description="Only those that stand so")] = None,
) -> Response:
    """Oldest first: what has waited longest comes first."""
    at, last = page.after(tuple[datetime, str]) or (None, None)
    rows = await request.app.state.pool.fetch(OF_ALL, status, at, last, page.limit + 1)
    return json_response(page.listing(rows, appeal_view, _place))


@router.post(
    "/v1/appeals/{appeal_id}/decision",
    summary="Uphold a label, or re-open it",
    openapi_extra=accepts(Decision),
    responses=answers(Decided, NO_APPEAL, DECIDED),
)
async def decide(
    request: Request,
    appeal_id: Annotated[UUID, Path(description="The appeal")],
    who: Decider,
    given: Annotated[Decision, Depends(body(Decision))],
) -> Response:
    """Once; 409 afterwards. A re-opened label is graded anew at once under the current data."""
    refuse_persons(note=given.note)
    state = request.app.state
    async with state.pool.acquire() as connection:
        known = await appeals.find(connection, appeal_id)
        if known is None:
            raise not_found("appeal", str(appeal_id))
        async with connection.transaction():
            answer = await _decided(connection, request, known["subject"], appeal_id, who, given)
    state.relay.wake()
    return json_response(answer)


async def _decided(
    connection: Connection,
    request: Request,
    subject: str,
    id: UUID,
    who: Principal,
    given: Decision,
) -> Decided:
    state = request.app.state
    rules, now = state.regrader.rules, state.clock()
    locked = await state.poster.lock(connection, [subject])
    found = await appeals.find(connection, id)
    assert found is not None
    if found["status"] != "open":
        raise _decided_before(found)
    (kind, account), year = split_subject(subject), found["year"]
    reopened, regraded = given.decision == "reopened", None
    if reopened:
        cause = Cause(APPEAL, str(id))
        await state.regrader.regrade(
            connection, state.poster, [subject], lambda s: cause if s.year == year else None, now
        )
    await appeals.settle(connection, locked[subject].number, year, suspended=reopened)
    label = chosen(kind, account, await held_by(connection, kind, account), year)
    if reopened:
        names = ("label", "ratio", "intensity", "benchmark_version")
        shown = grade_fields(kind, label.grade, rules)
        regraded = {name: shown[name] for name in names} | {"cause": label.cause, "n": label.n}
    await appeals.decide(connection, found, given.decision, given.note, who.client, now, regraded)
    row = await appeals.find(connection, id)
    assert row is not None
    return Decided(**appeal_fields(row), now=label_view(kind, account, label, rules, now))


def _decided_before(row: asyncpg.Record) -> Problem:
    detail = f"The appeal was {row['status']} on {row['decided_at'].isoformat()}"
    return conflict(detail, "appeal-decided", decision=row["status"])


def _place(row: asyncpg.Record) -> list[Any]:
    return [row["created_at"], str(row["id"])]
