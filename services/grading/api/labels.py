"""Labels of accounts: as they stand, and how they came about."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response

from services.grading.api.views import (
    AccountId,
    AppealShown,
    BenchmarkId,
    BenchmarkKind,
    Dimensions,
    Kind,
    KindPath,
    LabelShown,
    LabelWord,
    PolicyFacts,
    ReasonText,
    appeal_view,
    label_fields,
    label_view,
    split_subject,
)
from services.grading.domain.grades import Label, current
from services.grading.domain.rulebook import LABELS
from services.grading.store import appeals, reading
from services.grading.store.held import Held
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    DecimalText,
    Listing,
    Timestamp,
    answers,
    sample,
)
from shared.http.answers import Year as ShownYear
from shared.http.app import json_response
from shared.http.paging import Page, paging
from shared.http.parameters import YearAsked
from shared.http.problems import invalid, not_found
from shared.methodology import SECTOR_PATTERN, MethodologyError, sector_code
from shared.methodology.label_rows import FARM_TYPES
from shared.stream.accounts import find

router = APIRouter(tags=["labels"])
Reader = Annotated[Principal, Depends(require("labels:read"))]
Year = Annotated[
    YearAsked | None,
    Query(description="Without, the latest graded one", examples=[2020]),
]
WORDS = tuple(dict.fromkeys(label for labels in LABELS.values() for label in labels))


def _sector_or_type(asked: str) -> str:
    if asked in FARM_TYPES:
        return asked
    try:
        return sector_code(asked)
    except MethodologyError as error:
        raise ValueError(f"{error} or one of {', '.join(FARM_TYPES)}") from error


SectorOrType = Annotated[
    str,
    AfterValidator(_sector_or_type),
    Field(json_schema_extra={"pattern": f"^({'|'.join([SECTOR_PATTERN, *FARM_TYPES])})$"}),
]
# Of what was sent, the figures and what they were decided by.
SENT = (
    *("dimensions", "reason", "rule_version", "intensity", "ratio", "benchmark"),
    *("benchmark_version", "benchmark_kind", "policy", "valid_until", "sequence"),
)

# Account by account in the order of the page, so that a page takes what it shows.
LIST = """
select s.subject, l.*
from subject s cross join lateral (
    select * from label
    where account = s.account and ($1::int is null or year = $1)
    order by label = 'ungraded', year desc limit 1
) l
where s.subject > coalesce($6, '') and ($5::text is null or starts_with(s.subject, $5 || ':'))
    and ($2::text[] is null or s.subject = any($2) or s.subject like any($8::text[]))
    and ($3::text is null or l.label = $3) and ($4::text is null or l.sector = $4)
    {narrowed}
order by s.subject limit $7
"""
# Which accounts come into question at all: where they are few, the planner begins with them.
WITH_LABEL = """
    and s.account in (
        select account from label where label = $3 and ($1::int is null or year = $1))
"""
OF_SECTOR_AND_YEAR = """
    and s.account in (
        select account from account_state
        where ($1::int is null or year = $1) and ($4::text is null or sector = $4))
