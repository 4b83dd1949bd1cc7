"""The registry of farms."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from msgspec import Meta
from starlette.responses import Response

from services.agri import handler
from services.agri.api.reading import FarmId, Reader, versions_of
from services.agri.domain.farms import ALWAYS, FarmType, Version, in_force
from services.agri.domain.size import Size
from services.agri.store import accounts, registry
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.events.identifiers import FARM_FORM, is_farm, personal_identifier
from shared.http.answers import NOT_FOUND, Answer, Day, answers, sample
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body, refuse_person
from shared.http.city import today
from shared.http.problems import invalid

NAME_LENGTH_MAX = 200
# As documented; the check words the error.
WORDS = Meta(extra_json_schema={"minLength": 1, "maxLength": NAME_LENGTH_MAX})

Registrar = Annotated[Principal, Depends(require("registry:write"))]
router = APIRouter(prefix="/v1/farms", tags=["registry"])


class Farm(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A farm's registration; without `valid_from` the first holds always, a later one from today."""

    name: Annotated[str, WORDS, sample("North farm")]
    type: FarmType
    district: Annotated[str, WORDS, sample("kaihua")]
    valid_from: date | None = None


class FarmVersion(Answer, frozen=True, kw_only=True):
    """As it is from `valid_from` on (null: always)."""

    name: Annotated[str, sample("North farm")]
    type: FarmType
    district: Annotated[str, sample("kaihua")]
    valid_from: Day | None


class FarmShown(FarmVersion, frozen=True, kw_only=True):
    """As it is today, and all versions."""

    id: Annotated[str, sample("farm:0001")]
    versions: list[FarmVersion]


@router.put(
    "/{farm_id}",
    summary="Register a farm",
    openapi_extra=accepts(Farm),
    responses=answers(FarmShown, 200, 201),
)
async def put_farm(
    request: Request,
    farm_id: FarmId,
    farm: Annotated[Farm, Depends(body(Farm))],
    who: Registrar,
) -> Response:
    require_subject(who, farm_id)
    _check_farm(farm_id, farm)
    state = request.app.state
    now = state.clock()
    async with state.pool.acquire() as connection, connection.transaction():
        # The lock first: a worker that parks a record of this farm does so before us or sees it.
        locked = await state.poster.lock(connection, [farm_id])
        known = (await registry.farms(connection, [farm_id])).get(farm_id, [])
        version = _version(farm, known, today(request))
        if version not in known:
            await registry.put(connection, farm_id, version, now)
            await _announce(connection, request, farm_id, locked[farm_id], now)
        outcome = await state.poster.release(connection, farm_id, handler.WAITS_FOR_FARM, now)
        versions = (await registry.farms(connection, [farm_id]))[farm_id]
    state.relay.wake()
    outcome.count(state.poster.service.name)
    return json_response(_farm(farm_id, versions, today(request)), 200 if known else 201)


@router.get(
    "/{farm_id}", summary="A farm and its versions", responses=answers(FarmShown, NOT_FOUND)
)
async def get_farm(request: Request, farm_id: FarmId, who: Reader) -> Response:
    require_subject(who, farm_id)
    state = request.app.state
    async with state.pool.acquire() as connection:
        versions = await versions_of(connection, farm_id)
    return json_response(_farm(farm_id, versions, today(request)))


async def _announce(
    connection: Connection, request: Request, farm_id: str, account: Any, now: datetime
) -> None:
    """Re-emit the account's years: their type or district may have changed."""
    versions = (await registry.farms(connection, [farm_id]))[farm_id]
    years = await accounts.totals_by_year(connection, account.number)
    sizes = await accounts.sizes_by_year(connection, account.number)
    states = [
        handler.account_state(
            account, account.next_sequence(), year, totals, sizes.get(year, Size()), versions, now
        )
        for year, totals in years.items()
    ]
    await request.app.state.poster.save(connection, [account], states, now)


def _version(farm: Farm, known: Sequence[Version], on: date) -> Version:
    if farm.valid_from is None and known:
        current = in_force(known, on)
        same = (farm.name, farm.type, farm.district) == (
            current.name,
            current.type,
            current.district,
        )
        starts = current.valid_from if same else on
    else:
        starts = farm.valid_from or ALWAYS
    return Version(starts, farm.name, farm.type, farm.district)


def _check_farm(farm_id: str, farm: Farm) -> None:
    if not is_farm(farm_id) or personal_identifier(farm_id):
        raise invalid("/path/farm_id", f"expected {FARM_FORM}", "invalid-parameter")
    for field in ("name", "district"):
        text = getattr(farm, field)
        if not 1 <= len(text.strip()) <= NAME_LENGTH_MAX:
            raise invalid(f"/{field}", f"expected 1 to {NAME_LENGTH_MAX} characters")
        refuse_person(f"/{field}", text)


def _farm(farm_id: str, versions: Sequence[Version], on: date) -> FarmShown:
    current = in_force(versions, on)
    shown = [FarmVersion(**_fields(version)) for version in versions]
    return FarmShown(id=farm_id, **_fields(current), versions=shown)


def _fields(version: Version) -> dict[str, Any]:
    starts = None if version.valid_from == ALWAYS else version.valid_from.isoformat()
    return {
        "name": version.name,
        "type": version.type,
        "district": version.district,
        "valid_from": starts,
    }
