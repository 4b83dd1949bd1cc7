"""What was sent, read again in the plainest way: JSON to identity, time and figures."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

CITY = ZoneInfo("Asia/Shanghai")
_MICROSECOND = timedelta(microseconds=1)
# Source and id; the workload gives no id twice, whatever the subject.
Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """One event; `order` is (time, event key), the order in which caps are filled."""

    type: str
    source: str
    id: str
    subject: str
    time: datetime
    data: dict[str, Any]

    @property
    def identity(self) -> Identity:
        return self.source, self.id

    @property
    def target(self) -> Identity | None:
        """Whom it reverses or replaces."""
        named = self.data.get("reverses") or self.data.get("replaces")
        return (self.source, named) if named else None

    @property
    def order(self) -> tuple[datetime, bytes]:
        return self.time, event_key(self.source, self.id)

    def figure(self, name: str) -> Fraction:
        return Fraction(self.data[name])

    def instant(self, name: str) -> datetime:
        return datetime.fromisoformat(self.data[name])

    def day(self, name: str) -> date:
        """A date, or the city's date of a timestamp."""
        text = self.data[name]
        return date.fromisoformat(text) if len(text) == 10 else local_date(self.instant(name))


def told(raw: bytes) -> Told:
    found = json.loads(raw, parse_float=Fraction)
    at = datetime.fromisoformat(found["time"])
    return Told(found["type"], found["source"], found["id"], found["subject"], at, found["data"])


def event_key(source: str, id: str) -> bytes:
    return blake2b(f"{source}\x1f{id}".encode(), digest_size=16).digest()


def local_date(at: datetime) -> date:
    return at.astimezone(CITY).date()


def month_of(day: date) -> date:
    return day.replace(day=1)


def _next_month(day: date) -> date:
    return month_of(month_of(day) + timedelta(days=31))


def months_of_days(start: date, end: date) -> list[tuple[date, Fraction]]:
    """(month, share of the days) of [start, end)."""
    found, at = [], start
    while at < end:
        until = min(_next_month(at), end)
        found.append((month_of(at), Fraction((until - at).days, (end - start).days)))
        at = until
    return found


def months_of_time(start: datetime, end: datetime) -> list[tuple[date, Fraction]]:
    """(local month, share of the elapsed time) of [start, end)."""
    found, at = [], start
    while at < end:
        midnight = datetime.combine(_next_month(local_date(at)), time(), CITY)
        until = min(midnight, end)
        share = Fraction((until - at) // _MICROSECOND, (end - start) // _MICROSECOND)
        found.append((month_of(local_date(at)), share))
        at = until
    return found


def half_even(value: Fraction) -> int:
    return round(value)


def running(parts: Iterable[Fraction]) -> list[int]:
    """Whole numbers by running difference: they sum to the once-rounded whole."""
    found, total, given = [], Fraction(0), 0
    for part in parts:
        total += part
        found.append(half_even(total) - given)
        given = half_even(total)
    return found


def posted_and_parked(events: Sequence[Told]) -> tuple[dict[Identity, Told], set[Identity]]:
    """Which events count, and which still wait for the one that they name."""
    posted: dict[Identity, Told] = {}
    waiting = list(events)
    while True:
        ready = [e for e in waiting if e.target is None or e.target in posted]
        if not ready:
            return posted, {event.identity for event in waiting}
        posted |= {event.identity: event for event in ready}
        waiting = [event for event in waiting if event.identity not in posted]
