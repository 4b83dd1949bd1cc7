"""The load of days without work against the quietest of them."""

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
    WORKED_MIN,
    Load,
    days_of,
    left_on,
    quietest,
    total,
)
from services.industrial.domain.findings.profile import hourly, worth, year_of
from shared.units.amount import ratio_text

KIND = "weekend_load"
DAYS_MIN = 6
SHARE_MIN = Fraction(1, 20)
FORMULA = {
    "en": "(mean load of Saturdays and Sundays, each at their median at the most, minus the mean of "
    "the day that a tenth of them do not exceed) x 24 h x Saturdays and Sundays of the year; their "
    "nights are counted here only",
    "zh": "(周六周日平均负荷,每日至多按中位数计 − 最低十分之一周末日的平均负荷) "
    "× 24小时 × 全年周末天数;周末夜间仅计入此项",
}


def find(given: Given) -> Iterator[Finding]:
    """One for each meter whose week-ends use more than the quiet ones.

    None for a works whose week-ends draw nearly what its working days do.
    """
    for load in given.loads:
        days = load.complete(resting=True)
        working = total(day.whole for day in load.complete(resting=False)).rate
        if len(days) < DAYS_MIN:
            continue
        level = left_on([day.whole for day in days])
        target = quietest(day.whole.rate for day in days)
        if SHARE_MIN * working <= level < WORKED_MIN * working and worth(level, target):
            yield _finding(given, load, level, target, working)


def level(given: Given, scope: Scope) -> Level | None:
    """The load left on in days without work, over their hours."""
    load = load_of(given, scope)
    days = [day.whole for day in load.complete(resting=True)] if load else []
    return Level(left_on(days), total(days).hours) if days else None


def _finding(
    given: Given, load: Load, level: Fraction, target: Fraction, working: Fraction
) -> Finding:
    days = load.complete(resting=True)
    hours = 24 * days_of(*year_of(given.first), resting=True)
    share = f"{float(level / working):.0%}"
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
        given.tariffs.mean(load.carrier, load.unit, load.by_hour(resting=True)),
        confident(len(days), 24, 10),
        days[0].day,
        days[-1].day,
        {
            "days": str(len(days)),
            "weekend_level": ratio_text(level),
            "working_level": ratio_text(working),
            "share_of_working": ratio_text(level / working),
            "hours_a_year": str(hours),
        },
        hourly(load),
        {
            "en": f"On Saturdays and Sundays {en} draws {share} of the {carrier} of a working day; "
            "a tenth of these days need much less",
            "zh": f"{zh}周六周日{carrier_zh}负荷为工作日的{share},其最低十分之一的周末日明显更低",
        },
    )


RULE = Rule(KIND, True, FORMULA, find, level)
