"""Registry of enterprises, their assets and meters. Versions are added, earlier ones stay."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial import handler
from services.industrial.api.wording import check_id, check_words
from services.industrial.domain.registry import ALWAYS, Asset, Enterprise, Meter, on_date
from services.industrial.store import accounts, registry
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.events.identifiers import ENTERPRISE_FORM, is_enterprise
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.problems import Problem, conflict, invalid, not_found
from shared.methodology import CARRIERS, MethodologyError, methodology
from shared.stream.service import Account
from shared.units.calendar import Zone, local_date

RecordT = TypeVar("RecordT", Enterprise, Asset, Meter)
Reader = Annotated[Principal, Depends(require("industrial:read"))]
Registrar = Annotated[Principal, Depends(require("registry:write"))]
router = APIRouter(prefix="/v1", tags=["registry"])


class EnterpriseBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sector`: GB/T 4754 code. Without `valid_from` the first version holds always, a later one
    from today; one with the same date is corrected."""

    name: str
    sector: str
    district: str
    grid_region: str
    product: str
    product_unit: str
    valid_from: date | None = None


class AssetBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site, a line or a device; `parent` is another asset of the enterprise."""

    kind: Literal["site", "line", "device"]
    name: str
    parent: str | None = None
    valid_from: date | None = None


class MeterBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`multiplier` turns what the meter shows into `unit`; a register may roll over at
    `register_max`."""

    enterprise_id: str
    carrier: str
    unit: str
    kind: Literal["interval", "register"]
    multiplier: Decimal = Decimal(1)
    register_max: Decimal | None = None
    asset_id: str | None = None
    valid_from: date | None = None


@router.put(
    "/enterprises/{id}", summary="Register an enterprise", openapi_extra=accepts(EnterpriseBody)
)
async def put_enterprise(
    request: Request,
    id: str,
    given: Annotated[EnterpriseBody, Depends(body(EnterpriseBody))],
    who: Registrar,
) -> Response:
    require_subject(who, id)
    _check_enterprise(id, given)
    state, now = request.app.state, request.app.state.clock()
    async with state.pool.acquire() as connection, connection.transaction():
        # The lock first: a worker that parks an event of this account does so before, or sees us.
        locked = await state.poster.lock(connection, [id])
        known = (await registry.enterprises_of(connection, [id])).get(id, [])
        record = _dated(
            Enterprise(
                id,
                given.name,
                given.sector,
                given.district,
                given.grid_region,
                given.product,
                given.product_unit,
            ),
            given.valid_from,
            known,
            _today(request, now),
        )
        if record not in known:
            await registry.put_enterprise(connection, record, now)
            await _announce(connection, request, locked[id], now)
        await state.poster.release(connection, id, handler.WAITS_FOR_ENTERPRISE, now)
        versions = (await registry.enterprises_of(connection, [id]))[id]
    state.relay.wake()
    return json_response(_shown(record, versions), 200 if known else 201)


@router.get("/enterprises/{id}", summary="An enterprise: the newest version, or the one of a day")
async def get_enterprise(
    request: Request, id: str, who: Reader, on: date | None = None
) -> Response:
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        versions = (await registry.enterprises_of(connection, [id])).get(id, [])
    return json_response(_found("enterprise", id, versions, on))


@router.put(
    "/enterprises/{id}/assets/{asset_id}",
    summary="Register a site, line or device",
    openapi_extra=accepts(AssetBody),
)
async def put_asset(
    request: Request,
    id: str,
    asset_id: str,
    given: Annotated[AssetBody, Depends(body(AssetBody))],
    who: Registrar,
) -> Response:
    require_subject(who, id)
    check_id("asset_id", asset_id)
    check_words(name=given.name)
    state, now = request.app.state, request.app.state.clock()
    async with state.pool.acquire() as connection, connection.transaction():
        await state.poster.lock(connection, [id])
        if id not in await registry.enterprises_of(connection, [id]):
            raise not_found("enterprise", id)
        await _check_parent(connection, id, asset_id, given.parent)
        known = await registry.assets_of(connection, id, asset_id)
        record = _dated(
            Asset(id, asset_id, given.kind, given.name, given.parent),
            given.valid_from,
            known,
            _today(request, now),
        )
        if record not in known:
            await registry.put_asset(connection, record, now)
        versions = await registry.assets_of(connection, id, asset_id)
    return json_response(_shown(record, versions), 200 if known else 201)


