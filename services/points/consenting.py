"""Consents given, shown and withdrawn, in SQL. Every change holds the account's lock."""

from datetime import datetime
from uuid import UUID

from services.points.consents import Given, Wish
from shared.auth.consent import ConsentScope
from shared.database import Connection, Pool
from shared.http.problems import conflict, not_found
from shared.stream import accounts

RECORD = """
select c.id, s.subject as account_id, c.bank, c.scope, c.given_at, c.given_by, c.until,
    c.ended_at, c.ended_by, c.replaced_by
from consent c join subject s on s.account = c.account
"""
BY_ID = f"{RECORD} where c.id = $1"
OPEN = f"{RECORD} where c.account = $1 and c.bank = $2 and c.scope = $3 and c.ended_at is null"
# What was replaced has a successor, which says what holds.
STANDING = f"""{RECORD}
where s.subject = $1 and c.bank = $2 and c.scope = $3 and c.replaced_by is null
order by c.ended_at desc nulls first limit 1
"""
OF_ACCOUNT = f"""{RECORD}
where s.subject = $1 and ($2::timestamptz is null or (c.given_at, c.id) < ($2, $3::uuid))
order by c.given_at desc, c.id desc limit $4
"""
INSERT = """
insert into consent (account, id, bank, scope, given_at, given_by, until)
values ($1, $2, $3, $4, $5, $6, $7)
"""
END = """
update consent set ended_at = least($3, until), ended_by = $4, replaced_by = $5
where account = $1 and id = $2
"""


async def give(pool: Pool, wish: Wish, id: UUID, by: str, now: datetime) -> tuple[Given, bool]:
    """Keep a consent, and whether it is a new one: the same again is the one that stands.

    Another `until` makes a new record that replaces the old one. Raises Problem 404.
    """
    async with pool.acquire() as connection, connection.transaction():
        account = await locked(connection, wish.account_id)
        row = await connection.fetchrow(OPEN, account, wish.bank, wish.scope)
        if row is not None:
            standing = Given(**row)
            if standing.until == wish.until and standing.status(now) == "live":
                return standing, False
            await connection.execute(END, account, standing.id, now, by, id)
        await connection.execute(INSERT, account, id, wish.bank, wish.scope, now, by, wish.until)
        return await get(connection, id), True


async def withdraw(pool: Pool, given: Given, by: str, now: datetime) -> Given:
    """End a consent at once; one that has ended stays as it is. Raises Problem 404 and 409."""
    async with pool.acquire() as connection, connection.transaction():
        account = await locked(connection, given.account_id)
        standing = await get(connection, given.id)
        if standing.replaced_by is not None:
            detail = f"This consent was replaced by {standing.replaced_by}: withdraw that one"
            raise conflict(detail, "consent-replaced", replaced_by=str(standing.replaced_by))
        if standing.status(now) == "live":
            await connection.execute(END, account, given.id, now, by, None)
        return await get(connection, given.id)


async def get(connection: Connection | Pool, id: UUID) -> Given:
    """A consent, or Problem 404."""
    row = await connection.fetchrow(BY_ID, id)
    if row is None:
        raise not_found("consent", str(id))
    return Given(**row)


async def standing(pool: Pool, account_id: str, bank: str, scope: ConsentScope) -> Given | None:
    """The consent that was given last, whatever has become of it."""
    row = await pool.fetchrow(STANDING, account_id, bank, scope)
    return None if row is None else Given(**row)


async def of_account(
    pool: Pool, account_id: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[Given]:
    """The consents of an account, the newest first. Raises Problem 404."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(OF_ACCOUNT, account_id, *(after or (None, None)), limit)
        if not rows and await accounts.find(connection, account_id) is None:
            raise not_found("account", account_id)
    return [Given(**row) for row in rows]


async def locked(connection: Connection, subject: str) -> int:
    """The number of an account, locked until the transaction ends; Problem 404 without one."""
    found = await accounts.lock_existing(connection, [subject])
    if subject not in found:
        raise not_found("account", subject)
    return found[subject].number
