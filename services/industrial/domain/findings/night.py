"""Base load of working nights against the quietest of them."""

from collections.abc import Iterator
from fractions import Fraction

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
from services.industrial.domain.findings.load import (
    NIGHT_HOURS,
    WORKED_MIN,
    Load,
    days_of,
    left_on,
    quietest,
    total,
)
from services.industrial.domain.findings.profile import hourly, worth, year_of
from shared.units.amount import ratio_text

KIND = "night_load"
NIGHTS_MIN = 10
# A night that draws less of what the day does is nearly off.
SHARE_MIN = Fraction(1, 20)
FORMULA = {
    "en": "(mean load of working nights, 22:00 to 06:00, each at their median at the most, minus "
    "the mean of the night that a tenth of these nights do not exceed) x 8 h x working days of the "
    "year; week-ends are left out",
    "zh": "(工作日夜间22:00至06:00平均负荷,每夜至多按中位数计 − 最低十分之一工作日夜间的平均负荷) "
    "× 8小时 × 全年工作日数;不含周末",
}


def find(given: Given) -> Iterator[Finding]:
    """One for each meter whose working nights use more than its quiet ones.

    None for a works whose nights draw nearly what its days do: it works then.
    """
    for load in given.loads:
        nights = load.nights()
        if len(nights) < NIGHTS_MIN:
            continue
        level = left_on([day.night for day in nights])
        target = quietest(day.night.rate for day in nights)
        day = load.working_daytime().rate
        if SHARE_MIN * day <= level < WORKED_MIN * day and worth(level, target):
            yield _finding(given, load, level, target, day)


def level(given: Given, scope: Scope) -> Level | None:
    """The load left on in working nights, over their hours."""
    load = load_of(given, scope)
    nights = [day.night for day in load.nights()] if load else []
    return Level(left_on(nights), total(nights).hours) if nights else None


def _finding(given: Given, load: Load, level: Fraction, target: Fraction, day: Fraction) -> Finding:
    nights = load.nights()
    first, until = year_of(given.first)
    hours = 8 * days_of(first, until, resting=False)
    share = f"{float(level / day):.0%}"
    (en, zh), (carrier, carrier_zh) = scope_of(load).named(), scope_of(load).carrier_named()
    return Finding(
        KIND,
        scope_of(load),
        level,
        f"{load.unit}/h",
        target,
        (level - target) * hours,
        load.unit,
        given.emitted(load.carrier, load.unit),
        given.tariffs.mean(load.carrier, load.unit, _by_hour(load)),
        confident(len(nights), 60, 20),
        nights[0].day,
        nights[-1].day,
        {
            "nights": str(len(nights)),
            "night_level": ratio_text(level),
            "day_level": ratio_text(day),
            "share_of_day": ratio_text(level / day),
            "hours_a_year": str(hours),
        },
        hourly(load),
        {
            "en": f"On working nights {en} draws {share} of the {carrier} of its days; "
            "a tenth of its nights need much less",
            "zh": f"{zh}工作日夜间{carrier_zh}负荷为日间的{share},其最低十分之一的夜间明显更低",
        },
    )


def _by_hour(load: Load) -> dict[int, Fraction]:
    working = load.by_hour(resting=False)
    return {hour: used for hour, used in working.items() if hour in NIGHT_HOURS}


RULE = Rule(KIND, True, FORMULA, find, level)
