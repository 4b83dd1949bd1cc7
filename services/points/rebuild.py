"""Balances, claims, tiers and stock from what was posted; tiers told again as they stand."""

from collections.abc import Sequence
from datetime import datetime

from services.points import domain, tiers
from services.points.domain import Moment
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.settings import Settings
from shared.stream.accounts import sum_up
from shared.stream.service import Account
from shared.units.calendar import Zone

SUMS = """
select account,
    sum(points * ((to_account = 'member')::int - (from_account = 'member')::int))::bigint,
    max(sequence)
from posting where account = any($1::bigint[]) group by account
"""
FORGET_CLAIMS = "delete from claim where account = any($1::bigint[])"
CLAIMS = """
insert into claim (account, points)
select account, sum(points * ((from_account = 'claim')::int - (to_account = 'claim')::int))
from posting where account = any($1::bigint[]) and 'claim' in (from_account, to_account)
group by account
having sum(points * ((from_account = 'claim')::int - (to_account = 'claim')::int)) > 0
"""
# Those with a tier or with anything to have one for.
TIERS = """
select number, coalesce(t.tier, $2) <> $2 or t.changed_at is not null
from unnest($1::bigint[]) a(number)
left join tier t on t.account = number
where t.account is not null or exists (select from posting p where p.account = number)
"""
# Whoever takes from the stock holds the offer's row: what is posted then is all there is.
LOCK_OFFERS = "select id from reward order by id for update"
STOCK = """
update reward r set stock = coalesce((
    select sum(quantity) from (
        select quantity from delivery where reward_id = r.id
        union all
        select -quantity from redemption where reward_id = r.id and status = 'redeemed'
    ) moved), 0)
"""


async def rebuild(
    settings: Settings, connection: Connection, accounts: Sequence[Account], now: datetime
) -> list[Outgoing]:
    """The balances and claims of locked accounts, and the tiers of those that have a name."""
    await sum_up(connection, SUMS, accounts)
    numbers = [account.number for account in accounts]
    await connection.execute(FORGET_CLAIMS, numbers)
    await connection.execute(CLAIMS, numbers)
    named = {account.number: account for account in accounts if account.subject}
    return await _tiers(connection, named, Moment(now, Zone(settings.tanzhang_zone)))


async def rebuild_whole(connection: Connection) -> None:
    """What is left of each offer."""
    async with connection.transaction():
        await connection.execute(LOCK_OFFERS)
        await connection.execute(STOCK)


async def _tiers(connection: Connection, named: dict[int, Account], at: Moment) -> list[Outgoing]:
    """Decide tiers as of now; tell those that there are, or were."""
    rows = await connection.fetch(TIERS, list(named), domain.TIERS[0])
    told_before = {row[0]: row[1] for row in rows}
    numbers = list(told_before)
    standings = await tiers.standing(connection, numbers, at)
    tell = [told_before[number] or standings[number].tier != domain.TIERS[0] for number in numbers]
    columns = zip(*(standings[number] for number in numbers), strict=True)
    if numbers:
        await connection.execute(tiers.DECIDE, numbers, *map(list, columns), tell, at.now)
        await connection.execute(tiers.DONE, numbers)
    return [
        tiers.told(named[number], standings[number], None, at.now)
        for number, wanted in zip(numbers, tell, strict=True)
        if wanted
    ]
