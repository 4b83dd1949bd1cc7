"""The state of accounts that have changed, told again: for a broker that has lost it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from services.agri.domain.account import Totals
from services.agri.domain.size import Size
from services.agri.handler import account_state
from services.agri.store import registry
from services.agri.store.accounts import sizes_by_year, totals_by_year
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.stream import accounts as engine_accounts
from shared.stream.service import Account

TOUCHED = """
select account from ledger_entry where account = any($1::bigint[]) and posted_at >= $2
union
select account from fact where account = any($1::bigint[]) and posted_at >= $2
union
select s.account from subject s join farm f on f.farm_id = s.subject
where s.account = any($1::bigint[]) and f.recorded_at >= $2
"""
# A year may have records that came to nothing.
YEARS = "select distinct year from fact where account = $1 order by year"


async def announced_since(
    connection: Connection, accounts: Sequence[Account], since: datetime, now: datetime
) -> AsyncIterator[list[Outgoing]]:
    """All years of locked accounts as they stand, each with a sequence of now.

    A state says all there is to say, so its repetition may be newer than what was lost.
    """
    farms = await registry.farms(connection, [account.subject for account in accounts])
    for account in accounts:
        totals = await totals_by_year(connection, account.number)
        sizes = await sizes_by_year(connection, account.number)
        yield [
            account_state(
                account,
                account.next_sequence(),
                year,
                totals.get(year, Totals()),
                sizes.get(year, Size()),
                farms[account.subject],
                now,
            )
            for (year,) in await connection.fetch(YEARS, account.number)
        ]
    await engine_accounts.save(connection, accounts)
