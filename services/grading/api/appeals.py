"""Appeals against a label: kept with the label that they are about, for a person to answer."""

from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.grading.api.labels import chosen, held_of
from services.grading.api.views import Kind
from shared.auth.principal import Principal, require, require_subject
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging

router = APIRouter(tags=["appeals"])

ADD = """
insert into appeal (account, id, year, label, reason, evidence, status, client, created_at)
select account, $2::uuid, $3::int, $4::text, $5::text, $6::text, 'open', $7::text,
    $8::timestamptz
from subject where subject = $1
returning *
"""
LIST = """
select a.* from appeal a join subject s on s.account = a.account
where s.subject = $1 and ($2::timestamptz is null or (a.created_at, a.id::text) < ($2, $3::text))
order by a.created_at desc, a.id::text desc limit $4
"""


class Appeal(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a label should be looked at again; `year` defaults to that of the current label."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    year: int | None = None
    evidence: Annotated[str, msgspec.Meta(max_length=500)] | None = None


@router.post(
    "/v1/labels/{kind}/{id}/appeals",
    summary="Appeal against a label",
    openapi_extra=accepts(Appeal),
    status_code=201,
)
async def appeal(
    request: Request,
    kind: Kind,
    id: str,
    who: Annotated[Principal, Depends(require("appeals:write"))],
    given: Annotated[Appeal, Depends(body(Appeal))],
) -> Response:
    """Stores the appeal; the label stands until data or a benchmark change."""
    require_subject(who, id)
    label = chosen(kind, id, await held_of(request, kind, id), given.year)
    row = await request.app.state.pool.fetchrow(
        ADD,
        f"{kind}:{id}",
        uuid4(),
        label.year,
        label.grade.label,
        given.reason,
        given.evidence,
        who.client,
        request.app.state.clock(),
    )
    return json_response(_view(kind, id, row), 201)


@router.get("/v1/labels/{kind}/{id}/appeals", summary="Appeals against an account's labels")
async def list_appeals(
    request: Request,
    kind: Kind,
    id: str,
    who: Annotated[Principal, Depends(require("labels:read"))],
    page: Annotated[Page, Depends(paging)],
) -> Response:
    """Latest first."""
    require_subject(who, id)
    at, last = page.after(tuple[datetime, str]) or (None, None)
    rows = await request.app.state.pool.fetch(LIST, f"{kind}:{id}", at, last, page.limit + 1)
    return json_response(
        page.listing(
            rows, lambda row: _view(kind, id, row), lambda row: [row["created_at"], str(row["id"])]
        )
    )


def _view(kind: str, id: str, row: asyncpg.Record) -> dict[str, Any]:
    names = ("year", "label", "reason", "evidence", "status", "created_at")
    return {"id": str(row["id"]), "kind": kind, "account_id": id} | {n: row[n] for n in names}
