"""The personal service's reading SQL: what an account and the city have saved."""

from datetime import UTC, datetime
from typing import Any

from shared.database import Connection, Pool

BY_SCENARIO = """
select scenario, sum(amount_mg)::bigint, count(*) filter (where line = 0)
from ledger_entry where account = $1 and scenario is not null
group by scenario order by scenario
"""
BY_MONTH = """
select date_trunc('month', day)::date, sum(amount_mg)::bigint
from ledger_entry where account = $1 and scenario is not null group by 1 order by 1
"""
BY_MONTH_AND_SCENARIO = """
select date_trunc('month', day)::date as month, scenario, sum(amount_mg)::bigint as amount_mg,
    count(*) filter (where line = 0) as payments
from ledger_entry
where account = $1 and scenario is not null and date_trunc('month', day)::date between $2 and $3
group by 1, 2 order by 1, 2
"""
# Why as things stand, whatever was said when a payment came: a cap may have made room since. What
# a month has saved is credited to its last bill: the others count as well.
NOT_COUNTED = """
select case
        when reversed then 'reversed'
        when scenario is null then reason
        when displaced then 'duplicate_behaviour'
        when scenario = any($2::smallint[]) then 'no_saving'
        else 'capped'
    end, count(*)
from (
    select max(scenario) as scenario, max(reason) filter (where line = 0) as reason,
        bool_or(cause = 'reversed') as reversed, sum(credited) as credited,
        max(quantity) filter (where line = 0) as quantity,
        max(line) filter (where cause = 'displaced' or reason = 'duplicate_behaviour')
            > coalesce(max(line) filter (where cause = 'counted'), -1) as displaced,
        sum(sum(credited)) over (partition by max(scenario), max(day)) as of_slot
    from ledger_entry where account = $1 and cause <> 'reversal'
    group by event_key
) p
where reversed or scenario is null or displaced or (credited = 0 and quantity > 0
    and not (scenario = any($2::smallint[]) and of_slot > 0))
group by 1 order by 1
"""
# The rule that classified a payment is kept in its first line.
ENTRIES = """
select e.event_key, e.line, e.scenario, e.day, e.occurred_at, e.quantity, e.credited, e.amount_mg,
    e.cause, e.cause_key, e.reason, f.rule, e.factor_set, e.source, e.event_id, e.posted_at
from ledger_entry e
join ledger_entry f on f.account = e.account and f.event_key = e.event_key and f.line = 0
where e.account = $1 and (e.occurred_at, e.event_key, e.line) > ($2, decode($3, 'hex'), $4)
order by e.occurred_at, e.event_key, e.line
limit $5
"""
BALANCE = """
select a.number, a.balance from subject s join account a on a.number = s.account
where s.subject = $1
"""
# For answers whose figures must fit together.
SNAPSHOT: dict[str, Any] = {"isolation": "repeatable_read", "readonly": True}
# Sorts before every entry: where a listing begins.
START = (datetime(1, 1, 1, tzinfo=UTC), "", -1)


async def balance(connection: Connection | Pool, subject: str) -> tuple[int, int] | None:
    """(account number, milligrams), or None when there is no such account."""
    row = await connection.fetchrow(BALANCE, subject)
    return None if row is None else (row[0], row[1])
