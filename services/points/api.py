"""The points service's HTTP: accounts, entries, rewards, redemptions."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID, uuid4

from asyncpg import Record
from fastapi import APIRouter, Depends, Header, Request
from msgspec import Meta
from starlette.responses import Response

from services.points import domain, rewards
from services.points.rewards import Order
from shared.auth.principal import Principal, require, require_subject
from shared.database import Pool
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.problems import Problem, invalid, not_found
from shared.units.amount import grams_text, points_text

router = APIRouter()
Reader = Annotated[Principal, Depends(require("points:read"))]
Redeemer = Annotated[Principal, Depends(require("points:redeem"))]
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
POINTS_MAX = 10**12

ACCOUNT = """
select a.number, a.balance, coalesce(t.tier, 'none') as tier, coalesce(t.trailing_mg, 0) as trailing,
    coalesce(c.points, 0) as claim
from subject s join account a on a.number = s.account
left join tier t on t.account = a.number left join claim c on c.account = a.number
where s.subject = $1
"""
ENTRIES = """
select sequence, line, kind, from_account, to_account, points, cause, occurred_at, posted_at
from posting where account = $1 and (sequence, line) > ($2, $3)
order by sequence, line limit $4
"""


class Reward(Body, frozen=True, kw_only=True):
    """What points buy: `points` per item, items in stock, items per account."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    points: Decimal
    stock: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    per_account: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    valid_until: Annotated[datetime, Meta(tz=True)] | None = None


class Redemption(Body, frozen=True, kw_only=True):
    """`quantity` items of a reward for a member."""

    account_id: str
    reward_id: Id
    quantity: Annotated[int, Meta(ge=1, le=1000)] = 1


class Cursor(NamedTuple):
    """Where a listing of entries goes on."""

    sequence: int
    line: int


@router.get("/v1/accounts/{id}", summary="Balance and tier")
async def account(id: str, request: Request, who: Reader) -> Response:
    require_subject(who, id)
    row = await _found(request.app.state.pool, id)
    return json_response(
        {
            "account_id": id,
            "balance": points_text(row["balance"]),
            "claim": points_text(row["claim"]),
            "tier": row["tier"],
            "trailing_g": grams_text(row["trailing"]),
        }
    )


@router.get("/v1/accounts/{id}/entries", summary="Every posting, from and to")
async def entries(
    id: str, request: Request, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    require_subject(who, id)
    pool: Pool = request.app.state.pool
    number = (await _found(pool, id))["number"]
    after = page.after(Cursor) or Cursor(-1, -1)
    rows = await pool.fetch(ENTRIES, number, *after, page.limit + 1)
    return json_response(page.listing(rows, _entry, lambda r: (r["sequence"], r["line"])))


@router.put("/v1/rewards/{id}", openapi_extra=accepts(Reward), summary="Offer a reward")
async def put_reward(
    id: str,
    request: Request,
    who: Annotated[Principal, Depends(require("registry:write"))],
    reward: Annotated[Reward, Depends(body(Reward))],
) -> Response:
    _check_id(id)
    created = await request.app.state.pool.fetchval(
        rewards.PUT,
        id,
        reward.name,
        _price(reward.points),
        reward.stock,
        reward.per_account,
        reward.valid_until,
        request.app.state.clock(),
    )
    return json_response(await rewards.get(request.app.state.pool, id), 201 if created else 200)


@router.get("/v1/rewards/{id}", summary="A reward and its stock")
async def get_reward(id: str, request: Request, who: Reader) -> Response:
    return json_response(await rewards.get(request.app.state.pool, id))


@router.post(
    "/v1/redemptions",
    status_code=201,
    openapi_extra=accepts(Redemption),
    summary="Redeem points for a reward",
)
async def redeem(
    request: Request,
    who: Redeemer,
    wanted: Annotated[Redemption, Depends(body(Redemption))],
    idempotency_key: Annotated[str | None, Header(max_length=128)] = None,
) -> Response:
    require_subject(who, wanted.account_id)
    if not idempotency_key:
        detail = "send an Idempotency-Key header: the same key is redeemed once"
        raise Problem("idempotency-key-missing", 400, detail)
    state = request.app.state
    order = Order(who.client, idempotency_key, wanted.account_id, wanted.reward_id, wanted.quantity)
    answer = await rewards.redeem(state.pool, state.poster, order, uuid4(), state.clock())
    state.relay.wake()
    headers = {"idempotency-hit": "true"} if answer.hit else None
    return json_response(answer.body, 201, headers)


@router.post("/v1/redemptions/{id}/cancel", summary="Give points and stock back")
async def cancel(id: UUID, request: Request, who: Redeemer) -> Response:
    state = request.app.state
    require_subject(who, await rewards.owner(state.pool, id))
    answer = await rewards.cancel(state.pool, state.poster, id, state.clock())
    state.relay.wake()
    return json_response(answer)


async def _found(pool: Pool, id: str) -> Record:
    row = await pool.fetchrow(ACCOUNT, id)
    if row is None:
        raise not_found("account", id)
    return row


def _price(points: Decimal) -> int:
    try:
        price = domain.milli(points)
    except ValueError as error:
        raise invalid("/points", str(error)) from None
    if not 0 < price < POINTS_MAX:
        raise invalid("/points", "expected more than 0 and less than 1000000000")
    return price


def _check_id(id: str) -> None:
    if not id.replace("-", "").replace("_", "").replace(".", "").isalnum() or len(id) > 64:
        raise invalid("/path/id", "expected up to 64 letters, digits, '.', '_' and '-'")


def _entry(row: Record) -> dict[str, Any]:
    return {
        "sequence": row["sequence"],
        "kind": row["kind"],
        "from": row["from_account"],
        "to": row["to_account"],
        "points": points_text(row["points"]),
        "cause": row["cause"],
        "occurred_at": row["occurred_at"],
        "posted_at": row["posted_at"],
    }
