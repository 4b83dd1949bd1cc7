"""What enterprises have measured of their fuels and steam. Versions are added, earlier ones stay."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.industrial.api.versions import Known
from services.industrial.api.wording import check_words
from services.industrial.domain.entries import decimal_of
from services.industrial.domain.fuels import (
    MEASURABLE,
    Fuels,
    MeasuredFuel,
    WrongFuel,
    check,
    in_force,
    measured_factor,
)
from services.industrial.domain.registry import Enterprise, on_date
from services.industrial.store.fuels import fuels_of, put_fuel
from services.industrial.store.past import known_at
from services.industrial.store.registry import enterprises_of
from shared.auth.principal import Principal, require, require_subject
from shared.database import Connection
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.problems import Problem, invalid, not_found
from shared.methodology import Factor, methodology
from shared.units.amount import decimal_text

DIGITS = 20

Reader = Annotated[Principal, Depends(require("industrial:read"))]
Registrar = Annotated[Principal, Depends(require("registry:write"))]
router = APIRouter(prefix="/v1/enterprises/{id}/fuels", tags=["registry"])


class FuelBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At least one property; the default holds for the others.

    `ncv` in GJ per t or 1e4Nm3, or in `ncv_unit` (energy/amount, such as MJ/kg);
    `carbon_content` in t C per GJ; `oxidation` a share; `enthalpy` of steam in kJ per kg.
    Counts in the months that begin from `valid_from` on.
    """

    valid_from: date
    evidence: str
    ncv: Decimal | None = None
    ncv_unit: str | None = None
    carbon_content: Decimal | None = None
    oxidation: Decimal | None = None
    enthalpy: Decimal | None = None


@router.put(
    "/{carrier}",
    summary="Register measured properties of a fuel or of steam",
    openapi_extra=accepts(FuelBody),
)
async def put_measured_fuel(
    request: Request,
    id: str,
    carrier: str,
    given: Annotated[FuelBody, Depends(body(FuelBody))],
    who: Registrar,
) -> Response:
    require_subject(who, id)
    _check_carrier(carrier)
    check_words(evidence=given.evidence)
    state = request.app.state
    async with state.pool.acquire() as connection, connection.transaction():
        # The lock first: a worker posts with what was in force before, or sees this.
        await state.poster.lock(connection, [id])
        enterprise, known = await _stored(connection, id, carrier)
        record = _record(id, carrier, given)
        try:
            check(record, _default(enterprise, carrier, record.valid_from))
        except WrongFuel as wrong:
            raise invalid(f"/{wrong.field}", str(wrong)) from wrong
        if record not in known:
            await put_fuel(connection, record, state.clock())
        _, versions = await _stored(connection, id, carrier)
    return json_response(_shown(record, enterprise, versions), 200 if known else 201)


@router.get("/{carrier}", summary="Measured properties: the newest, or those of a month")
async def get_measured_fuel(
    request: Request,
    id: str,
    carrier: str,
    who: Reader,
    on: date | None = None,
    known: Known = None,
) -> Response:
    require_subject(who, id)
    _check_carrier(carrier)
    async with request.app.state.pool.acquire() as connection:
        enterprise, versions = await _stored(connection, id, carrier)
        if known is not None:
            versions = await known_at(connection, MeasuredFuel, carrier, known, id)
    # A month is posted with what is in force on its first day.
    record = in_force({carrier: versions}, carrier, (on or date.max).replace(day=1))
    if record is None:
        raise not_found("measured fuel", carrier)
    return json_response(_shown(record, enterprise, versions))


@router.get("", summary="Everything that the enterprise has measured, the newest of each carrier")
async def get_measured_fuels(request: Request, id: str, who: Reader) -> Response:
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        enterprise, fuels = await _all(connection, id)
    items = [_shown(versions[-1], enterprise, versions) for versions in fuels.values()]
    return json_response({"items": items, "next": None})


async def _all(connection: Connection, id: str) -> tuple[Sequence[Enterprise], Fuels]:
    enterprise = (await enterprises_of(connection, [id])).get(id)
    if not enterprise:
        raise not_found("enterprise", id)
    return enterprise, (await fuels_of(connection, [id])).get(id, {})


async def _stored(
    connection: Connection, id: str, carrier: str
) -> tuple[Sequence[Enterprise], Sequence[MeasuredFuel]]:
    enterprise, fuels = await _all(connection, id)
    return enterprise, fuels.get(carrier, [])


def _check_carrier(carrier: str) -> None:
    if carrier not in MEASURABLE:
        expected = f"carrier {carrier!r}: must be one of: {', '.join(MEASURABLE)}"
        raise Problem("invalid-parameter", 422, expected)


def _record(id: str, carrier: str, given: FuelBody) -> MeasuredFuel:
    return MeasuredFuel(
        id,
        carrier,
        given.valid_from,
        given.ncv,
        given.ncv_unit,
        given.carbon_content,
        given.oxidation,
        given.enthalpy,
        given.evidence,
    )


def _default(enterprise: Sequence[Enterprise], carrier: str, on: date) -> Factor:
    version = on_date(enterprise, on)
    return methodology().meter_factor(
        carrier, sector=version.sector, region=version.grid_region, on=on
    )


def _shown(
    record: MeasuredFuel, enterprise: Sequence[Enterprise], versions: Sequence[MeasuredFuel]
) -> dict[str, Any]:
    default = _default(enterprise, record.carrier, record.valid_from)
    return _fields(record) | {
        "factor": factor_fields(measured_factor(record, default)),
        "default": factor_fields(default),
        "versions": [_fields(version) for version in versions],
    }


def _fields(record: MeasuredFuel) -> dict[str, Any]:
    return {
        name: decimal_text(value) if isinstance(value, Decimal) else value
        for name, value in record._asdict().items()
    }


def factor_fields(factor: Factor) -> dict[str, Any]:
    """A factor with what it is made of; `t_per_unit` to 20 digits, t CO2e per `unit`."""
    made_of = {
        "ncv_gj_per_unit": factor.ncv_gj_per_unit,
        "carbon_t_per_gj": factor.carbon_t_per_gj,
        "oxidation": factor.oxidation,
    }
    parts = {
        name: decimal_text(decimal_of(part, DIGITS))
        for name, part in made_of.items()
        if part is not None
    }
    return {
        "id": factor.id,
        "set": factor.set,
        "version": factor.version,
        "t_per_unit": decimal_text(decimal_of(factor.t_per_unit, DIGITS)),
        "unit": factor.unit,
        **parts,
        "source": factor.source,
        "confidence": factor.confidence,
        "note": factor.note,
    }
