"""Consents given, shown, asked for and withdrawn."""

from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Path, Query, Request
from msgspec import Meta
from starlette.responses import Response

from services.points import consenting
from services.points.consents import (
    SKEW,
    YEARS_MAX,
    ConsentShown,
    Given,
    Wish,
    is_lasting,
    verdict,
    view,
)
from shared.auth.consent import Check, ConsentScope, Verdict, require_person, speaker, speaks_for
from shared.auth.principal import Principal, require
from shared.events.identifiers import (
    BANK_FORM,
    BANK_PATTERN,
    PERSONAL_FORM,
    PERSONAL_PATTERN,
    is_bank,
    is_personal_account,
    personal_identifier,
)
from shared.http.answers import NOT_FOUND, Listing, Refusal, answers, conflicts
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.parameters import PersonalAccount
from shared.http.problems import forbidden, invalid, not_found

router = APIRouter(tags=["consents"])
Reader = Annotated[Principal, Depends(require("consents:read"))]
Writer = Annotated[Principal, Depends(require("consents:write"))]
Id = Annotated[UUID, Path(description="The consent")]
Account = Annotated[
    str, Meta(extra_json_schema={"pattern": PERSONAL_PATTERN}, examples=["jsrcb:token-0001"])
]
BankName = Annotated[str, Meta(extra_json_schema={"pattern": BANK_PATTERN}, examples=["icbc"])]
AccountAsked = Annotated[
    str,
    Query(
        description="Whose consent",
        examples=["jsrcb:token-0001"],
        json_schema_extra={"pattern": PERSONAL_PATTERN},
    ),
]
BankAsked = Annotated[
    str,
    Query(
        description="Who would see it",
        examples=["icbc"],
        json_schema_extra={"pattern": BANK_PATTERN},
    ),
]
NO_CONSENT = Refusal(404, "not-found", "There is no consent '6f1c7d0e-3b64-4b7e-9a43-2f1f0c2b7d11'")
OVERTAKEN = conflicts(
    "This consent was withdrawn after 2026-05-31T16:00:00+00:00", "consent-overtaken"
)
REPLACED = conflicts(
    "This consent was replaced by 0b8f9a6e-6a3c-4d0e-9a51-3f1f0c2b7d11: withdraw that one",
    "consent-replaced",
    replaced_by="0b8f9a6e-6a3c-4d0e-9a51-3f1f0c2b7d11",
)


class ConsentBody(Body, frozen=True, kw_only=True):
    """`bank` may see what `scope` names of this account, before `until`.

    `given_at`: when the person consented. With it a request can be sent again at any time: it gives
    nothing anew that was withdrawn or changed since.
    """

    account_id: Account
    bank: BankName
    scope: ConsentScope
    until: Annotated[datetime, Meta(tz=True, examples=["2027-05-31T16:00:00Z"])]
    given_at: Annotated[datetime, Meta(tz=True, examples=["2026-05-31T16:00:00Z"])] | None = None


class Cursor(NamedTuple):
    """Where a listing of consents goes on."""

    given_at: datetime
    id: UUID


@router.post(
    "/v1/consents",
    status_code=201,
    openapi_extra=accepts(ConsentBody),
    summary="A person lets an institution see something, until a time",
    responses=answers(ConsentShown, 200, 201, NOT_FOUND, OVERTAKEN),
)
async def give(
    request: Request, who: Writer, wanted: Annotated[ConsentBody, Depends(body(ConsentBody))]
) -> Response:
    """Given again for the same bank and scope it replaces what was given before."""
    require_person(who, wanted.account_id)
    _check_account("/account_id", wanted.account_id)
    _check_bank("/bank", wanted.bank)
    state = request.app.state
    now = state.clock()
    if not is_lasting(wanted.until, now):
        raise invalid("/until", f"expected a time after now, at most {YEARS_MAX} years ahead")
    if wanted.given_at is not None and wanted.given_at > now + SKEW:
        raise invalid("/given_at", "expected a time that has come")
    wish = Wish(wanted.account_id, wanted.bank, wanted.scope, wanted.until, wanted.given_at)
    by = speaker(who, wish.account_id)
    given, is_new = await consenting.give(state.pool, state.settings, wish, uuid4(), by, now)
    return json_response(view(given, now), 201 if is_new else 200)


@router.get(
    "/v1/consents/check",
    summary="Does a bank have a person's consent at this moment?",
    responses=answers(Verdict),
)
async def check(
    request: Request,
    who: Reader,
    account_id: AccountAsked,
    bank: BankAsked,
    scope: Annotated[ConsentScope, Query(description="What it would see")],
) -> Response:
    """For the other services, and for a bank about itself. An unknown account has given none."""
    _check_account("/query/account_id", account_id)
    _check_bank("/query/bank", bank)
    if who.bank is None:
        require_person(who, account_id)
    elif who.bank != bank:
        raise forbidden(f"The token is of the bank {who.bank}: it asks about no other")
    return json_response(await own_check(request)(account_id, bank, scope))


@router.get(
    "/v1/consents/{id}",
    summary="A consent and what became of it",
    responses=answers(ConsentShown, NO_CONSENT),
)
async def get_consent(id: Id, request: Request, who: Reader) -> Response:
    state = request.app.state
    return json_response(view(await _of(request, id, who), state.clock()))


@router.get(
    "/v1/accounts/{id}/consents",
    summary="A person's consents, the newest first",
    responses=answers(Listing[ConsentShown], NOT_FOUND),
)
async def get_consents(
    id: PersonalAccount, request: Request, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    require_person(who, id)
    state = request.app.state
    found = await consenting.of_account(state.pool, id, page.after(Cursor), page.limit + 1)
    now = state.clock()
    return json_response(page.listing(found, lambda given: view(given, now), _position))


@router.post(
    "/v1/consents/{id}/withdraw",
    summary="Withdraw a consent: it counts at once",
    responses=answers(ConsentShown, NO_CONSENT, REPLACED),
)
async def withdraw(id: Id, request: Request, who: Writer) -> Response:
    state = request.app.state
    given = await _of(request, id, who)
    require_person(who, given.account_id)
    now, by = state.clock(), speaker(who, given.account_id)
    return json_response(view(await consenting.withdraw(state.pool, given, by, now), now))


def own_check(request: Request) -> Check:
    """The check of this service, which has the records."""
    state = request.app.state

    async def look(account: str, bank: str, scope: ConsentScope) -> Verdict:
        given = await consenting.standing(state.pool, account, bank, scope)
        return verdict(bank, scope, given, state.clock())

    return look


async def _of(request: Request, id: UUID, who: Principal) -> Given:
    """A consent that concerns this client; to others it isn't told whose it is."""
    given = await consenting.get(request.app.state.pool, id)
    if who.bank != given.bank and not speaks_for(who, given.account_id):
        raise not_found("consent", str(id))
    return given


def _position(given: Given) -> Cursor:
    return Cursor(given.given_at, given.id)


def _check_account(pointer: str, text: str) -> None:
    if not is_personal_account(text):
        raise invalid(pointer, f"expected {PERSONAL_FORM}")


def _check_bank(pointer: str, text: str) -> None:
    if not is_bank(text):
        raise invalid(pointer, f"expected {BANK_FORM}")
    if kind := personal_identifier(text):
        raise invalid(pointer, f"looks like a {kind}, expected the name of an institution")
