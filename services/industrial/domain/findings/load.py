"""How a meter's load lies over the hours of the day and the days of a period.

Local calendar of the city. A day rests when it is a Saturday or Sunday; the night of a day are its
hours 22 to 24 and 0 to 6. So no hour of a week-end is an hour of a working night.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from statistics import median

NIGHT_HOURS = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
# Nights or week-ends that usually draw so much of what work does are worked, not left on.
WORKED_MIN = Fraction(3, 4)
# Of the 24 hours of a day and the eight of its night, so many must have been metered.
WHOLE_DAY, WHOLE_NIGHT = Fraction(23), Fraction(15, 2)
_FRIDAY = 4


def rests(day: date) -> bool:
    """Is it a day without work (Saturday, Sunday)?"""
    return day.weekday() > _FRIDAY


def days_of(first: date, until: date, *, resting: bool) -> int:
    """How many working or resting days lie in [first, until)."""
    days = ((first + timedelta(days=n)) for n in range((until - first).days))
    return sum(rests(day) == resting for day in days)


@dataclass(frozen=True, slots=True)
class Used:
    """A quantity over so many metered hours."""

    quantity: Fraction = Fraction(0)
    hours: Fraction = Fraction(0)

    def __add__(self, other: "Used") -> "Used":
        return Used(self.quantity + other.quantity, self.hours + other.hours)

    @property
    def rate(self) -> Fraction:
        """Per hour; nothing when nothing was metered."""
        return self.quantity / self.hours if self.hours else Fraction(0)


@dataclass(frozen=True, slots=True)
class Day:
    """A local day: all of it, its night, and the greatest rate of an interval."""

    day: date
    whole: Used
    night: Used
    peak: Fraction

    @property
    def resting(self) -> bool:
        return rests(self.day)


@dataclass(frozen=True, slots=True)
class Load:
    """One meter's load: by (resting, hour) and by day, in the meter's unit."""

    meter_id: str
    asset_id: str | None
    carrier: str
    unit: str
    hours: Mapping[tuple[bool, int], Used]
    days: Sequence[Day]

    def complete(self, *, resting: bool) -> list[Day]:
        """The working or resting days that were metered as a whole."""
        return [d for d in self.days if d.resting == resting and d.whole.hours >= WHOLE_DAY]

    def nights(self) -> list[Day]:
        """The working days whose night was metered as a whole."""
        return [d for d in self.days if not d.resting and d.night.hours >= WHOLE_NIGHT]

    def working_daytime(self) -> Used:
        """What was used outside the nights of working days."""
        return total(
            used
            for (resting, hour), used in self.hours.items()
            if not resting and hour not in NIGHT_HOURS
        )

    def by_hour(self, *, resting: bool) -> dict[int, Fraction]:
        """What was used in each hour of the day."""
        return {
            h: used.quantity for (rest, h), used in sorted(self.hours.items()) if rest == resting
        }


def total(parts: Iterable[Used]) -> Used:
    """The sum of what was used."""
    return sum(parts, Used())


def left_on(parts: Sequence[Used]) -> Fraction:
    """The mean rate, each part at its median at the most: what lies above is now and then worked."""
    most = median(used.rate for used in parts)
    return total(Used(min(used.quantity, most * used.hours), used.hours) for used in parts).rate


def quietest(values: Iterable[Fraction]) -> Fraction:
    """The value that a tenth of all do not exceed."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 10]


def by_month(days: Iterable[Day]) -> dict[date, list[Day]]:
    """Days by the first of their month."""
    months: dict[date, list[Day]] = defaultdict(list)
    for day in days:
        months[day.day.replace(day=1)].append(day)
    return dict(sorted(months.items()))
