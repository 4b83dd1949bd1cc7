"""The city's own sums, kept beside the ledger so that nobody has to read all of it.

Posting appends one row of changes per batch and bank, which no other batch waits for; the tick
folds them into sums. What is asked for is the sums and what has not been folded yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from services.personal.store import Change, Entry
from shared import metrics
from shared.database import Connection
from shared.events.identifiers import bank_of
from shared.methodology import methodology
from shared.privacy import PEOPLE_MIN, folded
from shared.stream.service import Account
from shared.units.amount import MG_PER_T

# What one statement takes, so that it ends in seconds whatever waits: batches, and accounts that
# they have changed. A tick takes as much so many times.
FOLDED_MAX = 3000
FOLDED_ACCOUNTS_MAX = 100_000
ROUNDS_MAX = 10
# The year under which customers of all years are counted.
ALL_YEARS = 0

# Nobody's sum of a year is below zero: who gained has saved, who lost is looked at again.
JUDGED = """judged as (
    select *, not fell or 0 < (
        select coalesce(sum(e.amount_mg), 0) from ledger_entry e
        where e.account = seen.account and e.scenario is not null
            and e.day >= make_date(year, 1, 1) and e.day < make_date(year + 1, 1, 1)) as saves
    from seen
)"""
# In one statement, so that all of it sees the sums as they were before.
FOLD = f"""
with due as (
    select id, sum(cardinality(accounts)) over (order by id) - cardinality(accounts) as earlier
    from (select id, accounts from city_change order by id limit $1) c
), taken as (
    delete from city_change where id = any(array(select id from due where earlier < $2))
    returning *
), sums as (
    insert into city_sum (bank, month, scenario, amount_mg, payments)
    select bank, month, scenario, sum(mg), sum(number)
    from taken, unnest(months, scenarios, amounts_mg, payments) u(month, scenario, mg, number)
    group by bank, month, scenario
    on conflict (bank, month, scenario) do update
    set amount_mg = city_sum.amount_mg + excluded.amount_mg,
        payments = city_sum.payments + excluded.payments
), seen as (
    select account, year, min(bank) as bank, bool_or(fell) as fell
    from taken, unnest(accounts, years, fallen) u(account, year, fell)
    group by account, year
), {JUDGED}, come as (
    insert into account_year (account, year) select account, year from judged where saves
    on conflict do nothing
    returning account, year
), gone as (
    delete from account_year y using judged j
    where not j.saves and y.account = j.account and y.year = j.year
    returning y.account, y.year
), counted as (
    insert into city_customers (bank, year, customers)
    select bank, year, sum(customers) from (
        select bank, year, 1 from come join seen using (account, year)
        union all select bank, year, -1 from gone join seen using (account, year)
        union all select bank, 0, customers from taken
    ) c(bank, year, customers)
    group by bank, year having sum(customers) <> 0
    on conflict (bank, year) do update
    set customers = city_customers.customers + excluded.customers
)
select count(*) from taken
"""
SUMS = """
select bank, month, scenario, sum(mg)::bigint as amount_mg, sum(number)::bigint as payments
from (
    select bank, month, scenario, amount_mg, payments from city_sum
    union all
    select c.bank, u.*
    from city_change c, unnest(c.months, c.scenarios, c.amounts_mg, c.payments) u
) s(bank, month, scenario, mg, number)
where month >= $1 and month < $2
group by grouping sets ((bank), (month), (scenario), ())
"""
CUSTOMERS = f"""
with seen as (
    select account, year, min(bank) as bank, bool_or(fell) as fell
    from city_change, unnest(accounts, years, fallen) u(account, year, fell)
    where year = $1
    group by account, year
), {JUDGED}
select bank, sum(customers)::bigint as customers
from (
    select bank, customers from city_customers where year = $1
    union all
    select bank, customers from city_change where $1 = 0
    union all
    select bank, saves::integer - (exists (select from account_year y
        where y.account = j.account and y.year = j.year))::integer
    from judged j
) c
group by bank
"""


class Sum(NamedTuple):
    """Milligrams, and how many payments had a scenario."""

    amount_mg: int
    payments: int


class Group(NamedTuple):
    """The customers of a bank (None: of the others) and what they saved."""

    bank: str | None
    customers: int
    amount_mg: int


@dataclass(slots=True)
class Summary:
    """The city, or one year of it. Customers have saved something in it."""

    customers: int
    total: Sum
    scenarios: dict[int, Sum] = field(default_factory=dict)
    months: dict[date, Sum] = field(default_factory=dict)
    banks: list[Group] = field(default_factory=list)


def changes(entries: Iterable[Entry], accounts: Iterable[Account]) -> list[Change]:
    """What a batch changes in the city's sums, by bank; `accounts` as they are after it."""
    known = {account.number: account for account in accounts}
    banks: dict[int, str] = {}
    sums: dict[tuple[str, int, int, int], list[int]] = {}
    saved: dict[tuple[int, int], int] = {}
    for entry in entries:
        day, scenario = entry.day, entry.scenario
        if day is None or scenario is None:
            continue
        number, amount = entry.account, entry.amount_mg
        bank = banks.get(number)
        if bank is None:
            bank = banks[number] = _bank(known.get(number))
        if amount:
            year = (number, day.year)
            saved[year] = saved.get(year, 0) + amount
        key = (bank, day.year, day.month, scenario)
        own = sums.get(key)
        if own is None:
            own = sums[key] = [0, 0]
        own[0] += amount
        own[1] += entry.line == 0
    rows = {bank: Change(bank) for bank in set(banks.values())}
    _add_sums(rows, sums)
    _add_savers(rows, saved, banks, known)
    return list(rows.values())


