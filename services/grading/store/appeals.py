"""Appeals, their decisions, and how a label is marked by them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.database import Connection

ADD = """
insert into appeal (account, id, year, n, label, reason, evidence, status, client, created_at)
values ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9)
on conflict (account, year) where status = 'open' do nothing
returning *
"""
CONTEST = "update label set contested = true where account = $1 and year = $2"
SETTLE = """
update label set contested = false, suspended = $3 where account = $1 and year = $2
"""
OF_ACCOUNT = """
select s.subject, a.* from appeal a join subject s on s.account = a.account
where s.subject = $1 and ($2::timestamptz is null or (a.created_at, a.id::text) < ($2, $3::text))
order by a.created_at desc, a.id::text desc limit $4
"""
OF_ALL = """
select s.subject, a.* from appeal a join subject s on s.account = a.account
where ($1::text is null or a.status = $1)
    and ($2::timestamptz is null or (a.created_at, a.id::text) > ($2, $3::text))
order by a.created_at, a.id::text limit $4
"""
FIND = """
select s.subject, a.* from appeal a join subject s on s.account = a.account where a.id = $1
"""
ABOUT = """
select s.subject, a.* from appeal a join subject s on s.account = a.account
where s.subject = $1 and a.year = any($2::int[]) order by a.created_at
"""
DECIDE = """
update appeal set status = $3, note = $4, decided_by = $5, decided_at = $6, regraded = $7
where account = $1 and id = $2 and status = 'open'
"""


async def add(
    connection: Connection,
    account: int,
    id: UUID,
    about: tuple[int, int, str],
    said: tuple[str, str | None],
    client: str,
    now: datetime,
) -> bool:
    """Keep an appeal about (year, n, label) with its reason and evidence, and mark the label.

    False when one of the year is open already. The account is locked by the caller.
    """
    row = await connection.fetchrow(ADD, account, id, *about, *said, client, now)
    if row is not None:
        await connection.execute(CONTEST, account, about[0])
    return row is not None


async def find(connection: Connection, id: UUID) -> asyncpg.Record | None:
    """An appeal with its account's subject."""
    return await connection.fetchrow(FIND, id)


async def decide(
    connection: Connection,
    appeal: asyncpg.Record,
    status: str,
    note: str,
    client: str,
    now: datetime,
    regraded: dict[str, Any] | None,
) -> None:
    """Close an open appeal; `regraded` is what the grading anew gave."""
    key = appeal["account"], appeal["id"]
    await connection.execute(DECIDE, *key, status, note, client, now, regraded)


async def settle(connection: Connection, account: int, year: int, *, suspended: bool) -> None:
    """The label of an account and year is contested no longer; it stands, or is suspended."""
    await connection.execute(SETTLE, account, year, suspended)
