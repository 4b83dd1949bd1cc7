"""HTTP: the 18 everyday scenarios and their figures."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.personal.api import wording
from shared.auth.principal import Principal, require
from shared.events.words import Channel, PaymentKind
from shared.http.answers import Answer, Grams, Listing, Wording, answers, sample
from shared.http.app import json_response
from shared.http.paging import listing
from shared.http.parameters import DayAsked
from shared.methodology import Scenario, methodology
from shared.methodology.rows import Confidence
from shared.units.amount import grams_text, round_half_even

router = APIRouter(tags=["scenarios"])


class EverydayScenario(Answer, frozen=True, kw_only=True):
    """A scenario: what a unit saves, how it counts, and over which channels."""

    number: int
    code: Annotated[str, sample("BUS_RIDE")]
    kind: PaymentKind
    name: Annotated[str, sample("bus ride")]
    name_zh: Annotated[str, sample("公交出行")]
    factor_g: Annotated[Grams, sample("98.000", "g CO2 per unit")]
    unit: Annotated[str, sample("trip")]
    formula: Literal["per_event", "per_quantity", "saving"]
    formula_text: Wording
    cap: Decimal | None
    cap_period: Literal["day", "month"]
    channels: list[Channel]
    valid_from: date
    valid_until: date | None
    factor_set: Annotated[str, sample("scenarios@1")]
    source: Annotated[str, sample("Postal Savings Bank, Hunan")]
    confidence: Confidence


@router.get(
    "/v1/scenarios",
    summary="The 18 everyday scenarios and their factors",
    responses=answers(Listing[EverydayScenario]),
)
async def scenarios(
    who: Annotated[Principal, Depends(require("personal:read"))],
    on: Annotated[
        DayAsked | None,
        Query(description="As in force on this day; default: newest", examples=["2026-06-01"]),
    ] = None,
) -> Response:
    return json_response(listing(map(_scenario, methodology().scenarios(on))))


def _scenario(scenario: Scenario) -> EverydayScenario:
    formula, formula_zh = wording.FORMULAS[scenario.formula]
    return EverydayScenario(
        number=scenario.number,
        code=scenario.code,
        kind=scenario.kind,
        name=scenario.name_en,
        name_zh=scenario.name_zh,
        factor_g=grams_text(round_half_even(scenario.factor_mg)),
        unit=scenario.unit,
        formula=scenario.formula,
        formula_text=Wording(en=formula, zh=formula_zh),
        cap=scenario.cap,
        cap_period=scenario.cap_period,
        channels=sorted(scenario.channels),
        valid_from=scenario.valid_from,
        valid_until=scenario.valid_to,
        factor_set=scenario.label,
        source=scenario.source,
        confidence=scenario.confidence,
    )
