"""The four colours of an enterprise: intensity against its sector's benchmark."""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from services.grading.domain import dimensions, reasons
from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.city import CityMean
from services.grading.domain.completeness import Months, months, months_covered, only_weak, thin
from services.grading.domain.grades import UNGRADED, UNKNOWN, Grade
from services.grading.domain.outputs import output_in
from services.grading.domain.rulebook import Rulebook, cuts_of
from shared.events.types import IndustrialAccount

COLOURS = ("deep_green", "light_green", "yellow", "red")


@dataclass(slots=True, frozen=True)
class Surroundings:
    """What an account is held against: benchmark, the city's mean, the account a year before."""

    benchmark: Benchmark | None = None
    city: CityMean | None = None
    before: IndustrialAccount | None = None


def grade(
    account: IndustrialAccount,
    around: Surroundings,
    rules: Rulebook,
    now: datetime,
    zone: ZoneInfo,
) -> Grade:
    """Grade one account and year.

    The sector dimension is total over output over benchmark, unrounded, against the benchmark's
    cut points; the total has the verified reductions taken off already. It is the label, unless
    the rule lets the other two move it a step. Data that are estimated throughout, or thin, never
    get past the rule's cap. Ungraded, with the reason, without a benchmark (no_benchmark),
    without output (no_output), or with too few months (incomplete).
    """
    rule = rules.industrial(account.sector, account.year)
    around = _with_cuts(around, rules, account)
    year, benchmark = months(account.year, rule.months_needed, now, zone), around.benchmark
    unit = account.product_unit if benchmark is None else benchmark.output_unit
    others = {
        "regional": dimensions.regional(
            account, around.city, rules.city(account.year).mean_enterprises, cuts_of(rule), year
        ),
        "history": dimensions.history(account, around.before, rule, year, unit),
    }
    output = None if benchmark is None else output_in(account, unit)
    if benchmark is None or output is None:
        return _ungraded(account, around, others, "no_benchmark", year)
    if output <= 0:
        return _ungraded(account, around, others, "no_output", year)
    if min(months_covered(account, unit, year.counted)) < year.required:
        return _ungraded(account, around, others, "incomplete", year)
    found = _graded(account, benchmark, output, others, rules, year)
    return replace(found, city=around.city)


def _graded(
    account: IndustrialAccount,
    benchmark: Benchmark,
    output: Fraction,
    others: dict[str, str],
    rules: Rulebook,
    year: Months,
) -> Grade:
    rule = rules.industrial(account.sector, account.year)
    intensity = Fraction(account.total_t) / output
    ratio = intensity / Fraction(benchmark.value)
    sector = rules.cuts(benchmark, account.year).colour(ratio)
    overall = _step(sector, others) if rule.overall == "step" else sector
    covered = min(months_covered(account, benchmark.output_unit, year.counted))
    weak = only_weak(account.quality) or thin(covered, year.elapsed, rule.quality_months_share)
    label = _capped(overall, rule.quality_cap) if weak else overall
    name = rules.name("industrial", label)
    reason = reasons.industrial(account, benchmark, intensity, ratio, name)
    return Grade(
        label,
        reasons.adjusted(reason, moved=_moved(sector, overall), capped=label != overall),
        {"sector": sector, **others},
        intensity=intensity,
        ratio=ratio,
        benchmark=benchmark,
        intensity_per=benchmark.output_unit,
    )


def _with_cuts(around: Surroundings, rules: Rulebook, account: IndustrialAccount) -> Surroundings:
    """With the cut points in the benchmark, so that the label records what it was decided by."""
    benchmark = around.benchmark
    if benchmark is None:
        return around
    return replace(around, benchmark=replace(benchmark, cuts=rules.cuts(benchmark, account.year)))


def _ungraded(
    account: IndustrialAccount,
    around: Surroundings,
    others: dict[str, str],
    missing: str,
    year: Months,
) -> Grade:
    intensity = dimensions.intensity(account)
    return Grade(
        UNGRADED,
        reasons.industrial_ungraded(account, around.benchmark, missing, year),
        {"sector": UNKNOWN, **others},
        missing=missing,
        intensity=intensity,
        benchmark=around.benchmark,
        city=around.city,
        intensity_per=None if intensity is None else account.product_unit,
    )


def _step(sector: str, others: dict[str, str]) -> str:
    """One colour better when both other dimensions are deep green, one worse when both are red."""
    at = COLOURS.index(sector)
    both = set(others.values())
    if both == {"deep_green"}:
        at -= 1
    elif both == {"red"}:
        at += 1
    return COLOURS[min(max(at, 0), len(COLOURS) - 1)]


def _moved(sector: str, overall: str) -> int:
    """Steps up (or, below zero, down) from the sector's colour."""
    return COLOURS.index(sector) - COLOURS.index(overall)


def _capped(colour: str, best: str) -> str:
    return COLOURS[max(COLOURS.index(colour), COLOURS.index(best))]
