"""Balances, reports of behaviours and the city's sums from the entries."""

from collections.abc import Sequence
from datetime import datetime

from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.settings import Settings
from shared.stream.accounts import sum_up
from shared.stream.service import Account

SUMS = """
select account, sum(amount_mg)::bigint, coalesce(max(sequence), 0)
from ledger_entry where account = any($1::bigint[]) group by account
"""
# The payments that report a behaviour: none that was reversed.
STANDING = """
select e.reference, e.scenario, true, e.occurred_at, e.event_key, e.content_hash, e.account
from ledger_entry e
where e.line = 0 and e.reference is not null and not exists (
    select from ledger_entry r where r.account = e.account and r.event_key = e.event_key
        and r.cause = 'reversed')
"""
REPORTS = f"""
insert into behaviour_report
    (reference, scenario, movable, occurred_at, event_key, content_hash, account)
{STANDING} and e.account = any($1::bigint[])
on conflict do nothing
"""
# What an erased account was credited has nothing left in the entries that says so.
STRAY_REPORTS = f"""
delete from behaviour_report b where movable and not exists (
    {STANDING} and e.account = b.account and e.event_key = b.event_key
        and (e.reference, e.scenario, e.occurred_at, e.content_hash)
            = (b.reference, b.scenario, b.occurred_at, b.content_hash))
"""
REFERENCES = """
insert into channel_reference (reference)
select distinct reference from ledger_entry where reference is not null
union select distinct reference from behaviour_report
on conflict do nothing
"""
# Nobody folds into the sums meanwhile. Batches go on: what they append after this transaction's
# snapshot is of entries that it does not see.
STAND_STILL = "lock table city_sum, city_customers, account_year in exclusive mode"
PATIENCE = "set local statement_timeout = 0"
FORGET = tuple(
    f"delete from {table}"
    for table in ("city_change", "city_sum", "city_customers", "account_year")
)
# Of an erased account nobody knows the bank any more.
CITY = """
insert into city_sum (bank, month, scenario, amount_mg, payments)
select coalesce(split_part(s.subject, ':', 1), ''), date_trunc('month', e.day)::date, e.scenario,
    sum(e.amount_mg), count(*) filter (where e.line = 0)
from ledger_entry e left join subject s on s.account = e.account
where e.scenario is not null group by 1, 2, 3
"""
SAVERS = """
insert into account_year (account, year)
select account, extract(year from day)::integer from ledger_entry
where scenario is not null group by 1, 2 having sum(amount_mg) > 0
"""
CUSTOMERS = """
insert into city_customers (bank, year, customers)
select coalesce(split_part(s.subject, ':', 1), ''), c.year, count(*) from (
    select account, year from account_year
    union all
    select account, 0 from ledger_entry group by account having sum(amount_mg) > 0
) c left join subject s on s.account = c.account
group by 1, 2
"""


async def rebuild(
    settings: Settings, connection: Connection, accounts: Sequence[Account], now: datetime
) -> list[Outgoing]:
    """The balances and reports of locked accounts. Reductions are no states: nothing is told."""
    await sum_up(connection, SUMS, accounts)
    numbers = [account.number for account in accounts]
    await connection.execute(REPORTS, numbers)
    return []


async def rebuild_whole(connection: Connection) -> None:
    """The locks of behaviours, reports that no payment makes, and the city's sums."""
    async with connection.transaction():
        await connection.execute(PATIENCE)
        await connection.execute(REFERENCES)
        await connection.execute(STRAY_REPORTS)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.execute(PATIENCE)
        for statement in (STAND_STILL, *FORGET, CITY, SAVERS, CUSTOMERS):
            await connection.execute(statement)
