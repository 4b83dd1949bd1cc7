"""Consents given, shown and withdrawn, in SQL. Every change holds the account's lock."""

from datetime import datetime
from uuid import UUID

from services.points.consents import Given, Wish
from shared import erasure
from shared.auth.consent import ConsentScope
from shared.database import Connection, Pool
from shared.http.problems import conflict, not_found
from shared.settings import Settings
from shared.stream import accounts

RECORD = """
select c.id, s.subject as account_id, c.bank, c.scope, c.given_at, c.given_by, c.until,
    c.ended_at, c.ended_by, c.replaced_by
from consent c join subject s on s.account = c.account
"""
BY_ID = f"{RECORD} where c.id = $1"
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
# Not before it was given, by whichever clock that was.
END = """
update consent set ended_at = least(greatest($3, given_at), until), ended_by = $4, replaced_by = $5
where account = $1 and id = $2
"""


async def give(
    pool: Pool, settings: Settings, wish: Wish, id: UUID, by: str, now: datetime
) -> tuple[Given, bool]:
    """Keep a consent, and whether it is a new one: the same again is the one that stands.

    Another `until`, or a later `given_at`, makes a new record that replaces the old one. Raises
    Problem 404, and 409 for a late repeat of what the person has withdrawn or changed since.
    """
    async with pool.acquire() as connection, connection.transaction():
        account = await locked(connection, wish.account_id)
        last = await standing(connection, wish.account_id, wish.bank, wish.scope)
        if last is not None and last.answers(wish, now):
            return last, False
        await _check_order(connection, settings, wish, last)
        if last is not None and last.ended_at is None:
            await connection.execute(END, account, last.id, now, by, id)
        # As it was said, also when that clock is ahead of ours: a repeat says the same.
        given_at = wish.given_at or (now if last is None else max(now, last.decided_at))
        await connection.execute(
            INSERT, account, id, wish.bank, wish.scope, given_at, by, wish.until
        )
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


async def standing(
    connection: Connection | Pool, account_id: str, bank: str, scope: ConsentScope
) -> Given | None:
    """The consent that was given last, whatever has become of it."""
    row = await connection.fetchrow(STANDING, account_id, bank, scope)
    return None if row is None else Given(**row)


async def _check_order(
    connection: Connection, settings: Settings, wish: Wish, last: Given | None
) -> None:
    if wish.given_at is None:
        return
    erased = (await erasure.erasures(connection, settings, [wish.account_id])).values()
    withdrawn = any(wish.given_at <= one.erased_at for one in erased)
    if withdrawn or (last is not None and wish.given_at <= last.decided_at):
        anew = last is not None and last.ended_at is None
        what = "was given anew" if anew else "was withdrawn"
        raise conflict(
            f"This consent {what} after {wish.given_at.isoformat()}", "consent-overtaken"
        )


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
