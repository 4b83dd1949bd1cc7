"""The usual band of a day's use: the same weekday over the last eight weeks."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from services.industrial.domain.entries import decimal_of
from shared.methodology import CARRIERS
from shared.units.amount import decimal_text

WEEKS = 8
WEEKS_MIN = 4
# Median absolute deviations, each of 1.4826 of which is a standard deviation of normal values.
DEVIATIONS = 3 * Fraction("1.4826")
# Loads that hardly vary have a band too; what usually rests has one of its greatest day.
MARGIN = Fraction(1, 20)
# A day counts beside another when it was metered for as many hours, or nearly.
COVERED = Fraction(19, 20)
_WEEKDAYS = (
    ("Monday", "周一"), ("Tuesday", "周二"), ("Wednesday", "周三"), ("Thursday", "周四"),
    ("Friday", "周五"), ("Saturday", "周六"), ("Sunday", "周日"),
)  # fmt: skip

# (asset, carrier, unit); an asset of "" is the enterprise as a whole.
About = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class DayUse:
    """What was used on a local day, and over how many metered hours of all its meters."""

    quantity: Fraction
    hours: Fraction


@dataclass(frozen=True, slots=True)
class Above:
    """A day above its band: the median of `days` earlier ones and three deviations more."""

    day: date
    asset_id: str
    carrier: str
    unit: str
    value: Fraction
    median: Fraction
    band: Fraction
    days: int


def band(values: Sequence[Fraction], greatest: Fraction) -> tuple[Fraction, Fraction]:
    """The median, and the upper end of the usual; `greatest` is that of all known days before."""
    middle = statistics.median(values)
    deviation = statistics.median([abs(value - middle) for value in values])
    return middle, middle + max(DEVIATIONS * deviation, MARGIN * (middle or greatest))


def above(about: About, uses: Mapping[date, DayUse], day: date) -> Above | None:
    """The day if it lies above its band; None too when fewer than four weeks can be compared."""
    today = uses.get(day)
    if today is None:
        return None
    earlier = [uses.get(day - timedelta(weeks=week)) for week in range(1, WEEKS + 1)]
    like = [use for use in earlier if use and use.hours >= COVERED * today.hours]
    if len(like) < WEEKS_MIN:
        return None
    greatest = max(use.quantity for known, use in uses.items() if known < day)
    middle, most = band([use.quantity for use in like], greatest)
    if today.quantity <= most:
        return None
    return Above(day, *about, today.quantity, middle, most, len(like))


def all_above(uses: Mapping[About, Mapping[date, DayUse]], days: Iterable[date]) -> Iterator[Above]:
    """Every day above its band, by day."""
    for day in sorted(days):
        for about, series in sorted(uses.items()):
            found = above(about, series, day)
            if found is not None:
                yield found


class Told(Protocol):
    """A day above its band, as it was found or stored."""

    @property
    def day(self) -> date: ...
    @property
    def asset_id(self) -> str: ...
    @property
    def carrier(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def value(self) -> Fraction | Decimal: ...
    @property
    def median(self) -> Fraction | Decimal: ...
    @property
    def band(self) -> Fraction | Decimal: ...
    @property
    def days(self) -> int: ...


def reason(found: Told) -> dict[str, str]:
    """Why it is told, in English and Chinese."""
    carrier = CARRIERS[found.carrier]
    weekday_en, weekday_zh = _WEEKDAYS[found.day.weekday()]
    value, most, usual = (
        f"{_text(part)} {found.unit}" for part in (found.value, found.band, found.median)
    )
    return {
        "en": f"{found.asset_id or 'The enterprise'} used {value} of {carrier.name_en} on "
        f"{weekday_en} {found.day}; usual is at most {most} (median {usual} of {found.days} "
        f"{weekday_en}s before)",
        "zh": f"{found.asset_id or '企业'}于{found.day}({weekday_zh})用{carrier.name_zh}{value},"
        f"超出通常上限{most}(此前{found.days}个{weekday_zh}的中位数为{usual})",
    }


def _text(value: Fraction | Decimal) -> str:
    return decimal_text(decimal_of(round(Fraction(value), 3)))
