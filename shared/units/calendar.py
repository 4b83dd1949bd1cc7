"""The city's calendar: local days and months, and causes split over the months they span."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

Zone = ZoneInfo
CITY = Zone("Asia/Shanghai")

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Part:
    """[start, end) in UTC within one local month; `share` of the elapsed time of the whole."""

    month: date
    start: datetime
    end: datetime
    share: Fraction


@dataclass(frozen=True, slots=True)
class DatePart:
    """[start, end) within one month; `share` of the days of the whole."""

    month: date
    start: date
    end: date
    share: Fraction


def local_date(at: datetime, zone: ZoneInfo = CITY) -> date:
    """The day of an instant in the city. ValueError when `at` has no offset."""
    return _aware(at).astimezone(zone).date()


def month_of(at: datetime, zone: ZoneInfo = CITY) -> date:
    """The first day of the local month of an instant."""
    local = _aware(at).astimezone(zone)
    return date(local.year, local.month, 1)


def next_month(day: date) -> date:
    """The first day of the month after the one that `day` lies in."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def midnight(day: date, zone: ZoneInfo = CITY) -> datetime:
    """The instant (UTC) at which a local day begins."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def days_in_year(year: int) -> int:
    """365 or 366."""
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days


def split_instants(start: datetime, end: datetime, zone: ZoneInfo = CITY) -> list[Part]:
    """Split [start, end) at local month ends, by elapsed time; the shares sum to one.

    ValueError when an instant has no offset or `end` is not after `start`.
    """
    begin, stop = _aware(start).astimezone(UTC), _aware(end).astimezone(UTC)
    if stop <= begin:
        raise ValueError(
            f"expected an end after the start {start.isoformat()}, got {end.isoformat()}"
        )
    whole = (stop - begin) // _MICROSECOND
    parts = []
    while begin < stop:
        month = month_of(begin, zone)
        cut = min(midnight(next_month(month), zone), stop)
        parts.append(Part(month, begin, cut, Fraction((cut - begin) // _MICROSECOND, whole)))
        begin = cut
    return parts


def split_dates(start: date, end: date) -> list[DatePart]:
    """Split the days [start, end) at month ends; the shares sum to one.

    ValueError when `end` is not after `start`.
    """
    if end <= start:
        raise ValueError(f"expected an end after the start {start}, got {end}")
    whole = (end - start).days
    parts = []
    while start < end:
        cut = min(next_month(start), end)
        parts.append(
            DatePart(start.replace(day=1), start, cut, Fraction((cut - start).days, whole))
        )
        start = cut
    return parts


def parse_date(text: str, zone: ZoneInfo = CITY) -> date:
    """A date ("2020-01-31"), or a timestamp with offset that is midnight in the city.

    ValueError for everything else.
    """
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    try:
        at = _aware(datetime.fromisoformat(text)).astimezone(zone)
    except OverflowError:
        raise ValueError(f"expected a date within the years 1 to 9999, got {text!r}") from None
    if at.time() != time():
        raise ValueError(f"expected a date, or midnight in {zone.key}, got {text!r}")
    return at.date()


def _aware(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"expected a time with an offset, got {at.isoformat()}")
    return at