async def fold(connection: Connection, poster: Any, now: datetime) -> None:
    """What the tick does: add what batches have changed to the sums."""
    for _ in range(ROUNDS_MAX):
        if not await connection.fetchval(FOLD, FOLDED_MAX, FOLDED_ACCOUNTS_MAX):
            break


async def summary(connection: Connection, year: int | None = None) -> Summary:
    """The city's sums as of now, of all years or of one. In a repeatable-read transaction."""
    begin, end = (date.min, date.max) if year is None else (date(year, 1, 1), date(year + 1, 1, 1))
    customers = {
        row["bank"]: row["customers"]
        for row in await connection.fetch(CUSTOMERS, ALL_YEARS if year is None else year)
    }
    found = Summary(sum(customers.values()), Sum(0, 0))
    groups = []
    for row in await connection.fetch(SUMS, begin, end):
        own = Sum(row["amount_mg"] or 0, row["payments"] or 0)
        if row["bank"] is not None:
            groups.append(Group(row["bank"], customers.get(row["bank"], 0), own.amount_mg))
        elif row["month"] is not None:
            found.months[row["month"]] = own
        elif row["scenario"] is not None:
            found.scenarios[row["scenario"]] = own
        else:
            found.total = own
    found.banks = shown(groups)
    return found


def shown(groups: Sequence[Group], least: int = PEOPLE_MIN) -> list[Group]:
    """The banks with so many customers or more, most first; the others together as None."""
    most_first = sorted(groups, key=lambda group: (-group.customers, group.bank or ""))
    named, others = folded(
        most_first, lambda group: group.customers, lambda group: bool(group.bank), least
    )
    if not others:
        return named
    customers = sum(group.customers for group in others)
    return [*named, Group(None, customers, sum(group.amount_mg for group in others))]


async def measure(connection: Connection) -> None:
    """Tonnes saved, by scenario too, and customers who have saved anything."""
    found = await summary(connection)
    metrics.CITY_TONNES.labels("personal").set(found.total.amount_mg / MG_PER_T)
    metrics.CITY_ACCOUNTS.labels("personal").set(found.customers)
    for scenario in methodology().scenarios():
        own = found.scenarios.get(scenario.number, Sum(0, 0))
        metrics.PERSONAL_TONNES.labels(scenario.code).set(own.amount_mg / MG_PER_T)
        metrics.PERSONAL_PAYMENTS.labels(scenario.code).set(own.payments)


def _bank(account: Account | None) -> str:
    return "" if account is None else bank_of(account.subject)


def _add_sums(
    rows: Mapping[str, Change], sums: Mapping[tuple[str, int, int, int], Sequence[int]]
) -> None:
    for (bank, year, month, scenario), (amount, payments) in sums.items():
        row = rows[bank]
        row.months.append(date(year, month, 1))
        row.scenarios.append(scenario)
        row.amounts_mg.append(amount)
        row.payments.append(payments)


def _add_savers(
    rows: Mapping[str, Change],
    saved: Mapping[tuple[int, int], int],
    banks: Mapping[int, str],
    known: Mapping[int, Account],
) -> None:
    """Whose sum of a year has changed, and how many have saved anything now and had not before."""
    moved: dict[int, int] = {}
    for (number, year), amount in saved.items():
        if amount:
            row = rows[banks[number]]
            row.accounts.append(number)
            row.years.append(year)
            row.fallen.append(amount < 0)
            moved[number] = moved.get(number, 0) + amount
    for number, amount in moved.items():
        account = known.get(number)
        if account is not None:
            had = account.balance - amount
            rows[banks[number]].customers += (account.balance > 0) - (had > 0)
