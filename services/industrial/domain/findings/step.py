"""A lasting step up of a meter's working days that no step of output explains."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median

from services.industrial.domain.findings.finding import (
    Finding,
    Given,
    Level,
    Point,
    Rule,
    Scope,
    confident,
    load_of,
    scope_of,
)
from services.industrial.domain.findings.load import Day, Load, days_of
from services.industrial.domain.findings.profile import year_of
from shared.units.amount import ratio_text
from shared.units.calendar import next_month

KIND = "load_step"
DAYS_MIN = 20
# The step must be so much of what was before, beyond what the output rose.
STEP_MIN = Fraction(1, 10)
FORMULA = {
    "en": "(median of the working days since the step minus the median of those before it x the "
    "change of output per day, at least 1) x working days of the year; a saving is measured "
    "against the level at the output per day since",
    "zh": "(上升后工作日用量的中位数 − 上升前工作日用量的中位数 × 日均产量变化倍数(至少为1)) "
    "× 全年工作日数;节约量按采取措施后的日均产量折算",
}


def find(given: Given) -> Iterator[Finding]:
    """One for each meter that has run higher since a day.

    None where output is reported since that day only: works that start are no step.
    """
    for load in given.loads:
        days = load.complete(resting=False)
        at = _step(days)
        if at is None:
            continue
        earlier, later = _outputs_around(given, load, days[at].day)
        if later and not earlier:
            continue
        rise = later / earlier if earlier and later else Fraction(1)
        before, after = _median(days[:at]), _median(days[at:])
        explained = before * max(rise, Fraction(1))
        if after - explained >= STEP_MIN * explained:
            yield replace(_finding(given, load, at, after, explained), output=later)


def level(given: Given, scope: Scope) -> Level | None:
    """The median of the working days, over the days."""
    load = load_of(given, scope)
    days = load.complete(resting=False) if load else []
    if not load or not days:
        return None
    output = _per_day(given.outputs.get(load.asset_id, {}))
    return Level(_median(days), Fraction(len(days)), output)


def _median(days: Sequence[Day]) -> Fraction:
    return median(day.whole.quantity for day in days)


def _step(days: Sequence[Day]) -> int | None:
    """Where the cumulated distance from the mean is lowest, if three quarters of the days after it
    lie above three quarters of those before it and at least twenty lie on each side.

    What stood still on the median day before has started: there is nothing to measure a step by.
    """
    if len(days) < 2 * DAYS_MIN:
        return None
    used = [day.whole.quantity for day in days]
    mean = sum(used, Fraction(0)) / len(used)
    lowest, at, sums = Fraction(0), 0, Fraction(0)
    for place, quantity in enumerate(used, 1):
        sums += quantity - mean
        if sums < lowest:
            lowest, at = sums, place
    if not DAYS_MIN <= at <= len(days) - DAYS_MIN:
        return None
    before, after = sorted(used[:at]), sorted(used[at:])
    lasting = after[len(after) // 4] > before[(3 * len(before)) // 4]
    return at if lasting and median(before) > 0 else None


def _outputs_around(given: Given, load: Load, at: date) -> tuple[Fraction | None, Fraction | None]:
    """Output per day of the months before the one with the step, and of those after it."""
    month, outputs = at.replace(day=1), given.outputs.get(load.asset_id, {})
    before = {m: made for m, made in outputs.items() if m < month}
    after = {m: made for m, made in outputs.items() if m > month}
    return _per_day(before), _per_day(after)


def _per_day(outputs: Mapping[date, Decimal]) -> Fraction | None:
    """Over the days of the months that have one; None without output."""
    made = sum((Fraction(quantity) for quantity in outputs.values()), Fraction(0))
    days = sum((next_month(month) - month).days for month in outputs)
    return made / days if made > 0 else None


def _finding(given: Given, load: Load, at: int, after: Fraction, explained: Fraction) -> Finding:
    days = load.complete(resting=False)
    count = days_of(*year_of(given.first), resting=False)
    before, since = _median(days[:at]), days[at].day
    (en, zh), (carrier, carrier_zh) = scope_of(load).named(), scope_of(load).carrier_named()
    rise = f"{float(after / explained - 1):.0%}"
    return Finding(
        KIND,
        scope_of(load),
        after,
        f"{load.unit}/d",
        explained,
        (after - explained) * count,
        load.unit,
        given.emitted(load.carrier, load.unit),
        given.tariffs.mean(load.carrier, load.unit, load.by_hour(resting=False)),
        confident(min(at, len(days) - at), 40, 30),
        days[0].day,
        days[-1].day,
        {
            "since": since.isoformat(),
            "before": ratio_text(before),
            "after": ratio_text(after),
            "output_change": ratio_text(explained / before),
        },
        _weeks(days),
        {
            "en": f"Since {since} a working day of {en} takes {rise} more {carrier} than its "
            "output explains",
            "zh": f"自{since}起{zh}工作日{carrier_zh}用量高出产量变化所能解释的水平{rise}",
        },
    )


def _weeks(days: Sequence[Day]) -> list[Point]:
    """The median working day of each week, named by its Monday."""
    weeks: dict[date, list[Day]] = {}
    for day in days:
        weeks.setdefault(day.day - timedelta(days=day.day.weekday()), []).append(day)
    return [
        {"week": monday.isoformat(), "per_day": ratio_text(_median(of_week))}
        for monday, of_week in sorted(weeks.items())
    ]


RULE = Rule(KIND, False, FORMULA, find, level)
