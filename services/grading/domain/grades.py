"""What a rule decides about one account and year."""

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.city import CityMean
from services.grading.domain.farm_peers import FarmPeers

UNGRADED = "ungraded"
UNKNOWN = "unknown"

# What asks for a grading.
NEW_DATA = "event"
SAME_DATA = "same_data"
YEAR_BEFORE = "year_before"
BENCHMARK = "benchmark"
CITY_MEAN = "city_mean"
PEERS = "farm_peers"
MONTH = "month"
RULE = "rule"
APPEAL = "appeal"
# What tells of a label again without deciding it.
EXPIRY = "expiry"


@dataclass(slots=True, frozen=True)
class Cause:
    """What asks for a grading, and its id: an event's key, a benchmark, a month, an appeal."""

    kind: str
    ref: str

    @property
    def text(self) -> str:
        """As it is stored with the label."""
        return f"{self.kind}:{self.ref}"


@dataclass(slots=True, frozen=True)
class Grade:
    """The outcome of a rule: a label, the exact figures behind it, and why.

    `missing` is the reason's word when ungraded. `intensity` in t CO2e per unit of output (of a
    farm: gross per `intensity_per`), `ratio` to the benchmark (industrial) or to gross emissions
    (agri); both unrounded. `city` is the mean that the regional dimension was held against, `peers`
    what a farm without declared gross emissions was.
    """

    label: str
    reason: dict[str, str]
    dimensions: dict[str, str]
    missing: str | None = None
    intensity: Fraction | None = None
    ratio: Fraction | None = None
    benchmark: Benchmark | None = None
    city: CityMean | None = None
    intensity_per: str | None = None
    peers: FarmPeers | None = None

    @property
    def held_against(self) -> tuple[str, str] | None:
        """Kind and id of the benchmark or of the peers that the label rests on."""
        if self.benchmark is not None:
            return self.benchmark.kind, self.benchmark.id
        return None if self.peers is None else (PEERS, self.peers.id)


@dataclass(slots=True, frozen=True)
class Label:
    """A grade as it stands; `n` counts what has been announced of its account and year.

    `decided_at` is that of the decision that gave the label its word or renewed it, `valid_until`
    too unless the label was over by then; the figures follow the account, `looked_at` and `cause`
    are of the last grading. `contested` while an appeal is open, `suspended` once one has re-opened
    the label, `told_expired` once it has been announced that its time is over.
    """

    year: int
    n: int
    grade: Grade
    rule_version: str
    decided_at: datetime
    valid_until: datetime | None
    looked_at: datetime
    cause: str
    contested: bool = False
    suspended: bool = False
    told_expired: bool = False

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.valid_until is not None and now >= self.valid_until

    def lapsed(self, now: datetime) -> bool:
        """Whether its time is over, by this clock or by one ahead that has announced it."""
        return self.told_expired or self.expired(now)


def settle(
    year: int,
    grade: Grade,
    held: Label | None,
    now: datetime,
    *,
    rule_version: str,
    months: int,
    cause: Cause,
    zone: ZoneInfo,
) -> Label:
    """The label that follows from a grade.

    A new one, valid for `months`, when its word changes or new data of the year renew an expired
    one; else the held one with the grade's figures. Another word by anything but new data leaves an
    expired one expired. New data, another benchmark or other peers that decide it end a suspension.
    """
    contested = held is not None and held.contested
    lapsed = held is not None and held.lapsed(now) and cause.kind != NEW_DATA
    suspended = held is not None and held.suspended and not _anew(held, grade, cause)
    if held is not None and held.grade.label == grade.label and not _renews(held, now, cause):
        return replace(
            held,
            grade=grade,
            rule_version=rule_version,
            looked_at=now,
            cause=cause.text,
            suspended=suspended,
        )
    over = held.valid_until if held and lapsed else None
    return Label(
        year,
        held.n + 1 if held else 1,
        grade,
        rule_version,
        now,
        None if grade.label == UNGRADED else over or months_after(now, months, zone),
        now,
        cause.text,
        contested,
        suspended,
        lapsed and grade.label != UNGRADED,
    )


def expire(label: Label) -> Label:
    """The label once it has been announced as expired; nothing else about it changes."""
    return replace(label, n=label.n + 1, told_expired=True)


def months_after(at: datetime, months: int, zone: ZoneInfo) -> datetime:
    """The same time of a zone's day months later, on the last day of a month that is shorter."""
    local = at.astimezone(zone)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(UTC)


def current(labels: dict[int, Label]) -> Label | None:
    """The label that stands for the account: of the latest graded year, else the latest."""
    graded = [year for year, label in labels.items() if label.grade.label != UNGRADED]
    year = max(graded or labels, default=None)
    return None if year is None else labels[year]


def _anew(held: Label, grade: Grade, cause: Cause) -> bool:
    """Whether data or a benchmark decide it that had not; one for other years or of a lesser kind
    is looked at and decides nothing."""
    if cause.kind not in (BENCHMARK, PEERS):
        return cause.kind == NEW_DATA
    return grade.held_against not in (None, held.grade.held_against)


def _renews(held: Label, now: datetime, cause: Cause) -> bool:
    return cause.kind == NEW_DATA and held.lapsed(now)
