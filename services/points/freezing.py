"""Frozen accounts: nothing is redeemed, credits and reversals go on."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from asyncpg import Record

from shared.database import Connection, Pool
from shared.http.answers import Answer, Instant, Timestamp, sample
from shared.http.problems import conflict, not_found
from shared.stream import accounts

# The history keeps its order although clocks of several processes differ, or stand still.
FREEZE = """
insert into freezing (account, frozen_at, reason, frozen_by)
select $1, greatest($2, max(lifted_at) + interval '1 microsecond'), $3, $4
from freezing where account = $1
"""
LIFT = """
update freezing set lifted_at = greatest($2, frozen_at), lifted_by = $3
where account = $1 and lifted_at is null
"""
STANDING = """
select frozen_at, reason, frozen_by from freezing where account = $1 and lifted_at is null
"""
HISTORY = """
select f.frozen_at, f.reason, f.frozen_by, f.lifted_at, f.lifted_by
from freezing f where f.account = $1 order by f.frozen_at
"""


class FreezingShown(Answer, frozen=True, kw_only=True):
    """Since when, why and by whom an account is frozen."""

    since: Instant
    reason: Annotated[str, sample("The card was reported stolen")]
    by: Annotated[str, sample("operator")]


class FreezingEnded(FreezingShown, frozen=True, kw_only=True):
    """A time for which an account was frozen; null while it is."""

    lifted_at: Timestamp | None
    lifted_by: Annotated[str, sample("operator")] | None


async def freeze(pool: Pool, subject: str, reason: str, by: str, now: datetime) -> None:
    """Freeze an account; 409 with the standing reason when it is frozen already."""
    async with pool.acquire() as connection, connection.transaction():
        account = await _locked(connection, subject)
        frozen = await connection.fetchrow(STANDING, account)
        if frozen is not None:
            raise conflict(f"Frozen already: {_told(frozen)}", "already-frozen")
        await connection.execute(FREEZE, account, now, reason, by)


async def unfreeze(pool: Pool, subject: str, by: str, now: datetime) -> None:
    """Let an account redeem again; 409 when it is not frozen."""
    async with pool.acquire() as connection, connection.transaction():
        account = await _locked(connection, subject)
        if await connection.execute(LIFT, account, now, by) == "UPDATE 0":
            raise conflict("The account is not frozen", "not-frozen")


async def check(connection: Connection, account: int) -> None:
    """409 with the reason while a (locked) account is frozen."""
    frozen = await connection.fetchrow(STANDING, account)
    if frozen is not None:
        detail = f"The account is frozen: {_told(frozen)}"
        raise conflict(detail, "account-frozen", frozen=msgspec.to_builtins(shown(frozen)))


async def history(connection: Connection | Pool, account: int) -> list[FreezingEnded]:
    """Every time an account was frozen, the first one first."""
    rows = await connection.fetch(HISTORY, account)
    return [
        FreezingEnded(**_fields(row), lifted_at=row["lifted_at"], lifted_by=row["lifted_by"])
        for row in rows
    ]


def shown(row: Record) -> FreezingShown:
    """A freezing that stands."""
    return FreezingShown(**_fields(row))


def _fields(row: Record) -> dict[str, Any]:
    return {
        "since": row["frozen_at"].isoformat(),
        "reason": row["reason"],
        "by": row["frozen_by"],
    }


def _told(row: Record) -> str:
    return f"{row['reason']} (since {row['frozen_at'].isoformat()}, by {row['frozen_by']})"


async def _locked(connection: Connection, subject: str) -> int:
    found = await accounts.lock_existing(connection, [subject])
    if subject not in found:
        raise not_found("account", subject)
    return found[subject].number
