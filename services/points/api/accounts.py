"""Points accounts: balance, tier, every posting, every redemption; frozen and let go."""

from datetime import date
from typing import Annotated, Literal, NamedTuple

from asyncpg import Record
from fastapi import APIRouter, Depends, Request
from msgspec import Meta
from starlette.responses import Response

from services.points import expiry, freezing, redemptions, tiers
from services.points.api.consents import own_check
from services.points.api.moments import moment
from services.points.freezing import FreezingEnded, FreezingShown
from services.points.redemptions import RedemptionShown
from shared.auth.consent import NO_CONSENT, require_account, require_person
from shared.auth.principal import Principal, require
from shared.database import Connection, Pool
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Grams,
    Listing,
    Points,
    Timestamp,
    answers,
    conflicts,
    sample,
)
from shared.http.app import json_response
from shared.http.bodies import NOT_BLANK, Body, accepts, body, refuse_persons
from shared.http.paging import Page, listing, paging
from shared.http.parameters import PersonalAccount
from shared.http.problems import not_found
from shared.units.amount import grams_text, points_text

router = APIRouter(tags=["accounts"])
Reader = Annotated[Principal, Depends(require("points:read"))]
Freezer = Annotated[Principal, Depends(require("points:freeze"))]

ACCOUNT = """
select a.number, a.balance, coalesce(c.points, 0) as claim,
    coalesce(t.tier, 'none') as tier, t.decided_at, t.valid_until,
    f.frozen_at, f.reason, f.frozen_by
from subject s join account a on a.number = s.account
left join tier t on t.account = a.number left join claim c on c.account = a.number
left join freezing f on f.account = a.number and f.lifted_at is null
where s.subject = $1
"""
ENTRIES = """
select sequence, line, kind, from_account, to_account, points, cause, occurred_at, posted_at
from posting where account = $1 and (sequence, line) > ($2, $3)
order by sequence, line limit $4
"""


class Freezing(Body, frozen=True, kw_only=True):
    """Why nothing may be redeemed."""

    reason: Annotated[
        str, Meta(max_length=500, pattern=NOT_BLANK, examples=["The card was reported stolen"])
    ]


class Expiring(Answer, frozen=True, kw_only=True):
    """What will expire, from that day on."""

    points: Points
    due: date


class AccountShown(Answer, frozen=True, kw_only=True):
    """An account: `claim` is what it owes after a credit was taken back that it had spent."""

    account_id: Annotated[str, sample("jsrcb:token-0001")]
    balance: Points
    claim: Points
    expiring: Expiring
    tier: Literal["none", "light", "medium", "deep"]
    tier_decided_at: Timestamp | None
    tier_valid_until: Timestamp | None
    trailing_g: Grams
    frozen: FreezingShown | None


class EntryShown(Answer, frozen=True, kw_only=True, rename={"source": "from"}):
    """A posting: points go from one account of the ledger to another."""

    sequence: int
    kind: Annotated[str, sample("credited")]
    source: Annotated[str, sample("issuance")]
    to: Annotated[str, sample("balance")]
    points: Points
    cause: Annotated[str, sample("5f0c1b9c8d7e4f3a2b1c0d9e8f7a6b5c")]
    occurred_at: Timestamp
    posted_at: Timestamp


ALREADY_FROZEN = conflicts(
    "Frozen already: stolen (since 2026-05-31T08:00:00+00:00, by operator)", "already-frozen"
)
NOT_FROZEN = conflicts("The account is not frozen", "not-frozen")


class Cursor(NamedTuple):
    """Where a listing of entries goes on."""

    sequence: int
    line: int


@router.get(
    "/v1/accounts/{id}",
    summary="Balance, what will expire, tier, and whether it is frozen",
    responses=answers(AccountShown, NO_CONSENT, NOT_FOUND),
)
async def account(id: PersonalAccount, request: Request, who: Reader) -> Response:
    """The tier is that of `tier_decided_at`; `trailing_g` and `expiring` are of this moment."""
    await require_account(who, id, own_check(request))
    return await _account(request, id)


