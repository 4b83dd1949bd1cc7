"""Closed years: nothing is posted into them or taken back from them."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from services.industrial.domain.arrivals import READING
from services.industrial.domain.facts import Fact, Place

_INSTANT = timedelta(microseconds=1)

# From when to when lines change.
Reach = tuple[datetime, datetime]


def waits_for_year(year: int) -> str:
    """The `waits_for` of an event that would post into a closed year."""
    return f"year:{year}"


def first_closed(
    facts: Iterable[Fact], reaches: Iterable[Reach], closed: frozenset[int], zone: ZoneInfo
) -> int | None:
    """The first closed year in which intervals or reaches of register readings lie, even partly."""
    years: set[int] = set()
    for fact in facts:
        if fact.starts is not None:
            dates = fact.kind != READING
            years |= _years(fact.starts, fact.ends, UTC if dates else zone)
    for start, end in reaches:
        years |= _years(start, end, zone)
    return min(years & closed, default=None)


def reach(standing: Sequence[tuple[Place, Fact]], fact: Fact) -> Reach:
    """From the standing reading before a place to the one after it: what placing or taking a
    reading there changes."""
    at = fact.place()
    n = bisect_left(standing, at, key=lambda pair: pair[0])
    after = n + 1 if n < len(standing) and standing[n][0] == at else n
    first = standing[n - 1][1].ends if n else fact.ends
    last = standing[after][1].ends if after < len(standing) else fact.ends
    return first, last


def _years(start: datetime, end: datetime, zone: tzinfo) -> set[int]:
    last = max(start, end - _INSTANT)
    first_year, last_year = (at.astimezone(zone).year for at in (start, last))
    return set(range(first_year, last_year + 1))
