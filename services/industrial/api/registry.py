"""Registry of enterprises and their assets. Versions are added, earlier ones stay."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial import handler
from services.industrial.api.parameters import AssetId, EnterpriseId, Known, On
from services.industrial.api.versions import dated, found, shown
from services.industrial.api.wording import WORDS, check_id, check_words
from services.industrial.domain.registry import (
    Asset,
    Enterprise,
    Meter,
    changed_in,
    circle_from,
    on_date,
    unit_cut,
    with_version,
)
from services.industrial.store import accounts, registry
from services.industrial.store.closing import standing_years
from services.industrial.store.past import known_at
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.events.errors import FieldError
from shared.events.identifiers import ENTERPRISE_FORM, is_enterprise
from shared.http.answers import NOT_FOUND, Answer, Day, answers, conflicts, one_of, sample
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.city import zone_of
from shared.http.problems import Problem, invalid, not_found
from shared.methodology import MethodologyError, methodology, sector_code
from shared.stream.service import Account
from shared.units.calendar import local_date

RecordT = TypeVar("RecordT", Enterprise, Asset, Meter)
Reader = Annotated[Principal, Depends(require("industrial:read"))]
Registrar = Annotated[Principal, Depends(require("registry:write"))]
AssetKind = Literal["site", "line", "device"]
Name = Annotated[str, WORDS, sample("华康药业")]
REGIONS = methodology().grid_regions()
router = APIRouter(prefix="/v1", tags=["registry"])


class EnterpriseBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sector`: GB/T 4754 code, kept without the letter of its section. Without `valid_from` the
    first version holds always, a later one from today; one with the same date is corrected."""

    name: Name
    sector: Annotated[str, WORDS, sample("1495")]
    district: Annotated[str, WORDS, sample("开化县")]
    grid_region: Annotated[str, one_of(REGIONS)]
    product: Annotated[str, WORDS, sample("xylitol")]
    product_unit: Annotated[str, WORDS, sample("t")]
    valid_from: date | None = None


class AssetBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site, a line or a device; `parent` is another asset of the enterprise."""

    kind: AssetKind
    name: Annotated[str, WORDS, sample("Line 1")]
    parent: str | None = None
    valid_from: date | None = None


class EnterpriseVersion(Answer, frozen=True, kw_only=True):
    """As it is from `valid_from` on (null: always)."""

    id: Annotated[str, sample("91330800704205947U")]
    name: Annotated[str, sample("华康药业")]
    sector: Annotated[str, sample("1495")]
    district: Annotated[str, sample("开化县")]
    grid_region: Annotated[str, one_of(REGIONS)]
    product: Annotated[str, sample("xylitol")]
    product_unit: Annotated[str, sample("t")]
    valid_from: Day | None


class EnterpriseShown(EnterpriseVersion, frozen=True, kw_only=True):
    """The version that was asked for, and all of them."""

    versions: list[EnterpriseVersion]


class AssetVersion(Answer, frozen=True, kw_only=True):
    """As it is from `valid_from` on (null: always)."""

    enterprise_id: Annotated[str, sample("91330800704205947U")]
    id: Annotated[str, sample("line-1")]
    kind: AssetKind
    name: Annotated[str, sample("Line 1")]
    parent: Annotated[str, sample("site-1")] | None
    valid_from: Day | None


class AssetShown(AssetVersion, frozen=True, kw_only=True):
    """The version that was asked for, and all of them."""

    versions: list[AssetVersion]


@router.put(
    "/enterprises/{id}",
    summary="Register an enterprise",
    openapi_extra=accepts(EnterpriseBody),
    responses=answers(
        EnterpriseShown,
        200,
        201,
        conflicts("/sector is '1495' in 2020 and stays so, as 2020 is closed"),
    ),
)
async def put_enterprise(
    request: Request,
    id: EnterpriseId,
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
        record = dated(
            Enterprise(
                id,
                given.name,
                sector_code(given.sector),
                given.district,
                given.grid_region,
                given.product,
                given.product_unit,
            ),
            given.valid_from,
            known,
            local_date(now, zone_of(request)),
        )
        if record not in known:
            await _keep_closed(connection, locked[id].number, known, record)
            _keep_unit(known, record)
            await registry.put_enterprise(connection, record, now)
            await _announce(connection, request, locked[id], now)
        outcome = await state.poster.release(connection, id, handler.WAITS_FOR_ENTERPRISE, now)
        versions = (await registry.enterprises_of(connection, [id]))[id]
    state.relay.wake()
    outcome.count(state.poster.service.name)
    return json_response(shown(EnterpriseShown, record, versions), 200 if known else 201)


@router.get(
    "/enterprises/{id}",
    summary="An enterprise: the newest version, or the one of a day",
    responses=answers(EnterpriseShown, NOT_FOUND),
)
async def get_enterprise(
    request: Request, id: EnterpriseId, who: Reader, on: On = None, known: Known = None
) -> Response:
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        if known is None:
            versions = (await registry.enterprises_of(connection, [id])).get(id, [])
        else:
            versions = await known_at(connection, Enterprise, id, known)
    return json_response(found(EnterpriseShown, "enterprise", id, versions, on))


@router.put(
    "/enterprises/{id}/assets/{asset_id:path}",
    summary="Register a site, line or device",
    openapi_extra=accepts(AssetBody),
    responses=answers(AssetShown, 200, 201, NOT_FOUND),
)
async def put_asset(
    request: Request,
    id: EnterpriseId,
    asset_id: AssetId,
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
        assets = await registry.all_assets_of(connection, id)
        known = assets.get(asset_id, [])
        record = dated(
            Asset(id, asset_id, given.kind, given.name, given.parent),
            given.valid_from,
            known,
            local_date(now, zone_of(request)),
        )
        _check_parent(assets, record)
        if record not in known:
            await registry.put_asset(connection, record, now)
        versions = await registry.assets_of(connection, id, asset_id)
    return json_response(shown(AssetShown, record, versions), 200 if known else 201)


@router.get(
    "/enterprises/{id}/assets/{asset_id:path}",
    summary="An asset",
    responses=answers(AssetShown, NOT_FOUND),
)
async def get_asset(
    request: Request,
    id: EnterpriseId,
    asset_id: AssetId,
    who: Reader,
    on: On = None,
    known: Known = None,
) -> Response:
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        if known is None:
            versions = await registry.assets_of(connection, id, asset_id)
        else:
            versions = await known_at(connection, Asset, asset_id, known, id)
    return json_response(found(AssetShown, "asset", asset_id, versions, on))


async def _keep_closed(
    connection: Connection, account: int, known: Sequence[Enterprise], record: Enterprise
) -> None:
    """409 when a version would tell something else of the account of a closed year."""
    closed = await standing_years(connection)
    for year in await accounts.years_of(connection, account) if closed and known else ():
        changed = changed_in(year, known, record)
        if year in closed and changed:
            was = on_date(known, date(year, 12, 31))
            rest = f"as {year} is closed: expected a valid_from after it, or that it is opened"
            errors = [
                FieldError(f"/{name}", f"is {getattr(was, name)!r} in {year} and stays so, {rest}")
                for name in changed
            ]
            detail = "; ".join(f"{error.pointer} {error.detail}" for error in errors)
            raise Problem("conflict", 409, detail, errors)


def _keep_unit(known: Sequence[Enterprise], record: Enterprise) -> None:
    """409 when a version would give a year two units: its output is one sum."""
    cut = unit_cut(known, record)
    if cut is not None:
        before, after = cut
        error = FieldError(
            "/product_unit",
            f"is {before.product_unit!r} before {after.valid_from} and would be "
            f"{after.product_unit!r} from then on, and the output of a year has one unit: expected "
            "a valid_from of 1 January; what was reported for that year counts in the new unit",
        )
        raise Problem("conflict", 409, f"{error.pointer} {error.detail}", [error])


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


def _check_parent(assets: Mapping[str, Sequence[Asset]], record: Asset) -> None:
    """A parent is an asset of the same enterprise that on no day hangs on this one."""
    expected = f"expected another registered asset of {record.enterprise_id}"
    if record.parent is not None and (record.parent == record.id or record.parent not in assets):
        raise invalid("/parent", expected)
    own = with_version(assets.get(record.id, []), record)
    day = circle_from({**assets, record.id: own}, record)
    if day is not None:
        hangs = f"{record.parent!r} hangs on {record.id!r} on {day}"
        raise invalid("/parent", f"{expected}, and {hangs}")


def _check_enterprise(id: str, given: EnterpriseBody) -> None:
    if not is_enterprise(id):
        raise invalid("/path/id", f"expected {ENTERPRISE_FORM}", "invalid-parameter")
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
    if given.grid_region not in REGIONS:
        raise invalid("/grid_region", f"must be one of: {', '.join(REGIONS)}")
