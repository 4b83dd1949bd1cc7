"""Peaks of electricity: a few days of a month that set its demand charge."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from statistics import median

from services.industrial.domain.findings.finding import (
    Finding,
    Given,
    Level,
    Rule,
    Scope,
    confident,
    load_of,
    scope_of,
)
from services.industrial.domain.findings.load import Day, Load, by_month, total
from services.industrial.domain.findings.profile import worth
from services.industrial.domain.tariffs import ELECTRICITY, PEAK_HOURS
from shared.units.amount import ratio_text

KIND = "peak_demand"
DAYS_MIN = 10
MONTHS_A_YEAR = 12
FORMULA = {
    "en": "mean over the months of (highest demand of the month minus the median of its working "
    "days' highest demands) x 12 months x demand charge; no emissions are saved",
    "zh": "各月(当月最大需量 − 当月工作日最大需量的中位数)的平均值 × 12个月 × 需量电价;不计减排量",
}


def find(given: Given) -> Iterator[Finding]:
    """One for each meter of electricity whose monthly peak stands out of its usual days'."""
    for load in given.loads:
        months = _months(load)
        if load.carrier != ELECTRICITY or not months:
            continue
        peaks = [(_highest(days), _usual(days)) for days in months.values()]
        level = sum((peak for peak, _ in peaks), Fraction(0)) / len(peaks)
        target = sum((usual for _, usual in peaks), Fraction(0)) / len(peaks)
        if worth(level, target):
            yield _finding(given, load, months, level, target)


def level(given: Given, scope: Scope) -> Level | None:
    """The mean of the months' highest demands, over the months."""
    load = load_of(given, scope)
    peaks = [_highest(days) for days in _months(load).values()] if load else []
    return Level(sum(peaks, Fraction(0)) / len(peaks), Fraction(len(peaks))) if peaks else None


def _months(load: Load) -> Mapping[date, list[Day]]:
    """Months with at least ten working days."""
    return {
        month: days
        for month, days in by_month(load.days).items()
        if sum(not day.resting for day in days) >= DAYS_MIN
    }


def _at_peak_price(load: Load) -> Fraction:
    """The share of all that is used in the hours of the highest price."""
    peak = total(used for (_, hour), used in load.hours.items() if hour in PEAK_HOURS)
    return peak.quantity / total(load.hours.values()).quantity


def _highest(days: Sequence[Day]) -> Fraction:
    return max(day.peak for day in days)


def _usual(days: Sequence[Day]) -> Fraction:
    return median(day.peak for day in days if not day.resting)


def _finding(
    given: Given,
    load: Load,
    months: Mapping[date, list[Day]],
    level: Fraction,
    target: Fraction,
) -> Finding:
    days = [day for of_month in months.values() for day in of_month]
    mean = total(day.whole for day in days).rate
    highest = _highest(days)
    (en, zh), share = scope_of(load).named(), f"{float(mean / highest):.0%}"
    return Finding(
        KIND,
        scope_of(load),
        level,
        f"{load.unit}/h",
        target,
        (level - target) * MONTHS_A_YEAR,
        f"{load.unit}/h months",
        Fraction(0),
        given.tariffs.demand(load.unit),
        confident(len(months), 6, 3),
        days[0].day,
        days[-1].day,
        {
            "months": str(len(months)),
            "peak": ratio_text(highest),
            "mean": ratio_text(mean),
            "load_factor": ratio_text(mean / highest),
            "peak_hours_share": ratio_text(_at_peak_price(load)),
        },
        [
            {
                "month": month.strftime("%Y-%m"),
                "peak": ratio_text(_highest(of_month)),
                "usual": ratio_text(_usual(of_month)),
            }
            for month, of_month in months.items()
        ],
        {
            "en": f"The mean load of {en} is {share} of its highest; a few days of each month set "
            "the demand charge",
            "zh": f"{zh}的平均负荷为最大需量的{share},每月少数几天决定了需量电费",
        },
    )


RULE = Rule(KIND, True, FORMULA, find, level)
