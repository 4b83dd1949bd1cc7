"""The state of accounts that have changed, told again: for a broker that has lost it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime

from services.industrial.domain.registry import on_date
from services.industrial.handler import state_of
from services.industrial.store.accounts import sums_of, years_of
from services.industrial.store.registry import enterprises_of
from services.industrial.store.warnings import ToldDay, told_since
from services.industrial.watching import event
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.stream import accounts as engine_accounts
from shared.stream.service import Account

TOUCHED = """
select account from ledger_entry where account = any($1::bigint[]) and posted_at >= $2
union
select s.account from subject s join enterprise e on e.id = s.subject
where s.account = any($1::bigint[]) and e.recorded_at >= $2
union
select account from warning where account = any($1::bigint[]) and told_at >= $2
"""


async def announced_since(
    connection: Connection, accounts: Sequence[Account], since: datetime, now: datetime
) -> AsyncIterator[list[Outgoing]]:
    """All years of locked accounts as they stand, each with a sequence of now.

    A state says all there is to say, so its repetition may be newer than what was lost. Warnings
    come before it, as they were.
    """
    told: dict[int, list[ToldDay]] = defaultdict(list)
    for warning in await told_since(connection, [one.number for one in accounts], since):
        told[warning.account].append(warning)
    enterprises = await enterprises_of(connection, [account.subject for account in accounts])
    for account in accounts:
        warnings = [event(account.subject, row) for row in told[account.number]]
        yield warnings + [
            state_of(
                account,
                account.next_sequence(),
                year,
                await sums_of(connection, account.number, year),
                on_date(enterprises[account.subject], date(year, 12, 31)),
                now,
            )
            for year in await years_of(connection, account.number)
        ]
    await engine_accounts.save(connection, accounts)
