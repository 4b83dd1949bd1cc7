"""What a rule decides about one account and year."""

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from services.grading.domain.benchmarks import Benchmark

UNGRADED = "ungraded"
UNKNOWN = "unknown"


@dataclass(slots=True, frozen=True)
class Grade:
    """The outcome of a rule: a label, the exact figures behind it, and why.

    `missing` is the reason's word when ungraded. `intensity` in t CO2e per unit of output,
    `ratio` to the benchmark (industrial) or to gross emissions (agri); both unrounded.
    """

    label: str
    reason: dict[str, str]
    dimensions: dict[str, str]
    missing: str | None = None
    intensity: Fraction | None = None
    ratio: Fraction | None = None
    benchmark: Benchmark | None = None


@dataclass(slots=True, frozen=True)
class Label:
    """A grade as it stands: the n-th label of its account and year.

    `decided_at` and `valid_until` are those of the decision that gave the label its word;
    the figures follow the account, `looked_at` and `cause` are of the last grading.
    """

    year: int
    n: int
    grade: Grade
    rule_version: str
    decided_at: datetime
    valid_until: datetime | None
    looked_at: datetime
    cause: str


def settle(
    year: int,
    grade: Grade,
    held: Label | None,
    now: datetime,
    *,
    rule_version: str,
    months: int,
    cause: str,
) -> Label:
    """The label that follows from a grade: a new one, valid for `months`, when its word changes."""
    if held is not None and held.grade.label == grade.label:
        return replace(held, grade=grade, rule_version=rule_version, looked_at=now, cause=cause)
    valid_until = None if grade.label == UNGRADED else months_after(now, months)
    n = held.n + 1 if held else 1
    return Label(year, n, grade, rule_version, now, valid_until, now, cause)


def months_after(at: datetime, months: int) -> datetime:
    """The same time of day months later, on the last day of the month where that is shorter."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day)


def current(labels: dict[int, Label]) -> Label | None:
    """The label that stands for the account: of the latest graded year, else the latest."""
    graded = [year for year, label in labels.items() if label.grade.label != UNGRADED]
    year = max(graded or labels, default=None)
    return None if year is None else labels[year]