@router.get("/enterprises/{id}/assets/{asset_id}", summary="An asset")
async def get_asset(
    request: Request, id: str, asset_id: str, who: Reader, on: date | None = None
) -> Response:
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        versions = await registry.assets_of(connection, id, asset_id)
    return json_response(_found("asset", asset_id, versions, on))


@router.put("/meters/{meter_id}", summary="Register a meter", openapi_extra=accepts(MeterBody))
async def put_meter(
    request: Request,
    meter_id: str,
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
        await state.poster.lock(connection, [owner])
        await registry.lock_meter(connection, meter_id)
        known = (await registry.meters_of(connection, [meter_id])).get(meter_id, [])
        if known and known[0].enterprise_id != owner:
            raise conflict(f"The meter {meter_id!r} is one of another enterprise and stays so")
        record = _dated(
            Meter(
                meter_id,
                owner,
                given.carrier,
                given.unit,
                given.kind,
                given.multiplier,
                given.register_max,
                given.asset_id,
            ),
            given.valid_from,
            known,
            _today(request, now),
        )
        if record not in known:
            await registry.put_meter(connection, record, now)
        await state.poster.release(connection, owner, handler.waits_for_meter(meter_id), now)
        versions = (await registry.meters_of(connection, [meter_id]))[meter_id]
    state.relay.wake()
    return json_response(_shown(record, versions), 200 if known else 201)


@router.get("/meters/{meter_id}", summary="A meter")
async def get_meter(
    request: Request, meter_id: str, who: Reader, on: date | None = None
) -> Response:
    async with request.app.state.pool.acquire() as connection:
        versions = (await registry.meters_of(connection, [meter_id])).get(meter_id, [])
    if versions:
        require_subject(who, versions[0].enterprise_id)
    return json_response(_found("meter", meter_id, versions, on))


async def _announce(
    connection: Connection, request: Request, account: Account, now: datetime
) -> None:
    """Tell the account's years again: sector, district or product may be others now."""
    versions = (await registry.enterprises_of(connection, [account.subject]))[account.subject]
    states = [
        handler.state_of(
            account,
            account.next_sequence(),
            year,
            await accounts.sums_of(connection, account.number, year),
            on_date(versions, date(year, 12, 31)),
            now,
        )
        for year in await accounts.years_of(connection, account.number)
    ]
    await request.app.state.poster.save(connection, [account], states, now)


async def _check_parent(
    connection: Connection, enterprise: str, asset: str, parent: str | None
) -> None:
    """A parent is an asset of the same enterprise that does not hang on this one."""
    above: str | None = parent
    while above is not None:
        versions = await registry.assets_of(connection, enterprise, above)
        if above == asset or not versions:
            raise invalid("/parent", f"expected another registered asset of {enterprise}")
        above = versions[-1].parent


def _check_enterprise(id: str, given: EnterpriseBody) -> None:
    if not is_enterprise(id):
        raise Problem("invalid-parameter", 422, f"enterprise id: expected {ENTERPRISE_FORM}")
    check_words(
        name=given.name,
        district=given.district,
        product=given.product,
        product_unit=given.product_unit,
    )
    try:
        methodology().sector(given.sector)
    except MethodologyError as error:
        raise invalid("/sector", str(error)) from error
    regions = methodology().grid_regions()
    if given.grid_region not in regions:
        raise invalid("/grid_region", f"must be one of: {', '.join(regions)}")


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
    if given.asset_id is not None:
        check_words(asset_id=given.asset_id)


def _dated(
    record: RecordT, valid_from: date | None, known: Sequence[RecordT], today: date
) -> RecordT:
    """The record from when it holds: as given; else the first always, an unchanged one as before,
    a changed one from today."""
    if valid_from is not None or not known:
        return record._replace(valid_from=valid_from or ALWAYS)
    current = on_date(known, today)
    same = record._replace(valid_from=current.valid_from) == current
    return current if same else record._replace(valid_from=today)


def _today(request: Request, now: datetime) -> date:
    return local_date(now, Zone(request.app.state.settings.tanzhang_zone))


def _found(what: str, id: str, versions: Sequence[RecordT], on: date | None) -> dict[str, Any]:
    record = registry.version(versions, on)
    if record is None:
        raise not_found(what, id)
    return _shown(record, versions)


def _shown(record: RecordT, versions: Sequence[RecordT]) -> dict[str, Any]:
    return _fields(record) | {"versions": [_fields(v) for v in versions]}


def _fields(record: RecordT) -> dict[str, Any]:
    starts = None if record.valid_from == ALWAYS else record.valid_from.isoformat()
    return record._asdict() | {"valid_from": starts}
