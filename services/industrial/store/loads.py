"""Loads of meters from their standing readings, summed by the database.

A reading of an interval is a use; so is the rise of a counter from one reading to the next. A
meter's version in force at its start gives its multiplier. Uses longer than an hour say nothing
about hours and are left out, and so are those that were not really read.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import asyncpg

from services.industrial.domain.bands import WEEKS, About, DayUse
from services.industrial.domain.findings.load import Day, Load, Used
from services.industrial.domain.lines import Parents, above
from services.industrial.domain.registry import Meter
from shared.database import Connection
from shared.methodology import CARRIERS
from shared.units.calendar import midnight
from shared.units.quantity import UNITS, convert

_METER = ", ".join(Meter._fields)
METERS = f"select {_METER} from meter where enterprise_id = $1 order by id, valid_from"

# Of each stretch s(n, slot, since, until), by index scans on (account, slot, ends): intervals, and
# rises of one counter (from a final reading or to an initial one there is another). A rollover is
# left out, as few readings have one.
_USES = """
    select s.n, f.unit, f.starts, f.ends, f.value
    from s join fact f on f.account = $1 and f.slot = s.slot
        and f.ends > s.since and f.ends <= s.until + {longest}
    where f.state = 'posted' and f.quality = 'actual'
        and f.starts >= s.since and f.starts < s.until and f.ends - f.starts <= {longest}
    union all
    select n, unit, starts, ends, value from (
        select s.n, s.until, f.unit, lag(f.ends) over place as starts, f.ends,
            f.value - lag(f.value) over place as value,
            f.quality = 'actual' and lag(f.quality) over place = 'actual'
            and f.unit = lag(f.unit) over place
            and f.data->>'exchange' is distinct from 'initial'
            and lag(f.data->>'exchange') over place is distinct from 'final' as one_counter
        from s join fact f on f.account = $1 and f.slot = s.slot
            and f.ends >= s.since and f.ends <= s.until + {longest}
        where f.state = 'posted' and f.starts is null
        window place as (partition by s.n, s.since
            order by f.ends, f.data->>'exchange' is not distinct from 'initial')
    ) c
    where one_counter and value >= 0 and starts < until
        and ends > starts and ends - starts <= {longest}
"""

# Two steps: by local hour, of which a year has few, and from those by hour of the day and by day.
PROFILES = f"""
with s as (
    select * from unnest($2::text[], $3::timestamptz[], $4::timestamptz[])
        with ordinality s(slot, since, until, n)
), used as ({_USES.format(longest="interval '1 hour'")}), hourly as (
    select n, unit, date_trunc('hour', starts at time zone $5) as hour, ends - starts as length,
        sum(value) as quantity, max(value) as highest, count(*) as readings
    from used
    group by 1, 2, 3, 4
), parts as (
    select n, unit, hour::date as day, extract(isodow from hour) > 5 as resting,
        extract(hour from hour)::int as clock, quantity, length * readings as span,
        highest * 3600 / extract(epoch from length) as rate
    from hourly
)
select n, unit, day, resting, clock, sum(quantity) as quantity, sum(span) as span,
    coalesce(sum(quantity) filter (where clock >= 22 or clock < 6), 0) as night,
    coalesce(sum(span) filter (where clock >= 22 or clock < 6), interval '0') as night_span,
    max(rate) as peak
from parts
group by grouping sets ((n, unit, day), (n, unit, resting, clock))
"""

# Only the days that are compared are read: a few days of each of the last weeks.
DAYS = f"""
with s as (
    select v.n, v.slot, greatest(v.since, d.first) as since, least(v.until, d.until) as until
    from unnest($2::text[], $3::timestamptz[], $4::timestamptz[])
            with ordinality v(slot, since, until, n),
        unnest($5::timestamptz[], $6::timestamptz[]) d(first, until)
    where v.since < d.until and d.first < v.until
), used as ({_USES.format(longest="interval '1 day'")})
select n, unit, (starts at time zone $7)::date as day, sum(value) as quantity,
    sum(ends - starts) as span
from used
group by 1, 2, 3
"""


class Version(NamedTuple):
    """A meter as it was from `since` until `until`; `newest` is how it is shown."""

    meter: Meter
    newest: Meter
    since: datetime
    until: datetime

    def quantity(self, value: Any, unit: str) -> Fraction:
        """A value of its readings in the newest version's unit."""
        counted = Fraction(value) * Fraction(self.meter.multiplier)
        return convert(counted, unit, self.newest.unit)


async def meters_of_enterprise(connection: Connection, enterprise_id: str) -> list[list[Meter]]:
    """All meters of an enterprise, each with its versions, oldest first."""
    found: dict[str, list[Meter]] = {}
    for row in await connection.fetch(METERS, enterprise_id):
        found.setdefault(row["id"], []).append(Meter(*row))
    return list(found.values())


