"""The points service's SQL on the event path: set-based."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.points.aging import Age
from services.points.domain import Movement
from shared import erasure
from shared.database import Connection
from shared.erasure import Erasure
from shared.settings import Settings
from shared.stream.service import Account
from shared.webhooks import erasing

CLAIMS = "select account, points from claim where account = any($1::bigint[])"
SET_CLAIMS = """
insert into claim (account, points) select * from unnest($1::bigint[], $2::bigint[])
on conflict (account) do update set points = excluded.points
"""
CLEAR_CLAIMS = "delete from claim where account = any($1::bigint[])"
TIER_DUE = """
insert into tier_due select * from unnest($1::bigint[]) on conflict do nothing
"""
# What is not part of the totals goes with the person; postings and redemptions stay.
FORGOTTEN = ("idempotency", "freezing", "tier", "tier_due", "consent", "residence")


class Posting(NamedTuple):
    """A row of `posting`, one movement of a cause: its fields are the columns."""

    account: int
    event_key: bytes
    line: int
    content_hash: bytes | None
    kind: str
    from_account: str
    to_account: str
    points: int
    cause: str
    sequence: int
    occurred_at: datetime
    posted_at: datetime


@dataclass(slots=True)
class State:
    """What members owe, and the ages of what reversals may find expired, by account number."""

    claims: dict[int, int]
    ages: dict[int, Age]
    year: int


@dataclass(slots=True)
class Rows:
    """What a decision writes."""

    postings: list[Posting] = field(default_factory=list)
    claims: dict[int, int] = field(default_factory=dict)
    erased: list[tuple[Account, Erasure]] = field(default_factory=list)


def postings(
    account: Account,
    key: bytes,
    kind: str,
    movements: Sequence[Movement],
    cause: str,
    at: datetime,
    now: datetime,
    content: bytes | None = None,
) -> list[Posting]:
    """The rows of one cause under the account's present sequence; `at` is when it happened."""
    return [
        Posting(
            account.number, key, line, None if line else content, kind, move.source, move.target,
            move.points, cause, account.sequence, at, now,
        )
        for line, move in enumerate(movements)
    ]  # fmt: skip


async def load_claims(connection: Connection, accounts: Collection[int]) -> dict[int, int]:
    """What these members owe."""
    return {row[0]: row[1] for row in await connection.fetch(CLAIMS, list(accounts))}


async def write(settings: Settings, connection: Connection, rows: Rows) -> None:
    """Append postings, set claims, look at tiers again, forget who was erased."""
    if rows.postings:
        await connection.copy_records_to_table(
            "posting", records=rows.postings, columns=Posting._fields
        )
        await connection.execute(TIER_DUE, _counting(rows.postings))
    await _write_claims(connection, rows.claims)
    for account, done in rows.erased:
        for table in FORGOTTEN:
            await connection.execute(f"delete from {table} where account = $1", account.number)
        await erasure.forget(connection, settings, account, done)
        await erasing.forget(connection, account.subject)


def _counting(postings: Sequence[Posting]) -> list[int]:
    """Accounts of which something counts for a tier: not all that expire when a year begins."""
    return sorted({p.account for p in postings if p.kind in ("credited", "reversed")})


async def _write_claims(connection: Connection, claims: dict[int, int]) -> None:
    open_ = {account: points for account, points in claims.items() if points}
    if open_:
        await connection.execute(SET_CLAIMS, list(open_), list(open_.values()))
    settled = [account for account, points in claims.items() if not points]
    if settled:
        await connection.execute(CLEAR_CLAIMS, settled)
