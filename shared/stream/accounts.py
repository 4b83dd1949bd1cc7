"""Accounts under lock: whoever writes an account first locks its row, in sorted order."""

import secrets
from collections.abc import Callable, Iterable, Sequence

from shared.database import Connection
from shared.stream.service import Account

NewNumber = Callable[[], int]

LOCK = """
select s.subject, a.number, a.epoch, a.sequence, a.balance
from subject s join account a on a.number = s.account
where s.subject = any($1::text[])
order by a.number
for update of a
"""

CREATE = """
with created as (
    insert into subject (subject, account)
    select * from unnest($1::text[], $2::bigint[])
    on conflict (subject) do nothing
    returning account
)
insert into account (number) select account from created
"""

SAVE = """
update account a set epoch = s.epoch, sequence = s.sequence, balance = s.balance
from unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[]) s(number, epoch, sequence, balance)
where a.number = s.number
"""


def random_number() -> int:
    """A random positive account number: says nothing about who or when."""
    return secrets.randbits(62)


async def lock(
    connection: Connection, subjects: Iterable[str], new_number: NewNumber = random_number
) -> dict[str, Account]:
    """Lock the accounts of these subjects until the transaction ends, creating missing ones."""
    wanted = sorted(set(subjects))
    found = await _select(connection, wanted)
    missing = [subject for subject in wanted if subject not in found]
    if missing:
        await connection.execute(CREATE, missing, [new_number() for _ in missing])
        found = await _select(connection, wanted)
    return found


async def find(connection: Connection, subject: str) -> int | None:
    """The account number of a subject, or None; takes no lock."""
    number: int | None = await connection.fetchval(
        "select account from subject where subject = $1", subject
    )
    return number


async def save(connection: Connection, accounts: Iterable[Account]) -> None:
    """Write back the locked accounts that changed."""
    changed = [account for account in accounts if account.changed]
    if changed:
        await connection.execute(
            SAVE,
            [account.number for account in changed],
            [account.epoch for account in changed],
            [account.sequence for account in changed],
            [account.balance for account in changed],
        )


async def _select(connection: Connection, subjects: Sequence[str]) -> dict[str, Account]:
    rows = await connection.fetch(LOCK, subjects)
    return {row[0]: Account(row[1], row[0], row[2], row[3], row[4]) for row in rows}
