"""What meters may measure and activities may be called, with the figures behind them."""

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Query
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from services.industrial.api.fuels import FigureShown, figure_shown
from services.industrial.domain.entries import decimal_of
from services.industrial.domain.fuels import MEASURABLE
from shared.auth.principal import Principal, require
from shared.http.answers import Answer, DecimalText, Listing, answers, one_of, sample
from shared.http.app import json_response
from shared.http.paging import listing
from shared.http.problems import invalid
from shared.methodology import CARRIERS, Activity, Carrier, MissingFigure, methodology
from shared.methodology.rows import Bucket, Effect, Sector
from shared.units.amount import decimal_text

SECTORS = get_args(Sector)
POWER = ("electricity", "exported_electricity", "green_certificate", "pv_generation")

Unit = Annotated[str, sample("t")]
Reader = Annotated[Principal, Depends(require("industrial:read"))]
router = APIRouter(prefix="/v1", tags=["catalogue"])


class ActivityShown(Answer, frozen=True, kw_only=True):
    """A process activity. One without a figure says why it is `refused` and has no factor.

    `contents`: t CO2e per t of each share that a report may give; `scales`: what a share does to
    the emission.
    """

    name: Annotated[str, sample("limestone")]
    name_en: Annotated[str, sample("limestone")]
    name_zh: Annotated[str, sample("石灰石")]
    sectors: list[Annotated[str, one_of(SECTORS)]]
    category: Bucket | UnsetType = UNSET
    gas: Annotated[str, sample("CO2")]
    units: list[Unit] | UnsetType = UNSET
    takes_purity: bool | UnsetType = UNSET
    needs_share: bool | UnsetType = UNSET
    contents: dict[Annotated[str, sample("CaO")], DecimalText] | UnsetType = UNSET
    scales: dict[Annotated[str, sample("purity")], Effect] | UnsetType = UNSET
    factor: FigureShown | None
    refused: Annotated[str, sample("there is no figure for it")] | UnsetType = UNSET


class Activities(Listing[ActivityShown], frozen=True, kw_only=True):
    """With the set of global warming potentials that factors use."""

    gwp_set: Annotated[str, sample("AR5")]


class CarrierShown(Answer, frozen=True, kw_only=True):
    """`sign` of its emissions in the account's energy total: 1 adds, -1 subtracts, 0 is shown.

    `measurable`: an enterprise may register what it measured of it.
    """

    name: Annotated[str, one_of(CARRIERS)]
    name_en: Annotated[str, sample("electricity")]
    name_zh: Annotated[str, sample("电力")]
    kind: Annotated[str, sample("electricity")]
    sign: Annotated[int, one_of((1, 0, -1))]
    units: list[Unit]
    measurable: bool
    factors: list[FigureShown]


@router.get(
    "/activities",
    summary="Process activities, with the shares that each takes",
    responses=answers(Activities),
)
async def get_activities(
    who: Reader,
    sector: Annotated[
        str | None,
        Query(
            description="Only those of this kind of works, and those of any",
            examples=["cement"],
            json_schema_extra={"enum": list(SECTORS)},
        ),
    ] = None,
) -> Response:
    if sector is not None and sector not in SECTORS:
        raise invalid("/query/sector", f"one of: {', '.join(SECTORS)}", "invalid-parameter")
    items = [_activity(name) for name in methodology().activities()]
    wanted = {sector, "any"}
    found = [one for one in items if sector is None or wanted & set(one.sectors)]
    return json_response(Activities(gwp_set=methodology().gwp_set, items=found, next=None))


@router.get(
    "/carriers",
    summary="What a meter may measure, in which units, and the figures",
    responses=answers(Listing[CarrierShown]),
)
async def get_carriers(who: Reader) -> Response:
    return json_response(listing(_carrier(c) for c in CARRIERS.values()))


def _activity(name: str) -> ActivityShown:
    try:
        return _computed(methodology().activity(name))
    except MissingFigure as missing:
        row = methodology().activity_row(name)
        return ActivityShown(
            name=name,
            name_en=row.name_en,
            name_zh=row.name_zh,
            sectors=list(row.sectors),
            gas=row.gas,
            factor=None,
            refused=str(missing),
        )


def _computed(activity: Activity) -> ActivityShown:
    return ActivityShown(
        name=activity.name,
        name_en=activity.name_en,
        name_zh=activity.name_zh,
        sectors=list(activity.sectors),
        category=activity.bucket,
        gas=activity.gas,
        units=list(activity.factor.units),
        takes_purity=activity.takes_purity,
        needs_share=activity.needs_share,
        contents={
            share: decimal_text(decimal_of(per_t, 20)) for share, per_t in activity.contents.items()
        },
        scales=dict(activity.scales),
        factor=figure_shown(activity.factor),
    )


def _carrier(carrier: Carrier) -> CarrierShown:
    return CarrierShown(
        name=carrier.name,
        name_en=carrier.name_en,
        name_zh=carrier.name_zh,
        kind=carrier.kind,
        sign=carrier.sign,
        units=list(carrier.units),
        measurable=carrier.name in MEASURABLE,
        factors=[
            figure_shown(figure)
            for figure in methodology().figures()
            if _belongs(figure.id, carrier)
        ],
    )


def _belongs(id: str, carrier: Carrier) -> bool:
    if carrier.name in POWER:
        return id.startswith("grid.")
    if carrier.kind == "fuel":
        return id == f"fuel.{carrier.name}"
    return id == carrier.kind.removeprefix("exported_")
