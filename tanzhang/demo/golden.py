"""The golden numbers: asked of the services, or of the rules where no account shows them."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from services.grading.domain.rulebook import cuts_of
from shared.methodology import methodology
from shared.units.amount import round_half_even
from tanzhang.demo.asking import Services
from tanzhang.demo.checking import NOTHING, Check, Group, compared
from tanzhang.simulation import Expected

Figures: TypeAlias = tuple[tuple[str, str], ...]

BEFORE_INTENSITY = "0.103200"
RATIO = "0.920"
ARTICLE_TONNES = 3129
ARTICLE_TREES = 41_400
DIESEL_DAY = date(2020, 12, 31)
CUT_POINTS = {"0.80": "deep_green", "1.00": "light_green", "1.20": "yellow"}


async def before(services: Services, expected: Expected) -> tuple[Group, Group]:
    """The enterprise before its reduction."""
    account = await _enterprise(services, expected)
    whole = (
        _total(expected.before, account),
        compared("intensity", BEFORE_INTENSITY, account.get("intensity")),
        compared("intensity", expected.before_intensity, _places(account, "intensity", 4)),
    )
    return (
        Group("1 华康药业 before 减排前", whole),
        Group("  its parts 分项、产量", _parts(expected.before, account)),
    )


async def after(services: Services, expected: Expected) -> tuple[Group, Group, Group]:
    """The enterprise after its reduction, and the label that follows."""
    account = await _enterprise(services, expected)
    whole = (
        _total(expected.after, account),
        compared("intensity", expected.after_intensity, _places(account, "intensity", 4)),
    )
    path = f"/v1/labels/industrial/{expected.enterprise}"
    label = await services.get("grading", path, year=expected.year)
    graded = (
        compared("label", expected.label, label.get("label")),
        compared("ratio", RATIO, _places(label, "ratio", 3)),
        compared("intensity", expected.after_intensity, _places(label, "intensity", 4)),
    )
    return (
        Group("2 华康药业 after 光伏后", whole),
        Group("  its parts 分项、产量", _parts(expected.after, account)),
        Group("  its label, ratio 标签", graded),
    )


async def farm(services: Services, expected: Expected) -> Group:
    """The farm's three pathways and their sum."""
    path = f"/v1/farms/{expected.farm}/account"
    account = await services.get("agri", path, year=expected.year)
    checks = [compared(n, text, _places(account, n, 1)) for n, text in expected.farm_tonnes]
    return Group("3 三易易农牧 by pathway", tuple(checks))


async def person(services: Services, expected: Expected) -> Group:
    """One online transfer, in grams and points."""
    saved = await services.get("personal", f"/v1/accounts/{expected.customer}")
    points = await services.get("points", f"/v1/accounts/{expected.customer}")
    checks = (
        compared("reduction_g", expected.reduction_g, saved.get("reduction_g")),
        compared("balance", expected.points, points.get("balance")),
    )
    return Group("4 transfer 转账, g, points", checks)


def rules() -> tuple[Group, ...]:
    """What the rules give without any account."""
    figures = methodology()
    trees = figures.tree_equivalent(ARTICLE_TONNES * 10**6)
    diesel = figures.fuel_factor("3120", "diesel", DIESEL_DAY).tonnes(Decimal(1), "t")
    power = figures.electricity_factor("zhejiang", 2022).tonnes(Decimal(1000), "kWh")
    cuts = cuts_of(figures.label_rules("industrial"))
    colours = [compared(r, c, cuts.colour(Fraction(r))) for r, c in CUT_POINTS.items()]
    return (
        Group("5 trees 3,129 t 折合树木", (compared("trees", ARTICLE_TREES, trees),)),
        Group("6 diesel 柴油 1 t", (compared("diesel", "3.0959", _rounded(diesel, 4)),)),
        Group("7 grid 浙江 1 MWh, 2022", (compared("grid", "0.5153", _rounded(power, 4)),)),
        Group("8 at 0.80, 1.00, 1.20", tuple(colours)),
    )


def _total(figures: Figures, account: dict[str, Any]) -> Check:
    return next(compared(n, text, account.get(n)) for n, text in figures if n == "total_t")


def _parts(figures: Figures, account: dict[str, Any]) -> tuple[Check, ...]:
    return tuple(compared(n, text, account.get(n)) for n, text in figures if n != "total_t")


async def _enterprise(services: Services, expected: Expected) -> dict[str, Any]:
    path = f"/v1/enterprises/{expected.enterprise}/account"
    return await services.get("industrial", path, year=expected.year)


def _places(answer: dict[str, Any], name: str, places: int) -> str:
    """A figure of an answer, rounded half-even to so many places."""
    text = answer.get(name)
    if text is None:
        return NOTHING
    return str(Decimal(text).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN))


def _rounded(value: Fraction, places: int) -> str:
    return str(Decimal(round_half_even(value * 10**places)).scaleb(-places))
