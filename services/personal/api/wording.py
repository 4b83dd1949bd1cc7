"""Scenarios, reasons, months and trees as the answers show them."""

from datetime import date
from fractions import Fraction
from functools import cache
from typing import Annotated, Any

from services.personal.domain import scenario_of
from shared.http.answers import Answer, sample
from shared.methodology import methodology
from shared.units.amount import MG_PER_G, ratio_text

FORMULAS = {
    "per_event": ("factor per payment, up to the cap", "每笔按因子计,不超过上限"),
    "per_quantity": ("factor per unit of quantity, up to the cap", "按数量乘以因子,不超过上限"),
    "saving": (
        "factor per unit saved against the same month last year, up to the cap",
        "按较上年同月的减少量乘以因子,不超过上限",
    ),
}
Trees = Annotated[int, sample(2, "Whole trees that take up as much in a year")]


class NamedScenario(Answer, frozen=True, kw_only=True):
    """A scenario by its code."""

    code: Annotated[str, sample("BUS_RIDE")]
    name: Annotated[str, sample("bus ride")]
    name_zh: Annotated[str, sample("公交出行")]


class NamedReason(Answer, frozen=True, kw_only=True):
    """Why a payment earns nothing."""

    reason: Annotated[str, sample("cash")]
    name: Annotated[str, sample("cash is no green payment")]
    name_zh: Annotated[str, sample("现金支取不计入")]


def named(number: int) -> dict[str, Any]:
    """A scenario by its number: the fields of `NamedScenario`."""
    scenario = scenario_of(number)
    return {"code": scenario.code, "name": scenario.name_en, "name_zh": scenario.name_zh}


def reason(word: str) -> dict[str, Any]:
    """Why a payment earns nothing: the fields of `NamedReason`."""
    names = methodology().reasons().get(word)
    if names is None:
        return {"reason": word, "name": word, "name_zh": word}
    return {"reason": word, "name": names.name_en, "name_zh": names.name_zh}


@cache
def savings() -> list[int]:
    """The scenarios that credit a fall of consumption."""
    return [s.number for s in methodology().scenarios() if s.formula == "saving"]


def trees(mg: int) -> int:
    """Whole trees."""
    return methodology().tree_equivalent(Fraction(mg, MG_PER_G))


def tree_equivalent(mg: int) -> str:
    """Trees with 6 places: what one person saves is a part of one."""
    return ratio_text(Fraction(mg, MG_PER_G * 1000) / Fraction(methodology().region().kg_per_tree))


def month(day: date) -> str:
    return f"{day.year:04}-{day.month:02}"
