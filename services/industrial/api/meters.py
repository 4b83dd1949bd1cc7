"""Registry of meters. Versions are added, earlier ones stay."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial.api.parameters import Known, MeterId, On
from services.industrial.api.registry import Reader, Registrar
from services.industrial.api.versions import dated, found, shown
from services.industrial.api.wording import check_id, check_words
from services.industrial.domain.registry import Meter
from services.industrial.placing import waits_for_meter
from services.industrial.store import registry, reviews
from services.industrial.store.past import known_at
from shared.auth.principal import require_subject
from shared.database import Connection
from shared.events.errors import FieldError
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Day,
    DecimalText,
    answers,
    conflicts,
    one_of,
    sample,
)
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.city import zone_of
from shared.http.problems import Problem, conflict, invalid
from shared.methodology import CARRIERS
from shared.units.calendar import local_date

# What stays as it is once there are readings.
MEASURED = ("carrier", "unit", "kind")

Owner = Annotated[str, sample("91330800704205947U")]
Carrier = Annotated[str, one_of(CARRIERS)]
router = APIRouter(prefix="/v1", tags=["registry"])


class MeterBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`multiplier` turns what the meter shows into `unit`; a register may roll over at
    `register_max`; readings that show more than that, or imply more than `rate_max` (in `unit` per
    hour), are held for review. `valid_from` begins another version: another asset, multiplier or
    counter."""

    enterprise_id: Owner
    carrier: Carrier
    unit: Annotated[str, sample("kWh")]
    kind: Literal["interval", "register"]
    multiplier: Decimal = Decimal(1)
    register_max: Decimal | None = None
    rate_max: Decimal | None = None
    asset_id: str | None = None
    valid_from: date | None = None


class MeterVersion(Answer, frozen=True, kw_only=True):
    """As it is from `valid_from` on (null: always)."""

    id: Annotated[str, sample("m-1")]
    enterprise_id: Owner
    carrier: Carrier
    unit: Annotated[str, sample("kWh")]
    kind: Literal["interval", "register"]
    multiplier: DecimalText
    register_max: DecimalText | None
    rate_max: DecimalText | None
    asset_id: Annotated[str, sample("line-1")] | None
    valid_from: Day | None


class MeterShown(MeterVersion, frozen=True, kw_only=True):
    """The version that was asked for, and all of them."""

    versions: list[MeterVersion]


@router.put(
    "/meters/{meter_id:path}",
    summary="Register a meter",
    openapi_extra=accepts(
        MeterBody,
        {
            "enterprise_id": "91330800704205947U",
            "carrier": "electricity",
            "unit": "kWh",
            "kind": "interval",
            "multiplier": "1",
            "rate_max": "500",
        },
    ),
    responses=answers(
        MeterShown, 200, 201, conflicts("The meter 'm-1' is one of another enterprise and stays so")
    ),
)
async def put_meter(
    request: Request,
    meter_id: MeterId,
    given: Annotated[MeterBody, Depends(body(MeterBody))],
    who: Registrar,
) -> Response:
    require_subject(who, given.enterprise_id)
    check_id("meter_id", meter_id)
    _check_meter(given)
    state, now = request.app.state, request.app.state.clock()
    owner = given.enterprise_id
    async with state.pool.acquire() as connection, connection.transaction():
        if owner not in await registry.enterprises_of(connection, [owner]):
            raise invalid("/enterprise_id", f"expected a registered enterprise, got {owner!r}")
        locked = await state.poster.lock(connection, [owner])
        await registry.lock_meter(connection, meter_id)
        known = (await registry.meters_of(connection, [meter_id])).get(meter_id, [])
        if known and known[0].enterprise_id != owner:
            raise conflict(f"The meter {meter_id!r} is one of another enterprise and stays so")
        record = dated(
            _record(meter_id, given), given.valid_from, known, local_date(now, zone_of(request))
        )
        if known:
            await _keep_measured(connection, locked[owner].number, known[0], record, now)
        waiting = [waits_for_meter(meter_id)]
        if record not in known:
            await registry.put_meter(connection, record, now)
            # Its limits may be others now.
            waiting += await reviews.held_of(connection, locked[owner].number, meter_id)
        outcome = await state.poster.release(connection, owner, waiting, now)
        versions = (await registry.meters_of(connection, [meter_id]))[meter_id]
    state.relay.wake()
    outcome.count(state.poster.service.name)
    return json_response(shown(MeterShown, record, versions), 200 if known else 201)


@router.get("/meters/{meter_id:path}", summary="A meter", responses=answers(MeterShown, NOT_FOUND))
async def get_meter(
    request: Request, meter_id: MeterId, who: Reader, on: On = None, known: Known = None
) -> Response:
    async with request.app.state.pool.acquire() as connection:
        if known is None:
            versions = (await registry.meters_of(connection, [meter_id])).get(meter_id, [])
        else:
            versions = await known_at(connection, Meter, meter_id, known)
    if versions:
        require_subject(who, versions[0].enterprise_id)
    return json_response(found(MeterShown, "meter", meter_id, versions, on))


def _record(id: str, given: MeterBody) -> Meter:
    return Meter(
        id,
        given.enterprise_id,
        given.carrier,
        given.unit,
        given.kind,
        given.multiplier,
        given.register_max,
        given.rate_max,
        given.asset_id,
    )


async def _keep_measured(
    connection: Connection, account: int, known: Meter, given: Meter, now: datetime
) -> None:
    """What a meter measures is the same in all its versions: it can be corrected until there are
    readings, 409 after that."""
    changed = [name for name in MEASURED if getattr(known, name) != getattr(given, name)]
    if not changed:
        return
    if await registry.has_readings(connection, account, known.id):
        errors = [
            FieldError(
                f"/{name}",
                f"expected {getattr(known, name)!r}, as {known.id!r} has readings; "
                "what measures something else is another meter",
            )
            for name in changed
        ]
        detail = "; ".join(f"{error.pointer}: {error.detail}" for error in errors)
        raise Problem("conflict", 409, detail, errors)
    await registry.correct_measured(connection, given, now)


def _check_meter(given: MeterBody) -> None:
    carrier = CARRIERS.get(given.carrier)
    if carrier is None:
        raise invalid("/carrier", f"must be one of: {', '.join(CARRIERS)}")
    if given.unit not in carrier.units:
        raise invalid("/unit", f"of {carrier.name} must be one of: {', '.join(carrier.units)}")
    if given.multiplier <= 0:
        raise invalid("/multiplier", f"expected a number above zero, got {given.multiplier}")
    if given.register_max is not None and (given.kind != "register" or given.register_max <= 0):
        raise invalid("/register_max", "expected a number above zero, with kind register only")
    if given.rate_max is not None and given.rate_max <= 0:
        raise invalid("/rate_max", f"expected a number above zero, got {given.rate_max}")
    if given.asset_id is not None:
        check_words(asset_id=given.asset_id)
