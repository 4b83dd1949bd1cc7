"""Points for rewards, and back."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

from asyncpg import Record
from fastapi import APIRouter, Depends, Header, Path, Request
from msgspec import Meta
from starlette.responses import Response

from services.points import redemptions
from services.points.api.consents import own_check
from services.points.api.moments import moment
from services.points.api.rewards import ID, milli_points
from services.points.redemptions import Order, RedemptionMoved, RedemptionShown
from shared.auth.consent import NO_CONSENT, require_account, require_person, speaks_for
from shared.auth.principal import Principal, require
from shared.http import problems
from shared.http.answers import Refusal, answers, conflicts, sample
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.problems import Problem, not_found

router = APIRouter(tags=["redemptions"])
Reader = Annotated[Principal, Depends(require("points:read"))]
Redeemer = Annotated[Principal, Depends(require("points:redeem"))]


class Redemption(Body, frozen=True, kw_only=True):
    """`quantity` items of a reward for a member; `points`: only if they cost so much in all."""

    account_id: Annotated[str, sample("jsrcb:token-0001")]
    reward_id: Annotated[str, Meta(pattern=f"^{ID.pattern}$", examples=["bag"])]
    quantity: Annotated[int, Meta(ge=1, le=1000)] = 1
    points: Decimal | None = None


Id = Annotated[UUID, Path(description="The redemption")]
NOT_FOUND = Refusal(
    404, "not-found", "There is no redemption '6f1c7d0e-3b64-4b7e-9a43-2f1f0c2b7d11'"
)
_FROZEN = {"since": "2026-05-31T08:00:00+00:00", "reason": "stolen", "by": "operator"}
REFUSALS = (
    Refusal(
        400,
        "idempotency-key-missing",
        "send an Idempotency-Key header: the same key is redeemed once",
    ),
    Refusal(404, "not-found", "There is no reward 'bag'"),
    conflicts("A request with this Idempotency-Key is in flight", "request-in-flight"),
    conflicts("The account is frozen: stolen", "account-frozen", frozen=_FROZEN),
    conflicts("1 left, 2 wanted", "out-of-stock"),
    conflicts("1 per account, 1 redeemed already", "limit-per-account"),
    conflicts("Reward 'bag' is offered from 2026-07-01T00:00:00+00:00", "reward-not-yet"),
    conflicts("Reward 'bag' was offered until 2026-05-01T00:00:00+00:00", "reward-ended"),
    conflicts("/points: 1 cost 20.000 now, not 10.000", "price-changed", points="20.000"),
    conflicts("12.500 points, 20.000 needed", "not-enough-points", balance="12.500"),
    Refusal(
        422,
        "idempotency-key-reused",
        "/header/Idempotency-Key: came before with another request",
    ),
)
# FastAPI would refuse a request without it by 422.
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The same key is redeemed once; bare or in double quotes",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "examples": ["order-1"]},
}
MADE: dict[int | str, Any] = answers(RedemptionMoved, 201, *REFUSALS)
MADE[201]["headers"] = {
    "Idempotency-Hit": {
        "description": "This is the answer that the key had before",
        "schema": {"const": "true"},
    }
}


@router.post(
    "/v1/redemptions",
    status_code=201,
    openapi_extra=accepts(Redemption) | {"parameters": [KEY]},
    responses=MADE,
    summary="Redeem points for a reward",
)
async def redeem(
    request: Request,
    who: Redeemer,
    wanted: Annotated[Redemption, Depends(body(Redemption))],
    idempotency_key: Annotated[str | None, Header(max_length=128, include_in_schema=False)] = None,
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


@router.get(
    "/v1/redemptions/{id}",
    summary="A redemption as it stands",
    responses=answers(RedemptionShown, NO_CONSENT, NOT_FOUND),
)
async def get_redemption(id: Id, request: Request, who: Reader) -> Response:
    return json_response(redemptions.shown(await _of(request, id, who)))


@router.post(
    "/v1/redemptions/{id}/cancel",
    summary="Give points and stock back",
    responses=answers(RedemptionMoved, NO_CONSENT, NOT_FOUND),
)
async def cancel(id: Id, request: Request, who: Redeemer) -> Response:
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
