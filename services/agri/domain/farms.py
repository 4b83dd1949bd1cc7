"""The registry of farms: what a farm was registered as, and from when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

FarmType = Literal["planting", "breeding", "organic_fertiliser"]
TYPE_NAMES: dict[FarmType, dict[str, str]] = {
    "planting": {"en": "planting", "zh": "种植"},
    "breeding": {"en": "breeding", "zh": "养殖"},
    "organic_fertiliser": {"en": "organic fertiliser", "zh": "有机肥生产"},
}
ALWAYS = date(1, 1, 1)


@dataclass(slots=True, frozen=True)
class Version:
    """A farm from `valid_from` until its next version."""

    valid_from: date
    name: str
    type: FarmType
    district: str


def in_year(versions: Sequence[Version], year: int) -> Version:
    """The version at the end of a year; the first one for the years before it."""
    return in_force(versions, date(year, 12, 31))


def in_force(versions: Sequence[Version], on: date) -> Version:
    """The version of a day; the first one before any holds."""
    ordered = sorted(versions, key=lambda version: version.valid_from)
    known = [version for version in ordered if version.valid_from <= on]
    return known[-1] if known else ordered[0]