async def loads(
    connection: Connection,
    account: int,
    meters: Sequence[Sequence[Meter]],
    span: tuple[date, date],
    zone: ZoneInfo,
) -> list[Load]:
    """The loads of the meters whose use emits, over the local days of [first, until)."""
    versions = _versions(meters, span, zone)
    if not versions:
        return []
    rows = await connection.fetch(PROFILES, account, *_slots(versions), zone.key)
    by_meter: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        by_meter[versions[row["n"] - 1].meter.id].append(row)
    newest = {version.meter.id: version.newest for version in versions}
    return [_load(newest[id], of_meter, versions) for id, of_meter in sorted(by_meter.items())]


async def day_uses(
    connection: Connection,
    account: int,
    meters: Sequence[Sequence[Meter]],
    parents: Parents,
    days: Sequence[date],
    zone: ZoneInfo,
) -> dict[About, dict[date, DayUse]]:
    """What the enterprise and each of its assets, with all that hangs on it, used on these
    (consecutive) days, and on the same weekdays of the last eight weeks."""
    first, until = min(days), max(days) + timedelta(days=1)
    spans = [(first - timedelta(weeks=w), until - timedelta(weeks=w)) for w in range(WEEKS + 1)]
    versions = _versions(meters, (spans[-1][0], until), zone)
    if not versions:
        return {}
    bounds = [[midnight(day, zone) for day in side] for side in zip(*spans, strict=True)]
    rows = await connection.fetch(DAYS, account, *_slots(versions), *bounds, zone.key)
    return _by_asset(rows, versions, parents)


def _versions(
    meters: Iterable[Sequence[Meter]], span: tuple[date, date], zone: ZoneInfo
) -> list[Version]:
    first, until = (midnight(day, zone) for day in span)
    found = []
    for versions in meters:
        newest = versions[-1]
        # Before its first version a meter counts as it was then.
        starts = [first, *(midnight(version.valid_from, zone) for version in versions[1:]), until]
        for meter, (since, end) in zip(versions, pairwise(starts), strict=True):
            version = Version(meter, newest, max(since, first), min(end, until))
            if version.since < version.until and _comparable(version):
                found.append(version)
    return found


def _comparable(version: Version) -> bool:
    """It meters what emits, in a unit of the newest version's kind."""
    meter, newest = version.meter, version.newest
    same = UNITS[meter.unit].dimension == UNITS[newest.unit].dimension
    emits = CARRIERS[meter.carrier].sign > 0 and meter.carrier == newest.carrier
    return emits and same


def _slots(versions: Sequence[Version]) -> tuple[list[str], list[datetime], list[datetime]]:
    return (
        [f"meter:{version.meter.id}" for version in versions],
        [version.since for version in versions],
        [version.until for version in versions],
    )


def _load(meter: Meter, rows: Iterable[asyncpg.Record], versions: Sequence[Version]) -> Load:
    hours: dict[tuple[bool, int], Used] = defaultdict(Used)
    days: dict[date, Day] = {}
    for row in rows:
        version = versions[row["n"] - 1]
        used = _used(version, row, "quantity", "span")
        if row["day"] is None:
            hours[row["resting"], row["clock"]] += used
            continue
        night = _used(version, row, "night", "night_span")
        peak = version.quantity(row["peak"], row["unit"])
        days[row["day"]] = _and(days.get(row["day"]), Day(row["day"], used, night, peak))
    in_order = [day for _, day in sorted(days.items())]
    return Load(meter.id, meter.asset_id, meter.carrier, meter.unit, dict(hours), in_order)


def _and(known: Day | None, day: Day) -> Day:
    """One day of two versions or two units."""
    if known is None:
        return day
    return Day(day.day, known.whole + day.whole, known.night + day.night, max(known.peak, day.peak))


def _used(version: Version, row: asyncpg.Record, quantity: str, span: str) -> Used:
    return Used(version.quantity(row[quantity], row["unit"]), _hours(row[span]))


def _hours(span: timedelta) -> Fraction:
    return Fraction(span // timedelta(microseconds=1), 3_600_000_000)


def _by_asset(
    rows: Iterable[asyncpg.Record], versions: Sequence[Version], parents: Parents
) -> dict[About, dict[date, DayUse]]:
    units: dict[str, str] = {}
    for version in versions:
        units.setdefault(version.newest.carrier, version.newest.unit)
    found: dict[About, dict[date, DayUse]] = defaultdict(dict)
    for row in rows:
        version = versions[row["n"] - 1]
        carrier, unit = version.newest.carrier, units[version.newest.carrier]
        quantity = version.quantity(row["quantity"], row["unit"])
        use = _in(unit, version.newest.unit, quantity, _hours(row["span"]))
        if use is None:
            continue
        for asset in ("", *above(version.newest.asset_id, parents)):
            series = found[asset, carrier, unit]
            series[row["day"]] = _plus(series.get(row["day"]), use)
    return dict(found)


def _in(unit: str, given: str, quantity: Fraction, hours: Fraction) -> DayUse | None:
    """None when the meters of a carrier measure what does not convert (steam by mass and heat)."""
    if UNITS[given].dimension != UNITS[unit].dimension:
        return None
    return DayUse(convert(quantity, given, unit), hours)


def _plus(known: DayUse | None, use: DayUse) -> DayUse:
    if known is None:
        return use
    return DayUse(known.quantity + use.quantity, known.hours + use.hours)
