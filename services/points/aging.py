"""What of an account's points is from which year: what of them has expired, and what will."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from services.points import domain
from shared.database import Connection
from shared.units.calendar import Zone

# Credits and reversals of one behaviour have the same `occurred_at`. Most have one year, and their
# sum is enough; the others, and those of $3, come each by itself.
CREDITED = """
with changed as (
    select account, occurred_at, extract(year from posted_at at time zone $2)::integer as year,
        sum(case kind when 'credited' then points else -points end) as points
    from posting where account = any($1::bigint[]) and kind in ('credited', 'reversed')
    group by account, occurred_at, year
), named as (
    select account, year, points, case when occurred_at = any($3::timestamptz[])
        or count(*) over (partition by account, occurred_at) > 1 then occurred_at end as behaviour
    from changed
)
select account, behaviour, year, sum(points)::bigint from named group by account, behaviour, year
"""
# By when it was redeemed: before the points of its year's beginning had expired, or after.
SPENT = """
select account, extract(year from created_at at time zone $2)::integer as year, sum(points)::bigint
from redemption where account = any($1::bigint[]) and status = 'redeemed' group by account, year
"""
EXPIRED = """
select account, sum(case to_account when 'expiry' then points else -points end)::bigint
from posting where account = any($1::bigint[]) and 'expiry' in (from_account, to_account)
group by account
"""
# How far the notice of each year has come.
ANNOUNCED = "select year, position from expiry_run where stage = 'expiring'"


@dataclass(slots=True)
class Age:
    """An account's points by year, in milli-points: credited and still so, spent, expired.

    `behaviours`, by the time of each, are those that are not in `lots`; `announced` the years of
    whose beginning it has been told.
    """

    lots: Counter[int] = field(default_factory=Counter)
    behaviours: dict[datetime, Counter[int]] = field(default_factory=dict)
    spent: Counter[int] = field(default_factory=Counter)
    expired: int = 0
    announced: frozenset[int] = frozenset()

    def overdue(self, year: int) -> int:
        """What should have expired when `year` begins, and has not; below zero: too much has."""
        return self._expired_by(year) - self.expired

    def ending(self, year: int) -> int:
        """What will expire when `year` begins and that is told, beside what is overdue before."""
        gone = max(self._expired_by(year - 1), self.expired)
        return max(self._expired_by(year, self.announced | {year}) - gone, 0)

    def change(self, behaviour: datetime, year: int, points: int) -> int:
        """Credit a behaviour, or reverse (below zero); what of this had expired already."""
        # Of what has expired, only what should have by then: a request that came before the year's
        # end may have been decided after it.
        before = min(self.expired, self._expired_by(year))
        self.behaviours.setdefault(behaviour, Counter())[year] += points
        found = max(before - self._expired_by(year), 0)
        self.expired -= found
        return found

    def _expired_by(self, year: int, announced: frozenset[int] | None = None) -> int:
        lots = self.lots.copy()
        for changes in self.behaviours.values():
            lots.update(domain.lots(changes))
        return domain.expired_by(lots, self.spent, year, announced or self.announced)


async def load(
    connection: Connection,
    accounts: Collection[int],
    zone: Zone,
    behaviours: Collection[datetime] = (),
) -> dict[int, Age]:
    """The ages of accounts, by number; `behaviours` are kept apart, so that they can be changed."""
    ages = {number: Age() for number in accounts}
    for number, behaviour, year, points in await connection.fetch(
        CREDITED, list(ages), zone.key, list(behaviours)
    ):
        age = ages[number]
        lots = age.lots if behaviour is None else age.behaviours.setdefault(behaviour, Counter())
        lots[year] += points
    for number, year, points in await connection.fetch(SPENT, list(ages), zone.key):
        ages[number].spent[year] = points
    for number, points in await connection.fetch(EXPIRED, list(ages)):
        ages[number].expired = points
    passes = await connection.fetch(ANNOUNCED)
    for number, age in ages.items():
        age.announced = frozenset(year for year, position in passes if number <= position)
    return ages


async def load_expired(
    connection: Connection, reversing: Collection[tuple[int, datetime]], zone: Zone
) -> dict[int, Age]:
    """The ages of those of these accounts that have expired points: usually of none."""
    accounts = {number for number, _ in reversing}
    rows = await connection.fetch(EXPIRED, list(accounts)) if accounts else []
    expired = [number for number, points in rows if points]
    behaviours = {behaviour for _, behaviour in reversing}
    return await load(connection, expired, zone, behaviours) if expired else {}
