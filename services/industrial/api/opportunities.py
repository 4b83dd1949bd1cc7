"""Reduction points, ranked, with their evidence; and what acting on them saved."""

from datetime import date
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from msgspec import Meta
from starlette.responses import Response

from services.industrial import reducing
from services.industrial.api.accounts import (
    Reader,
    account_of,
    latest_year,
)
from services.industrial.api.findings import (
    OPPORTUNITY,
    AdoptionShown,
    Opportunities,
    TariffShown,
    adopted_shown,
    adoption_shown,
    opportunity,
)
from services.industrial.api.parameters import EnterpriseId, YearQuery
from services.industrial.domain.findings.finding import Finding
from services.industrial.domain.findings.ranking import identity
from services.industrial.domain.tariffs import Tariffs, parse
from services.industrial.store import comparisons
from services.industrial.store.comparisons import Adoption
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.http.answers import (
    NOT_FOUND,
    answers,
    conflicts,
)
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body, refuse_persons
from shared.http.city import today, zone_of
from shared.http.problems import conflict, invalid, not_found

NOTE_MAX = 1000
router = APIRouter(prefix="/v1/enterprises/{id}/opportunities", tags=["comparisons"])
Registrar = Annotated[Principal, Depends(require("registry:write"))]


class AdoptionBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which day a reduction point was acted on, and how."""

    from_: date = msgspec.field(name="from")
    note: Annotated[str, Meta(max_length=NOTE_MAX, examples=["night valve"])] = ""


@router.get(
    "",
    summary="Where the enterprise could use less, greatest first",
    responses=answers(Opportunities, NOT_FOUND),
)
async def get_opportunities(
    request: Request, id: EnterpriseId, who: Reader, year: YearQuery = None
) -> Response:
    """Tonnes and yuan: of loads for a whole year, of what is seen beside output for the months that
    were. Those that do not add up look at the same use from another side. Looked at is what is over:
    of the running year the days before today, and beside output the months before this one.
    `adopted` has what was acted on, with the saving since then."""
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        one, wanted = await _enterprise(request, connection, id, year)
        found = await reducing.opportunities(connection, one, *_span(wanted, today(request)))
        adoptions = await comparisons.adoptions(connection, one.account)
        measured = await reducing.savings(connection, one, adoptions, today(request))
    adopted = {adoption.opportunity for adoption in adoptions}
    return json_response(
        Opportunities(
            enterprise_id=id,
            year=wanted,
            items=[opportunity(rank, id, each, adopted) for rank, each in enumerate(found, 1)],
            next=None,
            adopted=[adopted_shown(*each) for each in measured],
            tariffs={n: TariffShown(**price) for n, price in one.tariffs.shown().items()},
        )
    )


@router.post(
    "/{opportunity_id}/adopt",
    summary="Record that a reduction point was acted on",
    openapi_extra=accepts(AdoptionBody),
    responses=answers(
        AdoptionShown,
        200,
        201,
        NOT_FOUND,
        conflicts(f"{OPPORTUNITY} is adopted from 2026-02-01 on and stays so"),
    ),
)
async def post_adoption(
    request: Request,
    id: EnterpriseId,
    opportunity_id: Annotated[
        str, Path(description="The id of a reduction point", examples=[OPPORTUNITY])
    ],
    given: Annotated[AdoptionBody, Depends(body(AdoptionBody))],
    who: Registrar,
    year: YearQuery = None,
) -> Response:
    """Freezes the figures of the year before `from` (those of its days before, when `from` lies in
    it). Once: 409 when it was adopted with another day or note."""
    require_subject(who, id)
    refuse_persons(note=given.note)
    state = request.app.state
    async with state.pool.acquire() as connection, connection.transaction():
        one, wanted = await _enterprise(request, connection, id, year)
        adoption = await _known(connection, one, opportunity_id)
        created = False
        if adoption is None:
            until = min(given.from_, today(request))
            finding = await _found(connection, one, opportunity_id, wanted, until)
            frozen, now = reducing.frozen(finding), state.clock()
            new = Adoption(opportunity_id, given.from_, given.note, frozen, who.client, now)
            await state.poster.lock(connection, [id])
            created = await comparisons.adopt(connection, one.account, new)
            adoption = new if created else await _known(connection, one, opportunity_id) or new
    if (adoption.since, adoption.note) != (given.from_, given.note):
        raise conflict(f"{opportunity_id} is adopted from {adoption.since} on and stays so")
    return json_response(adoption_shown(adoption), 201 if created else 200)


async def _enterprise(
    request: Request, connection: Connection, id: str, year: int | None
) -> tuple[reducing.Enterprise, int]:
    _, account = await account_of(connection, id)
    wanted = year or await latest_year(connection, account, request)
    return reducing.Enterprise(id, account, zone_of(request), tariffs_of(request)), wanted


def tariffs_of(request: Request) -> Tariffs:
    """The tariffs of this service."""
    return parse(request.app.state.settings.tanzhang_tariffs)


async def _found(
    connection: Connection, one: reducing.Enterprise, id: str, year: int, since: date
) -> Finding:
    """The finding of this id in the part of the year before a day."""
    first, until = _span(year, since)
    if since <= first:
        raise invalid("/from", f"expected a day after {first}, as {year} is compared with")
    for finding in await reducing.opportunities(connection, one, first, until):
        if identity(one.id, finding.kind, finding.scope) == id:
            return finding
    raise not_found(f"opportunity of {year} before {since}", id)


async def _known(connection: Connection, one: reducing.Enterprise, id: str) -> Adoption | None:
    adoptions = await comparisons.adoptions(connection, one.account)
    return next((adoption for adoption in adoptions if adoption.opportunity == id), None)


def _span(year: int, until: date) -> tuple[date, date]:
    """The days of a year before another."""
    first = date(year, 1, 1)
    return first, max(first, min(date(year + 1, 1, 1), until))
