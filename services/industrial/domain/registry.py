"""Registry records. A record has versions; each is in force from `valid_from` on."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple, TypeVar

# Of a record registered without `valid_from`.
ALWAYS = date(1900, 1, 1)


class Enterprise(NamedTuple):
    """`sector` is a GB/T 4754 code; `product_unit` a free word that reports must use."""

    id: str
    name: str
    sector: str
    district: str
    grid_region: str
    product: str
    product_unit: str
    valid_from: date = ALWAYS


class Asset(NamedTuple):
    """A site, line or device of an enterprise; `parent` is another asset of it."""

    enterprise_id: str
    id: str
    kind: str
    name: str
    parent: str | None = None
    valid_from: date = ALWAYS


class Meter(NamedTuple):
    """`multiplier` turns what the meter shows into `unit`; `register_max` is where it rolls over;
    `rate_max` the most that can flow, in `unit` per hour. All versions agree in carrier, unit and
    kind."""

    id: str
    enterprise_id: str
    carrier: str
    unit: str
    kind: str
    multiplier: Decimal = Decimal(1)
    register_max: Decimal | None = None
    rate_max: Decimal | None = None
    asset_id: str | None = None
    valid_from: date = ALWAYS


# What the account of a year tells of its enterprise, as it was at the year's end.
TOLD = ("sector", "district", "product", "product_unit")

RecordT = TypeVar("RecordT", Enterprise, Asset, Meter)


def on_date(versions: Sequence[RecordT], day: date) -> RecordT:
    """The version in force on a day; before the first one, the first.

    `versions` is sorted by `valid_from` and not empty.
    """
    found = versions[0]
    for version in versions[1:]:
        if version.valid_from > day:
            break
        found = version
    return found


def with_version(known: Sequence[RecordT], record: RecordT) -> list[RecordT]:
    """The versions with another one, which takes the place of that of its day; oldest first."""
    by_day = {version.valid_from: version for version in known}
    by_day[record.valid_from] = record
    return [by_day[day] for day in sorted(by_day)]


def changed_in(year: int, known: Sequence[Enterprise], record: Enterprise) -> list[str]:
    """The fields that the account of a year would tell differently with another version."""
    versions = with_version(known, record)
    was, is_now = (on_date(found, date(year, 12, 31)) for found in (known, versions))
    return [name for name in TOLD if getattr(was, name) != getattr(is_now, name)]


def unit_cut(
    known: Sequence[Enterprise], record: Enterprise
) -> tuple[Enterprise, Enterprise] | None:
    """Two versions that another one would leave side by side within a year with other units: the
    output of a year is one sum, so it has one unit."""
    if not known or on_date(known, record.valid_from).product_unit == record.product_unit:
        return None
    for before, after in pairwise(with_version(known, record)):
        begins_a_year = after.valid_from == date(after.valid_from.year, 1, 1)
        other_unit = before.product_unit != after.product_unit
        if record in (before, after) and other_unit and not begins_a_year:
            return before, after
    return None


def in_force_over(versions: Sequence[Enterprise], first: date, last: date) -> list[Enterprise]:
    """The versions that hold on a day, or on one after it up to the last."""
    return [
        on_date(versions, first),
        *(version for version in versions[1:] if first < version.valid_from <= last),
    ]


def circle_from(versions: Mapping[str, Sequence[Asset]], record: Asset) -> date | None:
    """The first day on which an asset would hang on itself by one of its versions; None without.

    `versions` are those of all assets of the enterprise by id, this one among them.
    """
    days = sorted({version.valid_from for known in versions.values() for version in known})
    for day in days:
        if on_date(versions[record.id], day) == record:
            seen, above = {record.id}, record.parent
            while above is not None and above not in seen:
                seen.add(above)
                above = on_date(versions[above], day).parent
            if above == record.id:
                return day
    return None
