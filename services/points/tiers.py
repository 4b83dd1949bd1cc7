"""Tiers for the loan rating: decided by the clock, told when they change."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from asyncpg import Record

from services.points import domain
from services.points.domain import Moment
from services.points.handler import SOURCE
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.events.ids import derived_id
from shared.events.types import PointsTier
from shared.stream import accounts
from shared.stream.poster import Poster
from shared.stream.service import Account
from shared.units.calendar import CITY, Zone, local_date

TIER = "cn.tanzhang.points.tier.v1"
ACCOUNTS_PER_TICK = 2000

# Without new points a tier still falls, on the day on which older ones no longer count, and a new
# rule may raise it too.
DUE = """
select s.subject from (
    (select account from tier_due limit $1)
    union
    (select account from tier where valid_until <= $2 order by valid_until limit $1)
    union
    (select account from tier where decided_at < $3 order by decided_at limit $1)
) d join subject s on s.account = d.account
"""
# From the newest behaviour back: the sum, and where it reaches each limit. Credits and reversals of
# one behaviour have the same `occurred_at` and are counted together.
TRAILING = """
with moved as (
    select account, occurred_at, case kind when 'credited' then points else -points end as change
    from posting where account = any($1::bigint[]) and occurred_at >= $2
        and kind in ('credited', 'reversed')
), running as (
    select account, occurred_at, change,
        sum(change) over (partition by account order by occurred_at desc) as reached
    from moved
)
select account, sum(change)::bigint as trailing_mg,
    max(occurred_at) filter (where reached >= $3) as deep,
    max(occurred_at) filter (where reached >= $4) as medium,
    max(occurred_at) filter (where reached >= $5) as light
from running group by account
"""
KNOWN = "select account, tier from tier where account = any($1::bigint[]) and tier <> 'none'"
DECIDE = """
insert into tier (account, tier, trailing_mg, decided_at, valid_until, changed_at)
select a, t, g, $6::timestamptz, u, case when c then $6::timestamptz end
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::timestamptz[], $5::boolean[])
    d(a, t, g, u, c)
on conflict (account) do update set tier = excluded.tier, trailing_mg = excluded.trailing_mg,
    decided_at = excluded.decided_at, valid_until = excluded.valid_until,
    changed_at = coalesce(excluded.changed_at, tier.changed_at)
"""
DONE = "delete from tier_due where account = any($1::bigint[])"


class Standing(NamedTuple):
    """A tier, the milligrams it rests on, and when it ends if nothing else happens."""

    tier: str
    trailing_mg: int
    valid_until: datetime | None = None


async def tick(
    connection: Connection, poster: Poster[Any, Any], now: datetime, *, zone: Zone = CITY
) -> None:
    """Decide the tiers of some accounts that are due; tell those that change."""
    at = Moment(now, zone)
    ruled = at.begin(domain.limits_since(at.today))
    subjects = [row[0] for row in await connection.fetch(DUE, ACCOUNTS_PER_TICK, now, ruled)]
    locked = list((await accounts.lock_existing(connection, subjects)).values())
    if not locked:
        return
    numbers = [account.number for account in locked]
    standings = await standing(connection, numbers, at)
    known = {row[0]: row[1] for row in await connection.fetch(KNOWN, numbers)}
    changed = [standings[number].tier != known.get(number, domain.TIERS[0]) for number in numbers]
    outgoing = [
        told(account, standings[account.number], known.get(account.number), now)
        for account, has_changed in zip(locked, changed, strict=True)
        if has_changed
    ]
    columns = zip(*(standings[number] for number in numbers), strict=True)
    await connection.execute(DECIDE, numbers, *map(list, columns), changed, now)
    await connection.execute(DONE, numbers)
    await poster.save(connection, locked, outgoing, now)


async def standing(
    connection: Connection, numbers: Sequence[int], at: Moment
) -> dict[int, Standing]:
    """The tiers of accounts on a day of the city, computed from their postings."""
    since = at.begin(domain.trailing_since(at.today))
    rows = await connection.fetch(TRAILING, numbers, since, *domain.limits(at.today).values())
    found = {row["account"]: _standing(row, at) for row in rows}
    nothing = Standing(domain.TIERS[0], 0)
    return {number: found.get(number, nothing) for number in numbers}


def _standing(row: Record, at: Moment) -> Standing:
    tier = domain.tier(row["trailing_mg"], at.today)
    if tier == domain.TIERS[0]:
        return Standing(tier, row["trailing_mg"])
    end = at.begin(domain.counts_until(local_date(row[tier], at.zone)))
    return Standing(tier, row["trailing_mg"], end)


def told(account: Account, standing: Standing, previous: str | None, now: datetime) -> Outgoing:
    """The event of a tier; takes a sequence of the (locked) account."""
    sequence = account.next_sequence()
    data = PointsTier(
        epoch=account.epoch,
        sequence=sequence,
        tier=standing.tier,
        previous=previous,
        trailing_g=Decimal(standing.trailing_mg).scaleb(-domain.PLACES),
        points=Decimal(0),
        balance=Decimal(account.balance).scaleb(-domain.PLACES),
        cause="trailing_12_months",
    )
    id = derived_id(TIER, account.subject, str(account.epoch), str(sequence))
    return Outgoing(TIER, account.subject, id, SOURCE, now, data)