@router.get(
    "/v1/accounts/{id}/entries",
    summary="Every posting, from and to",
    responses=answers(Listing[EntryShown], NO_CONSENT, NOT_FOUND),
)
async def entries(
    id: PersonalAccount, request: Request, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    await require_account(who, id, own_check(request))
    pool: Pool = request.app.state.pool
    number = (await _found(pool, id))["number"]
    after = page.after(Cursor) or Cursor(-1, -1)
    rows = await pool.fetch(ENTRIES, number, *after, page.limit + 1)
    return json_response(page.listing(rows, _entry, lambda r: (r["sequence"], r["line"])))


@router.get(
    "/v1/accounts/{id}/redemptions",
    summary="Every redemption, the first one first",
    responses=answers(Listing[RedemptionShown], NO_CONSENT, NOT_FOUND),
)
async def list_redemptions(
    id: PersonalAccount, request: Request, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    await require_account(who, id, own_check(request))
    pool: Pool = request.app.state.pool
    number = (await _found(pool, id))["number"]
    return json_response(await redemptions.listed(pool, number, page))


@router.post(
    "/v1/accounts/{id}/freeze",
    openapi_extra=accepts(Freezing),
    summary="Let an account redeem nothing until it is let go",
    responses=answers(AccountShown, NOT_FOUND, ALREADY_FROZEN),
)
async def freeze(
    id: PersonalAccount,
    request: Request,
    who: Freezer,
    wanted: Annotated[Freezing, Depends(body(Freezing))],
) -> Response:
    """Credits, reversals, cancellations and expiry go on."""
    require_person(who, id)
    refuse_persons(reason=wanted.reason)
    state = request.app.state
    await freezing.freeze(state.pool, id, wanted.reason, who.client, state.clock())
    return await _account(request, id)


@router.post(
    "/v1/accounts/{id}/unfreeze",
    summary="Let an account redeem again",
    responses=answers(AccountShown, NOT_FOUND, NOT_FROZEN),
)
async def unfreeze(id: PersonalAccount, request: Request, who: Freezer) -> Response:
    require_person(who, id)
    state = request.app.state
    await freezing.unfreeze(state.pool, id, who.client, state.clock())
    return await _account(request, id)


@router.get(
    "/v1/accounts/{id}/freezings",
    summary="Every time an account was frozen",
    responses=answers(Listing[FreezingEnded], NOT_FOUND),
)
async def list_freezings(id: PersonalAccount, request: Request, who: Freezer) -> Response:
    require_person(who, id)
    pool: Pool = request.app.state.pool
    number = (await _found(pool, id))["number"]
    return json_response(listing(await freezing.history(pool, number)))


async def _account(request: Request, id: str) -> Response:
    pool, at = request.app.state.pool, moment(request)
    async with pool.acquire() as connection:
        row = await _found(connection, id)
        number = row["number"]
        trailing = (await tiers.standing(connection, [number], at))[number].trailing_mg
        points, due = await expiry.next_due(connection, number, row["balance"], at)
    return json_response(_shown(id, row, trailing, Expiring(points=points_text(points), due=due)))


async def _found(pool: Connection | Pool, id: str) -> Record:
    row = await pool.fetchrow(ACCOUNT, id)
    if row is None:
        raise not_found("account", id)
    return row


def _shown(id: str, row: Record, trailing: int, expiring: Expiring) -> AccountShown:
    return AccountShown(
        account_id=id,
        balance=points_text(row["balance"]),
        claim=points_text(row["claim"]),
        expiring=expiring,
        tier=row["tier"],
        tier_decided_at=row["decided_at"],
        tier_valid_until=row["valid_until"],
        trailing_g=grams_text(trailing),
        frozen=freezing.shown(row) if row["frozen_at"] else None,
    )


def _entry(row: Record) -> EntryShown:
    return EntryShown(
        sequence=row["sequence"],
        kind=row["kind"],
        source=row["from_account"],
        to=row["to_account"],
        points=points_text(row["points"]),
        cause=row["cause"],
        occurred_at=row["occurred_at"],
        posted_at=row["posted_at"],
    )
