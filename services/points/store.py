"""The points service's SQL on the event path: set-based."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.points.domain import Movement
from shared import erasure
from shared.database import Connection
from shared.erasure import Erasure
from shared.settings import Settings
from shared.stream.service import Account

CLAIMS = "select account, points from claim where account = any($1::bigint[])"
SET_CLAIMS = """
insert into claim (account, points) select * from unnest($1::bigint[], $2::bigint[])
on conflict (account) do update set points = excluded.points
"""
CLEAR_CLAIMS = "delete from claim where account = any($1::bigint[])"
INSERT = """
insert into posting (account, event_key, line, content_hash, kind, from_account, to_account,
    points, cause, sequence, occurred_at, posted_at)
select *, $12 from unnest($1::bigint[], $2::bytea[], $3::smallint[], $4::bytea[], $5::text[],
    $6::text[], $7::text[], $8::bigint[], $9::text[], $10::bigint[], $11::timestamptz[])
"""
TIER_DUE = """
insert into tier_due select * from unnest($1::bigint[]) on conflict do nothing
"""


@dataclass(slots=True, frozen=True)
class Posting:
    """The movements of one cause."""

    account: int
    event_key: bytes
    content_hash: bytes | None
    kind: str
    movements: list[Movement]
    cause: str
    sequence: int
    occurred_at: datetime


@dataclass(slots=True)
class State:
    """What members owe, by account number."""

    claims: dict[int, int]


@dataclass(slots=True)
class Rows:
    """What a decision writes."""

    posted_at: datetime
    postings: list[Posting] = field(default_factory=list)
    claims: dict[int, int] = field(default_factory=dict)
    erased: list[tuple[Account, Erasure]] = field(default_factory=list)


async def load_claims(connection: Connection, accounts: Collection[int]) -> dict[int, int]:
    """What these members owe."""
    return {row[0]: row[1] for row in await connection.fetch(CLAIMS, list(accounts))}


async def write(settings: Settings, connection: Connection, rows: Rows) -> None:
    """Append postings, set claims, look at tiers again, forget who was erased."""
    await _write_postings(connection, rows.postings, rows.posted_at)
    await _write_claims(connection, rows.claims)
    touched = sorted({posting.account for posting in rows.postings})
    if touched:
        await connection.execute(TIER_DUE, touched)
    for account, done in rows.erased:
        await connection.execute("delete from idempotency where account = $1", account.number)
        await erasure.forget(connection, settings, account, done)


async def _write_postings(
    connection: Connection, postings: Sequence[Posting], posted_at: datetime
) -> None:
    lines = [(p, line, move) for p in postings for line, move in enumerate(p.movements)]
    if not lines:
        return
    await connection.execute(
        INSERT,
        [p.account for p, _, _ in lines],
        [p.event_key for p, _, _ in lines],
        [line for _, line, _ in lines],
        [None if line else p.content_hash for p, line, _ in lines],
        [p.kind for p, _, _ in lines],
        [move.source for _, _, move in lines],
        [move.target for _, _, move in lines],
        [move.points for _, _, move in lines],
        [p.cause for p, _, _ in lines],
        [p.sequence for p, _, _ in lines],
        [p.occurred_at for p, _, _ in lines],
        posted_at,
    )


async def _write_claims(connection: Connection, claims: dict[int, int]) -> None:
    open_ = {account: points for account, points in claims.items() if points}
    if open_:
        await connection.execute(SET_CLAIMS, list(open_), list(open_.values()))
    settled = [account for account, points in claims.items() if not points]
    if settled:
        await connection.execute(CLEAR_CLAIMS, settled)
