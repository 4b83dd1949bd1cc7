"""Accounts under lock: whoever writes an account first locks its row, in sorted order."""

import secrets
from collections.abc import Callable, Iterable

from shared.database import Connection
from shared.stream.service import Account

NewNumber = Callable[[], int]

LOCK = """
select s.subject, a.number, a.epoch, a.sequence, a.balance
from subject s join account a on a.number = s.account
where s.subject = any($1::text[]) and not a.erased
order by a.number
for update of a
"""

LOCK_NUMBERS = (
    "select number from account where number = any($1::bigint[]) order by number for update"
)

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
    wanted = set(subjects)
    found = await lock_existing(connection, wanted)
    return found | await lock_created(connection, wanted - found.keys(), new_number)


async def lock_existing(connection: Connection, subjects: Iterable[str]) -> dict[str, Account]:
    """Lock the accounts that these subjects have; one that is erased meanwhile is left out."""
    rows = await connection.fetch(LOCK, sorted(set(subjects)))
    return {row[0]: Account(row[1], row[0], row[2], row[3], row[4]) for row in rows}


async def lock_created(
    connection: Connection, subjects: Iterable[str], new_number: NewNumber
) -> dict[str, Account]:
    """Create and lock accounts of subjects that had none (another transaction may be faster)."""
    missing = sorted(set(subjects))
    if not missing:
        return {}
    await connection.execute(CREATE, missing, [new_number() for _ in missing])
    return await lock_existing(connection, missing)


async def lock_numbers(connection: Connection, numbers: Iterable[int]) -> None:
    """Lock accounts by their numbers, erased ones too."""
    await connection.execute(LOCK_NUMBERS, sorted(set(numbers)))


async def mark_erased(connection: Connection, number: int) -> None:
    """Nobody who waits for the lock of this account takes it for its subject's any more."""
    await connection.execute("update account set erased = true where number = $1", number)


async def find(connection: Connection, subject: str) -> int | None:
    """The account number of a subject, or None; takes no lock."""
    number: int | None = await connection.fetchval(
        "select account from subject where subject = $1", subject
    )
    return number


async def sum_up(connection: Connection, sums: str, accounts: Iterable[Account]) -> set[int]:
    """Give locked accounts the balances and sequences that their entries make.

    `sums` selects (account, balance, last sequence) of the accounts $1 (bigint[]); gives the numbers
    of those that it finds.
    """
    by_number = {account.number: account for account in accounts}
    rows = await connection.fetch(sums, list(by_number))
    found = {row[0]: (row[1], row[2]) for row in rows}
    for number, account in by_number.items():
        account.balance, last = found.get(number, (0, 0))
        account.sequence = max(account.sequence, last)
    return set(found)


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
