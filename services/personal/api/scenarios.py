"""HTTP: the 18 everyday scenarios and their figures."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.personal.api import wording
from shared.auth.principal import Principal, require
from shared.http.app import json_response
from shared.methodology import Scenario, methodology
from shared.units.amount import grams_text, round_half_even

router = APIRouter()


@router.get("/v1/scenarios", summary="The 18 everyday scenarios and their factors")
async def scenarios(
    who: Annotated[Principal, Depends(require("personal:read"))],
    on: Annotated[
        date | None, Query(description="As in force on this day; default: newest")
    ] = None,
) -> Response:
    items = [_scenario(scenario) for scenario in methodology().scenarios(on)]
    return json_response({"items": items, "next": None})


def _scenario(scenario: Scenario) -> dict[str, Any]:
    formula, formula_zh = wording.FORMULAS[scenario.formula]
    return {
        "number": scenario.number,
        "code": scenario.code,
        "kind": scenario.kind,
        "name": scenario.name_en,
        "name_zh": scenario.name_zh,
        "factor_g": grams_text(round_half_even(scenario.factor_mg)),
        "unit": scenario.unit,
        "formula": scenario.formula,
        "formula_text": {"en": formula, "zh": formula_zh},
        "cap": scenario.cap,
        "cap_period": scenario.cap_period,
        "channels": sorted(scenario.channels),
        "valid_from": scenario.valid_from,
        "valid_until": scenario.valid_to,
        "factor_set": scenario.label,
        "source": scenario.source,
        "confidence": scenario.confidence,
    }
