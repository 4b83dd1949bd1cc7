"""Which village a person belongs to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from msgspec import Meta
from starlette.responses import Response

from services.points import villages
from shared.auth.consent import require_person
from shared.auth.principal import Principal, require
from shared.http.answers import NOT_FOUND, Answer, Timestamp, answers, sample
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.parameters import PersonalAccount
from shared.http.problems import invalid, not_found

router = APIRouter(tags=["villages"])
PATH = "/v1/accounts/{id}/village"
Registrar = Annotated[Principal, Depends(require("registry:write"))]


class Residence(Body, frozen=True, kw_only=True):
    """`village` is the 12 digits of an administrative division."""

    village: Annotated[
        str,
        Meta(
            extra_json_schema={"pattern": f"^{villages.CODE.pattern}$"}, examples=["330824105201"]
        ),
    ]


class ResidenceShown(Answer, frozen=True, kw_only=True):
    """A person's village, and since when it is known."""

    account_id: Annotated[str, sample("jsrcb:token-0001")]
    village: Annotated[str, sample("330824105201")]
    since: Timestamp


@router.put(
    PATH,
    openapi_extra=accepts(Residence),
    summary="Say which village a person is of",
    responses=answers(ResidenceShown, NOT_FOUND),
)
async def put_village(
    id: PersonalAccount,
    request: Request,
    who: Registrar,
    told: Annotated[Residence, Depends(body(Residence))],
) -> Response:
    require_person(who, id)
    if not villages.is_village(told.village):
        raise invalid("/village", f"expected {villages.FORM}")
    state = request.app.state
    await villages.put(state.pool, id, told.village, state.clock())
    return await _shown(request, id)


@router.get(PATH, summary="A person's village", responses=answers(ResidenceShown, NOT_FOUND))
async def get_village(
    id: PersonalAccount,
    request: Request,
    who: Annotated[Principal, Depends(require("points:read"))],
) -> Response:
    require_person(who, id)
    return await _shown(request, id)


@router.delete(
    PATH,
    status_code=204,
    summary="A person belongs to no village any more",
    responses=answers(None, 204, NOT_FOUND),
)
async def delete_village(id: PersonalAccount, request: Request, who: Registrar) -> Response:
    require_person(who, id)
    await villages.remove(request.app.state.pool, id)
    return Response(status_code=204)


async def _shown(request: Request, id: str) -> Response:
    found = await villages.get(request.app.state.pool, id)
    if found is None:
        raise not_found("village of account", id)
    return json_response(ResidenceShown(account_id=id, village=found[0], since=found[1]))
