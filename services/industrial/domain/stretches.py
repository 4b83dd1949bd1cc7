"""The time of a use, cut where another version of its meter comes into force."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.industrial.domain.registry import Meter
from shared.units.calendar import midnight

_MICROSECOND = timedelta(microseconds=1)
_HOUR = timedelta(hours=1) // _MICROSECOND


class Stretch(NamedTuple):
    """[start, end) under one version of a meter."""

    start: datetime
    end: datetime
    meter: Meter

    def hours(self) -> Fraction:
        """The elapsed time."""
        elapsed = self.end.astimezone(UTC) - self.start.astimezone(UTC)
        return Fraction(elapsed // _MICROSECOND, _HOUR)


def stretches(
    versions: Sequence[Meter], start: datetime, end: datetime, zone: ZoneInfo
) -> list[Stretch]:
    """[start, end) by the versions in force, which begin at local midnight of their day.

    `versions` is sorted by `valid_from` and not empty; before the first one, the first holds.
    """
    found, current = [], versions[0]
    for version in versions[1:]:
        begins = midnight(version.valid_from, zone)
        if begins >= end:
            break
        if begins > start:
            found.append(Stretch(start, begins, current))
            start = begins
        current = version
    return [*found, Stretch(start, end, current)]


def alike(found: Sequence[Stretch]) -> list[Stretch]:
    """Neighbours that post alike (asset and multiplier) as one."""
    merged = []
    for _, group in groupby(found, key=lambda one: (one.meter.asset_id, one.meter.multiplier)):
        same = list(group)
        merged.append(Stretch(same[0].start, same[-1].end, same[0].meter))
    return merged
