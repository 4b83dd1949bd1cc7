"""What enterprises have measured of their fuels and steam. Versions are added, earlier ones stay."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from services.industrial.api.parameters import CarrierName, EnterpriseId, Known, On
from services.industrial.api.wording import WORDS, check_words
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
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Day,
    DecimalText,
    Listing,
    answers,
    one_of,
    sample,
)
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body
from shared.http.paging import listing
from shared.http.problems import invalid, not_found
from shared.methodology import Factor, methodology
from shared.units.amount import decimal_text

DIGITS = 20

Reader = Annotated[Principal, Depends(require("industrial:read"))]
Registrar = Annotated[Principal, Depends(require("registry:write"))]
router = APIRouter(prefix="/v1/enterprises/{id}/fuels", tags=["registry"])


Evidence = Annotated[str, WORDS, sample("laboratory report 2026-17")]


class FuelBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At least one property; the default holds for the others.

    `ncv` in GJ per t or 1e4Nm3, or in `ncv_unit` (energy/amount, such as MJ/kg);
    `carbon_content` in t C per GJ; `oxidation` a share; `enthalpy` of steam in kJ per kg.
    Counts in the months that begin from `valid_from` on.
    """

    valid_from: date
    evidence: Evidence
    ncv: Decimal | None = None
    ncv_unit: str | None = None
    carbon_content: Decimal | None = None
    oxidation: Decimal | None = None
    enthalpy: Decimal | None = None


class FigureShown(Answer, frozen=True, kw_only=True):
    """A factor with what it is made of; `t_per_unit` to 20 digits, t CO2e per `unit`."""

    id: Annotated[str, sample("fuel.natural_gas")]
    set: Annotated[str, sample("fuels_a")]
    version: Annotated[str, sample("2015")]
    t_per_unit: DecimalText
    unit: Annotated[str, sample("1e4Nm3")]
    ncv_gj_per_unit: DecimalText | UnsetType = UNSET
    carbon_t_per_gj: DecimalText | UnsetType = UNSET
    oxidation: DecimalText | UnsetType = UNSET
    source: Annotated[str, sample("GB/T 32151.10")]
    confidence: Annotated[str, sample("V", "V, V2, D, R or P, or measured")]
    note: Annotated[str, sample("of a mixture")] | None


class FuelVersion(Answer, frozen=True, kw_only=True):
    """What was measured, and from which day that holds."""

    enterprise_id: Annotated[str, sample("91330800704205947U")]
    carrier: Annotated[str, one_of(MEASURABLE)]
    valid_from: Day
    ncv: DecimalText | None
    ncv_unit: Annotated[str, sample("MJ/m3")] | None
    carbon_content: DecimalText | None
    oxidation: DecimalText | None
    enthalpy: DecimalText | None
    evidence: Evidence


class FuelShown(FuelVersion, frozen=True, kw_only=True):
    """With the factor that the properties give, and the one that would hold without them."""

    factor: FigureShown
    default: FigureShown
    versions: list[FuelVersion]


@router.put(
    "/{carrier}",
    summary="Register measured properties of a fuel or of steam",
    openapi_extra=accepts(
        FuelBody,
        {
            "valid_from": "2026-01-01",
            "evidence": "laboratory report 2026-17",
            "ncv": "36.2",
            "ncv_unit": "MJ/m3",
        },
    ),
    responses=answers(FuelShown, 200, 201, NOT_FOUND),
)
async def put_measured_fuel(
    request: Request,
    id: EnterpriseId,
    carrier: CarrierName,
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


@router.get(
    "/{carrier}",
    summary="Measured properties: the newest, or those of a month",
    responses=answers(FuelShown, NOT_FOUND),
)
async def get_measured_fuel(
    request: Request,
    id: EnterpriseId,
    carrier: CarrierName,
    who: Reader,
    on: On = None,
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


@router.get(
    "",
    summary="Everything that the enterprise has measured, the newest of each carrier",
    responses=answers(Listing[FuelShown], NOT_FOUND),
)
async def get_measured_fuels(request: Request, id: EnterpriseId, who: Reader) -> Response:
    require_subject(who, id)
    async with request.app.state.pool.acquire() as connection:
        enterprise, fuels = await _all(connection, id)
    shown = (_shown(versions[-1], enterprise, versions) for versions in fuels.values())
    return json_response(listing(shown))


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
        expected = f"must be one of: {', '.join(MEASURABLE)}"
        raise invalid("/path/carrier", expected, "invalid-parameter")


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
) -> FuelShown:
    default = _default(enterprise, record.carrier, record.valid_from)
    return FuelShown(
        **_fields(record),
        factor=figure_shown(measured_factor(record, default)),
        default=figure_shown(default),
        versions=[FuelVersion(**_fields(version)) for version in versions],
    )


def _fields(record: MeasuredFuel) -> dict[str, Any]:
    return {
        name: decimal_text(value) if isinstance(value, Decimal) else value
        for name, value in record._asdict().items()
    } | {"valid_from": record.valid_from.isoformat()}


def figure_shown(factor: Factor) -> FigureShown:
    """A factor as it is shown."""
    return FigureShown(
        id=factor.id,
        set=factor.set,
        version=factor.version,
        t_per_unit=decimal_text(decimal_of(factor.t_per_unit, DIGITS)),
        unit=factor.unit,
        ncv_gj_per_unit=_part(factor.ncv_gj_per_unit),
        carbon_t_per_gj=_part(factor.carbon_t_per_gj),
        oxidation=_part(factor.oxidation),
        source=factor.source,
        confidence=factor.confidence,
        note=factor.note,
    )


def _part(value: Fraction | None) -> str | UnsetType:
    return UNSET if value is None else decimal_text(decimal_of(value, DIGITS))
