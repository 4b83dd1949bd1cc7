"""Points for rewards, and back."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID, uuid4

from asyncpg import Record
from fastapi import APIRouter, Depends, Header, Request
from msgspec import Meta
from starlette.responses import Response

from services.points import redemptions
from services.points.api.consents import own_check
from services.points.api.moments import moment
from services.points.api.rewards import ID, milli_points
from services.points.redemptions import Order
from shared.auth.consent import require_account, require_person, speaks_for
from shared.auth.principal import Principal, require
from shared.http import problems
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.problems import Problem, not_found

router = APIRouter(tags=["redemptions"])
Reader = Annotated[Principal, Depends(require("points:read"))]
Redeemer = Annotated[Principal, Depends(require("points:redeem"))]


class Redemption(Body, frozen=True, kw_only=True):
    """`quantity` items of a reward for a member; `points`: only if they cost so much in all."""

    account_id: str
    reward_id: Annotated[str, Meta(pattern=f"^{ID.pattern}$")]
    quantity: Annotated[int, Meta(ge=1, le=1000)] = 1
    points: Decimal | None = None


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
    """The same key with the same body has the same answer for good, a refusal (409) too.

    422 with another body, 409 `request-in-flight` while the first is being decided. After a
    refusal, ask with a new key.
    """
    require_person(who, wanted.account_id)
    state = request.app.state
    order = _order(who, _key(idempotency_key), wanted)
    answer = await redemptions.redeem(state.pool, state.poster, order, uuid4(), moment(request))
    state.relay.wake()
    headers = {"idempotency-hit": "true"} if answer.hit else None
    media = "application/json" if answer.status < 400 else problems.MEDIA_TYPE
    return json_response(answer.body, answer.status, headers, media)


@router.get("/v1/redemptions/{id}", summary="A redemption as it stands")
async def get_redemption(id: UUID, request: Request, who: Reader) -> Response:
    return json_response(redemptions.shown(await _of(request, id, who)))


@router.post("/v1/redemptions/{id}/cancel", summary="Give points and stock back")
async def cancel(id: UUID, request: Request, who: Redeemer) -> Response:
    """As if they had never been spent: what would have expired meanwhile expires now."""
    state = request.app.state
    subject = (await _of(request, id, who))["subject"]
    if not speaks_for(who, subject):
        raise not_found("redemption", str(id))
    answer = await redemptions.cancel(state.pool, state.poster, subject, id, moment(request))
    state.relay.wake()
    return json_response(answer)


async def _of(request: Request, id: UUID, who: Principal) -> Record:
    """A redemption that this client may see; to one who may not it isn't told whose it is."""
    found = await redemptions.find(request.app.state.pool, id)
    if who.bank is None and not who.reads(found["subject"]):
        raise not_found("redemption", str(id))
    await require_account(who, found["subject"], own_check(request))
    return found


def _order(who: Principal, key: str, wanted: Redemption) -> Order:
    points = None if wanted.points is None else milli_points("/points", wanted.points)
    return Order(who.client, key, wanted.account_id, wanted.reward_id, wanted.quantity, points)


def _key(header: str | None) -> str:
    """The key itself: it may come quoted, as a structured field, or bare."""
    key = (header or "").strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key:
        detail = "send an Idempotency-Key header: the same key is redeemed once"
        raise Problem("idempotency-key-missing", 400, detail)
    return key
