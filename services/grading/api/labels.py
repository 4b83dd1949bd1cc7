"""Labels of accounts: as they stand, how they came about, and what would change them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.grading import handler, store
from services.grading.api.views import Kind, grade_view, label_view
from services.grading.domain.grades import Label, current
from services.grading.domain.rulebook import LABELS
from services.grading.store import AccountState, Held
from shared.auth.principal import Principal, require, require_subject
from shared.events.types import AgriAccount
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.problems import invalid, not_found

router = APIRouter(tags=["labels"])
Reader = Annotated[Principal, Depends(require("labels:read"))]
Year = Annotated[int | None, Query(ge=1900, le=2999)]
WORDS = tuple(dict.fromkeys(label for labels in LABELS.values() for label in labels))

LIST = """
select * from (
    select distinct on (l.account) s.subject, l.*
    from label l join subject s on s.account = l.account
    where ($1::int is null or l.year = $1)
        and ($2::text[] is null or exists (
            select from unnest($2::text[]) pattern, split_part(pattern, '*', 1) stem,
                substr(s.subject, strpos(s.subject, ':') + 1) id
            where id = pattern or (pattern <> stem and starts_with(id, stem)
                and (right(stem, 1) in (':', '/') or substr(id, length(stem) + 1, 1) in (':', '/')))))
    order by l.account, l.label = 'ungraded', l.year desc
) found
where ($3::text is null or label = $3) and ($4::text is null or sector = $4)
    and ($5::text is null or kind = $5) and ($6::text is null or subject > $6)
order by subject limit $7
"""
HISTORY = """
select h.* from label_history h join subject s on s.account = h.account
where s.subject = $1 and ($2::int is null or (h.year, h.n) < ($2, $3))
order by h.year desc, h.n desc limit $4
"""


class WhatIf(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reduction_t` more tonnes off the total (of a farm: off its gross emissions); another output."""

    year: int | None = None
    reduction_t: Decimal = Decimal(0)
    output: Decimal | None = None


@router.get("/v1/labels", summary="Labels of all readable accounts")
async def list_labels(
    request: Request,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    label: str | None = None,
    sector: str | None = None,
    kind: Kind | None = None,
    year: Year = None,
) -> Response:
    """The current label of each account (or that of `year`); `sector` of a farm is its type."""
    if label is not None and label not in WORDS:
        raise invalid("/query/label", f"expected one of {', '.join(WORDS)}", "invalid-parameter")
    patterns = None if who.reads_all() else list(who.subjects)
    after = page.after(tuple[str])
    rows: Sequence[asyncpg.Record] = await request.app.state.pool.fetch(
        LIST, year, patterns, label, sector, kind, after and after[0], page.limit + 1
    )
    # The query leaves out what the principal may not read; the principal has the last word.
    found = page.listing(rows, lambda row: row, lambda row: [row["subject"]])
    found["items"] = [
        _listed(request, row) for row in found["items"] if who.reads(_split(row["subject"])[1])
    ]
    return json_response(found)


@router.get("/v1/labels/{kind}/{id}", summary="The label of an account")
async def get_label(
    request: Request, kind: Kind, id: str, who: Reader, year: Year = None
) -> Response:
    """The label of the latest graded year, or of `year`."""
    require_subject(who, id)
    label = chosen(kind, id, await held_of(request, kind, id), year)
    return json_response(_view(request, kind, id, label))


@router.get("/v1/labels/{kind}/{id}/history", summary="All labels an account has had")
async def get_history(
    request: Request, kind: Kind, id: str, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    """The announced labels, latest year and decision first."""
    require_subject(who, id)
    year, n = page.after(tuple[int, int]) or (None, None)
    rows: Sequence[asyncpg.Record] = await request.app.state.pool.fetch(
        HISTORY, f"{kind}:{id}", year, n, page.limit + 1
    )
    if not rows and year is None:
        raise not_found(f"{kind} account with a label", id)
    return json_response(page.listing(rows, _announced, lambda row: [row["year"], row["n"]]))


@router.post(
    "/v1/labels/{kind}/{id}/what-if",
    summary="The label that a reduction or another output would give",
    openapi_extra=accepts(WhatIf),
)
async def what_if(
    request: Request,
    kind: Kind,
    id: str,
    who: Reader,
    asked: Annotated[WhatIf, Depends(body(WhatIf))],
) -> Response:
    """Nothing is stored; `current` is the label as it stands."""
    require_subject(who, id)
    _check(kind, asked)
    held = await held_of(request, kind, id)
    standing = chosen(kind, id, held, asked.year)
    subject, year, regrader = f"{kind}:{id}", standing.year, request.app.state.regrader
    now = request.app.state.clock()
    told = handler.with_states(held, {subject: {year: supposed(held.states[subject][year], asked)}})
    grade = handler.grade_state(
        told.states[subject], year, told, now, regrader.rules, regrader.zone
    )
    answer = {"kind": kind, "id": id, "year": year, **grade_view(kind, grade, regrader.rules)}
    return json_response(answer | {"current": grade_view(kind, standing.grade, regrader.rules)})


def supposed(state: AccountState, asked: WhatIf) -> AccountState:
    """The state as it would be."""
    if isinstance(state, AgriAccount):
        return msgspec.structs.replace(state, gross_t=state.gross_t - asked.reduction_t)
    output = state.output if asked.output is None else asked.output
    return msgspec.structs.replace(state, total_t=state.total_t - asked.reduction_t, output=output)


async def held_of(request: Request, kind: str, id: str) -> Held:
    """What is stored about one account; 404 when it has no label."""
    async with request.app.state.pool.acquire() as connection:
        number = await connection.fetchval(
            "select account from subject where subject = $1", f"{kind}:{id}"
        )
        held = Held() if number is None else await store.load(connection, [number], [])
    if not held.labels:
        raise not_found(f"{kind} account with a label", id)
    return held


def chosen(kind: str, id: str, held: Held, year: int | None) -> Label:
    """The label of a year, or the current one; 404 when there is none."""
    labels = held.labels[f"{kind}:{id}"]
    label = current(labels) if year is None else labels.get(year)
    if label is None:
        raise not_found(f"label of {year} of {kind} account", id)
    return label


def _check(kind: str, asked: WhatIf) -> None:
    if asked.reduction_t < 0:
        raise invalid("/reduction_t", f"expected zero or more, got {asked.reduction_t}")
    if asked.output is not None and kind == "agri":
        raise invalid("/output", "a farm is not graded by output")
    if asked.output is not None and asked.output <= 0:
        raise invalid("/output", f"expected more than zero, got {asked.output}")


def _listed(request: Request, row: asyncpg.Record) -> dict[str, Any]:
    kind, id = _split(row["subject"])
    return _view(request, kind, id, store.label_of(row)) | {"sector": row["sector"]}


def _announced(row: asyncpg.Record) -> dict[str, Any]:
    shown = ("dimensions", "reason", "rule_version", "benchmark_version", "intensity", "ratio")
    names = ("year", "n", "label", "previous", "decided_at", "cause")
    data = row["data"]
    return {
        **{name: row[name] for name in names},
        **{name: data.get(name) for name in (*shown, "benchmark", "valid_until", "sequence")},
    }


def _view(request: Request, kind: str, id: str, label: Label) -> dict[str, Any]:
    state = request.app.state
    return label_view(kind, id, label, state.regrader.rules, state.clock())


def _split(subject: str) -> tuple[str, str]:
    kind, _, id = subject.partition(":")
    return kind, id