"""
HISTORY = """
select h.* from label_history h join subject s on s.account = h.account
where s.subject = $1 and ($2::int is null or (h.year, h.n) < ($2, $3))
order by h.year desc, h.n desc limit $4
"""


class LabelListed(LabelShown, frozen=True, kw_only=True):
    """A label in the list; the sector of a farm is its type."""

    sector: Annotated[str, sample("1495")] | None


class Announced(Answer, frozen=True, kw_only=True):
    """A label as it was announced, and the appeals against it; null: not said at that time."""

    year: ShownYear
    n: int
    label: LabelWord
    previous: LabelWord | None
    decided_at: Timestamp
    cause: Annotated[str, sample("event:5f0c1b9c8d7e4f3a2b1c0d9e8f7a6b5c")]
    dimensions: Dimensions | None
    reason: ReasonText | None
    rule_version: Annotated[str, sample("labels@1")] | None
    intensity: DecimalText | None
    ratio: DecimalText | None
    benchmark: DecimalText | None
    benchmark_version: BenchmarkId | None
    benchmark_kind: BenchmarkKind | None
    policy: PolicyFacts | None
    valid_until: Timestamp | None
    expired: bool
    sequence: int | None
    appeals: list[AppealShown]


@router.get(
    "/v1/labels",
    summary="Labels of all readable accounts",
    responses=answers(Listing[LabelListed]),
)
async def list_labels(
    request: Request,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    label: Annotated[
        str | None,
        Query(
            description="Only these labels",
            examples=["light_green"],
            json_schema_extra={"enum": [*WORDS]},
        ),
    ] = None,
    sector: Annotated[
        SectorOrType | None,
        Query(description="Only this sector or type of farm", examples=["1495"]),
    ] = None,
    kind: Annotated[Kind | None, Query(description="Only enterprises or farms")] = None,
    year: Year = None,
) -> Response:
    """The current label of each account (or that of `year`); `sector` of a farm is its type."""
    if label is not None and label not in WORDS:
        raise invalid("/query/label", f"expected one of {', '.join(WORDS)}", "invalid-parameter")
    after, (whole, begun) = page.after(tuple[str]), readable(who)
    narrowed = WITH_LABEL if label else ""
    narrowed += OF_SECTOR_AND_YEAR if sector or year else ""
    rows: Sequence[asyncpg.Record] = await request.app.state.pool.fetch(
        LIST.format(narrowed=narrowed),
        *(year, whole, label, sector, kind, after and after[0], page.limit + 1, begun),
    )
    # The query leaves out what the principal may not read; the principal has the last word.
    found = page.listing(rows, lambda row: row, lambda row: [row["subject"]])
    items = (row for row in found.items if who.reads(split_subject(row["subject"])[1]))
    return json_response(Listing(items=[_listed(request, row) for row in items], next=found.next))


@router.get(
    "/v1/labels/{kind}/{id}",
    summary="The label of an account",
    responses=answers(LabelShown, NOT_FOUND),
)
async def get_label(
    request: Request, kind: KindPath, id: AccountId, who: Reader, year: Year = None
) -> Response:
    """The label of the latest graded year, or of `year`."""
    require_subject(who, id)
    label = chosen(kind, id, await held_of(request, kind, id), year)
    state = request.app.state
    return json_response(label_view(kind, id, label, state.regrader.rules, state.clock()))


@router.get(
    "/v1/labels/{kind}/{id}/history",
    summary="All labels an account has had",
    responses=answers(Listing[Announced], NOT_FOUND),
)
async def get_history(
    request: Request,
    kind: KindPath,
    id: AccountId,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
) -> Response:
    """The announced labels, latest year and decision first, each with the appeals against it."""
    require_subject(who, id)
    year, n = page.after(tuple[int, int]) or (None, None)
    pool, subject = request.app.state.pool, f"{kind}:{id}"
    rows: Sequence[asyncpg.Record] = await pool.fetch(HISTORY, subject, year, n, page.limit + 1)
    if not rows and year is None:
        raise not_found(f"{kind} account with a label", id)
    filed = await pool.fetch(appeals.ABOUT, subject, [row["year"] for row in rows])

    def item(row: asyncpg.Record) -> Announced:
        about = [a for a in filed if (a["year"], a["n"]) == (row["year"], row["n"])]
        return Announced(**_announced(row), appeals=[appeal_view(a) for a in about])

    return json_response(page.listing(rows, item, lambda row: [row["year"], row["n"]]))


async def held_of(request: Request, kind: str, id: str) -> Held:
    """What is stored about one account at one moment; 404 when it has no label."""
    async with (
        request.app.state.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return await held_by(connection, kind, id)


async def held_by(connection: Connection, kind: str, id: str) -> Held:
    """The same, as this transaction sees it."""
    number = await find(connection, f"{kind}:{id}")
    held = Held() if number is None else await reading.load(connection, [number], [])
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


def readable(who: Principal) -> tuple[list[str] | None, list[str]]:
    """The accounts that a principal reads, by name and by how they begin, as LIKE has it; None: all.

    A token may name every customer of a bank: what it says is taken apart here, not for each row.
    """
    if who.reads_all():
        return None, []
    named = [f"{kind}:{name}" for kind in LABELS for name in who.subjects]
    stems = [re.sub(r"([%_\\])", r"\\\1", name[:-1]) for name in named if name.endswith("*")]
    begun = [stem + end for stem in stems for end in (["_%"] if stem[-1] in ":/" else [":%", "/%"])]
    return [name for name in named if not name.endswith("*")], begun


def _listed(request: Request, row: asyncpg.Record) -> LabelListed:
    state, (kind, id) = request.app.state, split_subject(row["subject"])
    label = reading.label_of(row)
    fields = label_fields(kind, id, label, state.regrader.rules, state.clock())
    return LabelListed(**fields, sector=row["sector"])


def _announced(row: asyncpg.Record) -> dict[str, Any]:
    names = ("year", "n", "label", "previous", "decided_at", "cause")
    sent = {name: row["data"].get(name) for name in SENT}
    return {name: row[name] for name in names} | sent | {"expired": "expired" in row["data"]}
