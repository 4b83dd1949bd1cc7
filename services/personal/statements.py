"""The personal service's reading SQL: what an account and the city have saved."""

from datetime import UTC, datetime

from shared.database import Pool

BY_SCENARIO = """
select scenario, sum(amount_mg)::bigint, count(*) filter (where line = 0)
from ledger_entry where account = $1 and scenario is not null
group by scenario order by scenario
"""
BY_MONTH = """
select date_trunc('month', day)::date, sum(amount_mg)::bigint
from ledger_entry where account = $1 and scenario is not null group by 1 order by 1
"""
ENTRIES = """
select event_key, line, scenario, day, occurred_at, quantity, credited, amount_mg, cause,
    cause_key, reason, factor_set, source, event_id, posted_at
from ledger_entry
where account = $1 and (occurred_at, event_key, line) > ($2, decode($3, 'hex'), $4)
order by occurred_at, event_key, line
limit $5
"""
BALANCE = """
select a.number, a.balance from subject s join account a on a.number = s.account
where s.subject = $1
"""
CITY = """
select count(*) filter (where balance > 0), coalesce(sum(balance), 0)::bigint from account
"""
CITY_BY_SCENARIO = """
select scenario, sum(amount_mg)::bigint from ledger_entry
where scenario is not null group by scenario order by scenario
"""
# Sorts before every entry: where a listing begins.
START = (datetime(1, 1, 1, tzinfo=UTC), "", -1)


async def balance(pool: Pool, subject: str) -> tuple[int, int] | None:
    """(account number, milligrams), or None when there is no such account."""
    row = await pool.fetchrow(BALANCE, subject)
    return None if row is None else (row[0], row[1])
