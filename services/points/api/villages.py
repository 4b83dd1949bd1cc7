"""Which village a person belongs to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.points import villages
from shared.auth.consent import require_person
from shared.auth.principal import Principal, require
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.problems import invalid, not_found

router = APIRouter(tags=["villages"])
PATH = "/v1/accounts/{id}/village"
Registrar = Annotated[Principal, Depends(require("registry:write"))]


class Residence(Body, frozen=True, kw_only=True):
    """`village` is the 12 digits of an administrative division."""

    village: str


@router.put(PATH, openapi_extra=accepts(Residence), summary="Say which village a person is of")
async def put_village(
    id: str, request: Request, who: Registrar, told: Annotated[Residence, Depends(body(Residence))]
) -> Response:
    require_person(who, id)
    if not villages.is_village(told.village):
        raise invalid("/village", f"expected {villages.FORM}")
    state = request.app.state
    await villages.put(state.pool, id, told.village, state.clock())
    return await _shown(request, id)


@router.get(PATH, summary="A person's village")
async def get_village(
    id: str, request: Request, who: Annotated[Principal, Depends(require("points:read"))]
) -> Response:
    require_person(who, id)
    return await _shown(request, id)


@router.delete(PATH, status_code=204, summary="A person belongs to no village any more")
async def delete_village(id: str, request: Request, who: Registrar) -> Response:
    require_person(who, id)
    await villages.remove(request.app.state.pool, id)
    return Response(status_code=204)


async def _shown(request: Request, id: str) -> Response:
    found = await villages.get(request.app.state.pool, id)
    if found is None:
        raise not_found("village of account", id)
    return json_response({"account_id": id, "village": found[0], "since": found[1]})
