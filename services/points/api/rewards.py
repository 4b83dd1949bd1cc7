"""What points buy."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from msgspec import Meta
from starlette.responses import Response

from services.points import domain, rewards
from services.points.rewards import STOCK_MAX, Delivery, Offer, RewardShown
from shared.auth.principal import Principal, require, require_city
from shared.http.answers import Listing, Refusal, answers, conflicts, sample
from shared.http.app import json_response
from shared.http.bodies import NOT_BLANK, Body, accepts, body, refuse_person, refuse_persons
from shared.http.paging import Page, paging
from shared.http.problems import invalid

router = APIRouter(tags=["rewards"])
Reader = Annotated[Principal, Depends(require("points:read"))]
Registrar = Annotated[Principal, Depends(require_city("registry:write"))]
ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
POINTS_MAX = 10**12
Id = Annotated[str, Path(description="The reward", examples=["bag"])]
Name = Annotated[str, Meta(max_length=200, pattern=NOT_BLANK)]
NOT_FOUND = Refusal(404, "not-found", "There is no reward 'bag'")
STOCK_MOVES = conflicts(
    "/stock: the offer began with 10; to change what is left, POST /v1/rewards/bag/stock",
    "stock-moves",
)
OUT_OF_RANGE = conflicts(
    "5 in stock, -6 to add: expected 0 to 1000000000", "stock-out-of-range", stock=5
)
REUSED = Refusal(422, "reference-reused", "/reference: 'van-1' has come before with 10")
Instant = Annotated[datetime, Meta(tz=True)]


class Reward(Body, frozen=True, kw_only=True):
    """`points` per item, at most 3 places; `per_account` items for each member.

    `stock` is what the offer begins with and stays so: what is left moves by redemptions and
    deliveries. Offered from `valid_from` (default: now) until before `valid_until` (default: ever).
    """

    name: Annotated[Name, sample("Cloth bag")]
    points: Annotated[Decimal, sample("20")]
    stock: Annotated[int, Meta(ge=0, le=STOCK_MAX, examples=[10])]
    name_zh: Name | None = None
    per_account: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = None


class Change(Body, frozen=True, kw_only=True):
    """`add` items to the shelf, or take some off when negative; each `reference` counts once."""

    add: Annotated[int, Meta(ge=-STOCK_MAX, le=STOCK_MAX, examples=[10])]
    reference: Annotated[str, Meta(max_length=128, pattern=NOT_BLANK, examples=["van-1"])]


@router.get("/v1/rewards", summary="What points buy", responses=answers(Listing[RewardShown]))
async def list_rewards(
    request: Request,
    who: Reader,
    page: Annotated[Page, Depends(paging)],
    available: Annotated[bool | None, Query(description="in stock and offered now, or not")] = None,
) -> Response:
    state = request.app.state
    return json_response(await rewards.listed(state.pool, page, available, state.clock()))


@router.put(
    "/v1/rewards/{id}",
    openapi_extra=accepts(Reward),
    summary="Make or change an offer",
    responses=answers(RewardShown, 200, 201, STOCK_MOVES),
)
async def put_reward(
    id: Annotated[Id, Path(json_schema_extra={"pattern": f"^{ID.pattern}$"})],
    request: Request,
    who: Registrar,
    reward: Annotated[Reward, Depends(body(Reward))],
) -> Response:
    """A redemption costs what the offer says at that moment; it ends with its `valid_until`."""
    if not ID.fullmatch(id):
        expected = "expected up to 64 letters, digits, '.', '_' and '-'"
        raise invalid("/path/id", expected, "invalid-parameter")
    refuse_person("/path/id", id, "invalid-parameter")
    refuse_persons(name=reward.name, name_zh=reward.name_zh)
    state = request.app.state
    created = await rewards.put(state.pool, _offer(id, reward), who.client, state.clock())
    found = await rewards.get(state.pool, id, state.clock())
    return json_response(found, 201 if created else 200)


@router.get(
    "/v1/rewards/{id}",
    summary="A reward and its stock",
    responses=answers(RewardShown, NOT_FOUND),
)
async def get_reward(id: Id, request: Request, who: Reader) -> Response:
    state = request.app.state
    return json_response(await rewards.get(state.pool, id, state.clock()))


@router.post(
    "/v1/rewards/{id}/stock",
    openapi_extra=accepts(Change),
    summary="Change the stock",
    responses=answers(RewardShown, NOT_FOUND, OUT_OF_RANGE, REUSED),
)
async def change_stock(
    id: Id, request: Request, who: Registrar, change: Annotated[Change, Depends(body(Change))]
) -> Response:
    """Beside redemptions, so that none is lost. The same reference again changes nothing."""
    refuse_persons(reference=change.reference)
    state = request.app.state
    delivery = Delivery(id, change.reference, change.add, who.client)
    await rewards.deliver(state.pool, delivery, state.clock())
    return json_response(await rewards.get(state.pool, id, state.clock()))


def milli_points(pointer: str, points: Decimal) -> int:
    """A price in milli-points, or 422."""
    try:
        found = domain.milli(points)
    except ValueError as error:
        raise invalid(pointer, str(error)) from None
    if not 0 < found < POINTS_MAX:
        raise invalid(pointer, "expected more than 0 and less than 1000000000")
    return found


def _offer(id: str, reward: Reward) -> Offer:
    begins, ends = reward.valid_from, reward.valid_until
    if begins is not None and ends is not None and ends <= begins:
        raise invalid("/valid_until", f"expected a time after valid_from {begins.isoformat()}")
    price = milli_points("/points", reward.points)
    return Offer(
        id, reward.name, reward.name_zh, price, reward.stock, reward.per_account, begins, ends
    )
