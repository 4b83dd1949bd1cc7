"""Tiers for the loan rating: decided by the clock, told when they change."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.points import domain
from services.points.handler import SOURCE
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.events.ids import derived_id
from shared.events.types import PointsTier
from shared.stream.poster import Poster
from shared.stream.service import Account

TIER = "cn.tanzhang.points.tier.v1"
ACCOUNTS_PER_TICK = 2000
# Without new points a tier still falls as months pass.
LOOK_AGAIN = timedelta(days=1)

DUE = """
select s.subject from (
    (select account from tier_due limit $1)
    union
    (select account from tier where decided_at < $2 and tier <> 'none' limit $1)
) d join subject s on s.account = d.account
"""
TRAILING = """
select a.account, coalesce(sum(case
        when p.kind = 'credited' then p.points when p.kind = 'reversed' then -p.points end), 0
    )::bigint
from unnest($1::bigint[]) a(account)
left join posting p on p.account = a.account and p.occurred_at > $2
    and p.kind in ('credited', 'reversed')
group by a.account
"""
KNOWN = "select account, tier from tier where account = any($1::bigint[])"
DECIDE = """
insert into tier (account, tier, trailing_mg, decided_at)
select a, t, g, $4 from unnest($1::bigint[], $2::text[], $3::bigint[]) u(a, t, g)
on conflict (account) do update set tier = excluded.tier, trailing_mg = excluded.trailing_mg,
    decided_at = excluded.decided_at
"""
DONE = "delete from tier_due where account = any($1::bigint[])"
ANONYMOUS = """
delete from tier_due d where not exists (select from subject s where s.account = d.account)
"""


async def tick(connection: Connection, poster: Poster[Any, Any], now: datetime) -> None:
    """Decide the tiers of some accounts that are due; emits a change."""
    subjects = [row[0] for row in await connection.fetch(DUE, ACCOUNTS_PER_TICK, now - LOOK_AGAIN)]
    if not subjects:
        await connection.execute(ANONYMOUS)
        return
    locked = {a.number: a for a in (await poster.lock(connection, subjects)).values()}
    numbers = list(locked)
    since = domain.year_before(now)
    trailing = {row[0]: row[1] for row in await connection.fetch(TRAILING, numbers, since)}
    known = {row[0]: row[1] for row in await connection.fetch(KNOWN, numbers)}
    tiers = {number: domain.tier(trailing[number]) for number in numbers}
    outgoing = [
        told(locked[number], tiers[number], known.get(number), trailing[number], now)
        for number in numbers
        if tiers[number] != known.get(number, "none")
    ]
    await connection.execute(
        DECIDE, numbers, list(tiers.values()), [trailing[number] for number in numbers], now
    )
    await connection.execute(DONE, numbers)
    await poster.save(connection, locked.values(), outgoing, now)


def told(
    account: Account, tier: str, previous: str | None, trailing_mg: int, now: datetime
) -> Outgoing:
    """The event of a tier; takes a sequence of the (locked) account."""
    sequence = account.next_sequence()
    data = PointsTier(
        epoch=account.epoch,
        sequence=sequence,
        tier=tier,
        previous=previous,
        trailing_g=Decimal(trailing_mg).scaleb(-domain.PLACES),
        points=Decimal(0),
        balance=Decimal(account.balance).scaleb(-domain.PLACES),
        cause="trailing_12_months",
    )
    id = derived_id(TIER, account.subject, str(account.epoch), str(sequence))
    return Outgoing(TIER, account.subject, id, SOURCE, now, data)
