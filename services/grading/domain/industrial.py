"""The four colours of an enterprise: intensity against its sector's benchmark."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from services.grading.domain import dimensions, reasons
from services.grading.domain.benchmarks import VALUE_ADDED_UNIT, Benchmark
from services.grading.domain.completeness import Months, months, only_weak, thin
from services.grading.domain.dimensions import City
from services.grading.domain.grades import UNGRADED, UNKNOWN, Grade
from services.grading.domain.rulebook import Rulebook, cuts_of
from shared.events.types import IndustrialAccount
from shared.units.quantity import UnitError, convert

NO_CITY = City()
COLOURS = ("deep_green", "light_green", "yellow", "red")


@dataclass(slots=True, frozen=True)
class Surroundings:
    """What an account is held against: benchmark, the city's sums, the account a year before."""

    benchmark: Benchmark | None = None
    city: City = NO_CITY
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
    get past the rule's cap. Ungraded, with the reason, without a benchmark (no_benchmark), without output
    (no_output), or with too few months (incomplete).
    """
    rule = rules.industrial(account.sector, account.year)
    others = {
        "regional": dimensions.regional(account, around.city, cuts_of(rule)),
        "history": dimensions.history(account, around.before, rule),
    }
    output = None if around.benchmark is None else _output(account, around.benchmark)
    year = months(account.year, rule.months_needed, now, zone)
    if around.benchmark is None or output is None:
        return _ungraded(account, around, others, "no_benchmark", year.required)
    if output <= 0:
        return _ungraded(account, around, others, "no_output", year.required)
    if min(_months(account, around.benchmark)) < year.required:
        return _ungraded(account, around, others, "incomplete", year.required)
    return _graded(account, around.benchmark, output, others, rules, year)


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
    sector = benchmark.cuts.colour(ratio)
    overall = _step(sector, others) if rule.overall == "step" else sector
    covered = min(_months(account, benchmark))
    weak = only_weak(account.quality) or thin(covered, year.elapsed, rule.quality_months_share)
    label = _capped(overall, rule.quality_cap) if weak else overall
    name = rules.name("industrial", label)
    return Grade(
        label,
        reasons.industrial(account, benchmark, intensity, ratio, name, capped=label != overall),
        {"sector": sector, **others},
        intensity=intensity,
        ratio=ratio,
        benchmark=benchmark,
    )


def _ungraded(
    account: IndustrialAccount,
    around: Surroundings,
    others: dict[str, str],
    missing: str,
    required: int,
) -> Grade:
    return Grade(
        UNGRADED,
        reasons.industrial_ungraded(account, around.benchmark, missing, required),
        {"sector": UNKNOWN, **others},
        missing=missing,
        intensity=dimensions.intensity(account),
        benchmark=around.benchmark,
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


def _capped(colour: str, best: str) -> str:
    return COLOURS[max(COLOURS.index(colour), COLOURS.index(best))]


def _output(account: IndustrialAccount, benchmark: Benchmark) -> Fraction | None:
    """The output in the benchmark's unit, None when it does not convert."""
    wanted = benchmark.output_unit
    if wanted == account.product_unit:
        return Fraction(account.output)
    if wanted == VALUE_ADDED_UNIT:
        return Fraction(account.value_added_1e4cny)
    try:
        return convert(account.output, account.product_unit, wanted)
    except UnitError:
        return None


def _months(account: IndustrialAccount, benchmark: Benchmark) -> tuple[int, ...]:
    """The months covered; value added comes without a count of months."""
    if benchmark.output_unit == VALUE_ADDED_UNIT != account.product_unit:
        return (account.months_energy,)
    return account.months_energy, account.months_output
