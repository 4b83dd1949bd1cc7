"""Sums by year and balances from the entries, and the state of every year, told again."""

from collections.abc import Sequence
from datetime import datetime

from services.industrial import replay
from services.industrial.domain.entries import TAKEN_BACK
from services.industrial.domain.years import YEAR_FIELDS
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.settings import Settings
from shared.stream.accounts import sum_up
from shared.stream.service import Account

# What `domain/years.py` adds up entry by entry. An entry that is taken back counts once less.
_LIVE = "case when reverses is null then 1 else -1 end"
_USED = f"category = 'energy' and activity not in {TAKEN_BACK}"
_TOTALLED = "category in ('energy', 'process', 'avoided')"


def _sum(what: str, where: str) -> str:
    return f"coalesce(sum({what}) filter (where {where}), 0)"


def _months(what: str, where: str) -> str:
    """One sum for each month of the year, January first."""
    wanted = f"{where} and extract(month from month)"
    months = (f"{_sum(what, f'{wanted} = {n}')}::bigint" for n in range(1, 13))
    return f"jsonb_build_array({', '.join(months)})"


def _quality(where: str) -> str:
    return _sum(f"abs(amount_mg) * {_LIVE}", f"{_USED} and {where}")


_FIELDS = {
    "energy_mg": _sum("amount_mg", "category = 'energy'"),
    "process_mg": _sum("amount_mg", "category = 'process'"),
    "avoided_mg": _sum("amount_mg", "category = 'avoided'"),
    "pv_mg": _sum("amount_mg", "category = 'pv_memo'"),
    "output": _sum("quantity", "category = 'output'"),
    "value_added": _sum("quantity", "category = 'value_added'"),
    "actual_mg": _quality("quality = 'actual'"),
    "estimated_mg": _quality("quality = 'estimated'"),
    "substituted_mg": _quality("quality not in ('actual', 'estimated')"),
    "energy_readings": _months(_LIVE, _USED),
    "output_reports": _months(_LIVE, "category = 'output'"),
    "factor_sets": "coalesce(min(f.sets::text), '{}')::jsonb",
    "energy_months": _months("amount_mg", "category = 'energy'"),
    "process_months": _months("amount_mg", "category = 'process'"),
    "avoided_months": _months("amount_mg", "category = 'avoided'"),
    "measured_mg": _quality("factor_set = 'measured'"),
}
FORGET = "delete from account_year where account = any($1::bigint[])"
YEARS = f"""
with entry as (
    select *, extract(year from month)::integer as year
    from ledger_entry where account = any($1::bigint[])
), f as (
    select account, year, jsonb_object_agg(name, n) as sets from (
        select account, year, factor_set || '@' || factor_version as name, sum({_LIVE}) as n
        from entry where factor_set is not null and {_TOTALLED}
        group by account, year, name having sum({_LIVE}) <> 0
    ) counted group by account, year
)
insert into account_year (account, year, {", ".join(YEAR_FIELDS)})
select account, year, {", ".join(_FIELDS[name] for name in YEAR_FIELDS)}
from entry left join f using (account, year)
group by account, year
"""
SUMS = """
select account, sum(energy_mg + process_mg - avoided_mg)::bigint,
    (select max(sequence) from ledger_entry e where e.account = y.account)
from account_year y where account = any($1::bigint[]) group by account
"""


async def rebuild(
    settings: Settings, connection: Connection, accounts: Sequence[Account], now: datetime
) -> list[Outgoing]:
    """The years and balances of locked accounts; the states of their years as they stand."""
    numbers = [account.number for account in accounts]
    await connection.execute(FORGET, numbers)
    await connection.execute(YEARS, numbers)
    with_entries = await sum_up(connection, SUMS, accounts)
    named = [account for account in accounts if account.number in with_entries]
    return [e async for told in replay.announced_since(connection, named, now, now) for e in told]


async def rebuild_whole(connection: Connection) -> None:
    """Everything derived is of one account."""
