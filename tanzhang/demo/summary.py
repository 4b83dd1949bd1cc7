"""The city as its services describe it, and what it must be."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.units.amount import grams_text, points_text, tonnes_text
from tanzhang.demo.asking import Services
from tanzhang.demo.checking import Check, Group, compared
from tanzhang.demo.ledgers import Ledgers
from tanzhang.demo.saving import Savings
from tanzhang.simulation import City

ZERO = "0.000"


@dataclass(frozen=True, slots=True)
class Summary:
    """`industrial`, `agri`, `personal` are the answers of the region summaries.

    `labels` counts the accounts of a kind by label.
    """

    industrial: dict[str, Any]
    agri: dict[str, Any]
    personal: dict[str, Any]
    points: str
    dead_letters: int
    parked: int
    labels: dict[str, Counter[str]] = field(default_factory=dict)


async def summary(services: Services, ledgers: Ledgers, year: int) -> Summary:
    """Ask all services; points have no summary, so their ledger is asked."""
    return Summary(
        await services.get("industrial", "/v1/region/summary", year=year),
        await services.get("agri", "/v1/region/summary", year=year),
        await services.get("personal", "/v1/region/summary"),
        points_text(await ledgers.points_milli()),
        await ledgers.dead_letters(),
        await ledgers.parked(),
        {kind: await _labels(services, kind, year) for kind in ("industrial", "agri")},
    )


def city_checks(made: City, seen: Summary, savings: Savings) -> tuple[Group, ...]:
    """The city's counts and the payments' totals against the oracle."""
    totals = savings.totals
    counts = (
        compared("enterprises", made.enterprises, seen.industrial.get("with_account")),
        compared("their labels", made.enterprises, seen.labels["industrial"].total()),
        compared("farms", made.farms, seen.agri.get("with_account")),
        compared("their labels", made.farms, seen.labels["agri"].total()),
        compared("customers who saved", totals.credited, seen.personal.get("customers")),
    )
    total = compared("reduction_t", tonnes_text(totals.total_mg), seen.personal.get("reduction_t"))
    points = compared("points", points_text(totals.total_mg), seen.points)
    aside = (
        compared("dead letters", 0, seen.dead_letters),
        compared("parked", 0, seen.parked),
    )
    return (
        Group("accounts, labels 账户标签", counts),
        Group("all payments 支付, t", (total,)),
        Group("points 积分", (points,)),
        Group("by scenario 分场景, g", tuple(_by_scenario(savings, seen.personal))),
        Group("dead letters, parked 搁置", aside),
    )


async def sample_checks(services: Services, savings: Savings) -> Group:
    """Some customers' scenarios and points against the oracle."""
    checks: list[Check] = []
    for account, saved in savings.sample.items():
        answer = await services.get("personal", f"/v1/accounts/{account}")
        points = await services.get("points", f"/v1/accounts/{account}")
        total = grams_text(sum(saved.values()))
        found = {one["code"]: one["reduction_g"] for one in answer.get("scenarios", ())}
        checks += [
            compared(account, total, answer.get("reduction_g")),
            compared(f"{account} scenarios", _texts(saved), _without_zero(found)),
            compared(f"{account} points", total, points.get("balance", ZERO)),
        ]
    return Group("sampled customers 抽查", tuple(checks))


def _by_scenario(savings: Savings, personal: dict[str, Any]) -> Iterator[Check]:
    expected = _texts(savings.totals.mg)
    found = _without_zero({o["code"]: o["reduction_g"] for o in personal.get("scenarios", ())})
    for code in sorted(expected.keys() | found.keys()):
        yield compared(code, expected.get(code, ZERO), found.get(code, ZERO))


def _texts(saved: Counter[str]) -> dict[str, str]:
    return {code: grams_text(mg) for code, mg in sorted(saved.items()) if mg}


def _without_zero(found: dict[str, str]) -> dict[str, str]:
    return {code: grams for code, grams in sorted(found.items()) if grams != ZERO}


async def _labels(services: Services, kind: str, year: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    async for label in services.items("grading", "/v1/labels", kind=kind, year=year):
        counts[label["label"]] += 1
    return counts
