"""Erasure: an account's name is dropped, its entries and the totals stay.

What is remembered is a keyed hash of the account id, with the position of the erasure, so that
older events stay ignored when they are replayed.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, Table

from shared.database import Connection
from shared.events.envelope import Event
from shared.events.identifiers import is_personal_account
from shared.settings import Settings, SettingsError
from shared.stream import accounts
from shared.stream.service import Account

ERASED_1 = """
create table erased (
    token_hash bytea primary key,
    erased_at timestamptz not null,
    epoch integer not null,
    sequence bigint not null
);
"""
REMEMBER = """
insert into erased (token_hash, erased_at, epoch, sequence) values ($1, $2, $3, $4)
on conflict (token_hash) do update
set erased_at = excluded.erased_at, epoch = excluded.epoch, sequence = excluded.sequence
"""
FORGET = (
    "delete from subject where account = $1",
    "delete from dead_letter where account = $1",
    "delete from parked where account = $1",
)
# What could not be read belongs to no account, and may still say whose it was.
UNREAD = """
with gone as (
    delete from dead_letter
    where account is null and position(convert_to($1, 'UTF8') in raw) > 0
        and encode(raw, 'escape') ~ $2
    returning 1
)
select count(*) from gone
"""
# In PostgreSQL's `escape` a byte above 127 is a backslash and three digits, a backslash is two.
NO_NAME = r"^|[^A-Za-z0-9_-]|\\[0-7]{3}|\\\\[bfnrt]|\\\\u[0-9A-Fa-f]{4}"
FIND = "select token_hash, erased_at, epoch, sequence from erased where token_hash = any($1)"


@dataclass(slots=True, frozen=True)
class Erasure:
    """When an account was erased, and the last output position that it had taken."""

    erased_at: datetime
    epoch: int
    sequence: int


def table(metadata: MetaData) -> Table:
    """The `erased` table of a service that keeps persons."""
    return Table(
        "erased",
        metadata,
        Column("token_hash", LargeBinary, primary_key=True),
        Column("erased_at", DateTime(timezone=True), nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("sequence", BigInteger, nullable=False),
    )


def check_key(settings: Settings) -> None:
    """Raise SettingsError when persons would be remembered under a hash that anyone can make."""
    if settings.tanzhang_auth == "jwt" and not settings.tanzhang_erasure_key:
        raise SettingsError("TANZHANG_ERASURE_KEY is not set: expected a secret of your own")


def token_hash(settings: Settings, subject: str) -> bytes:
    """A keyed hash of an account id: useless to anyone without the key."""
    key = (settings.tanzhang_erasure_key or "").encode()
    return hmac.new(key, subject.encode(), hashlib.sha256).digest()


async def forget(
    connection: Connection, settings: Settings, account: Account, erasure: Erasure
) -> None:
    """Drop everything that says who a locked account is, and remember when."""
    for statement in FORGET:
        await connection.execute(statement, account.number)
    await forget_unread(connection, account.subject)
    await accounts.mark_erased(connection, account.number)
    await connection.execute(
        REMEMBER,
        token_hash(settings, account.subject),
        erasure.erased_at,
        erasure.epoch,
        erasure.sequence,
    )


async def forget_unread(connection: Connection, subject: str) -> int:
    """Drop the unreadable dead letters that name an account, or have its token as subject."""
    if not is_personal_account(subject):
        return 0  # a word that may stand anywhere
    token = subject.partition(":")[2]
    # Another account's id may begin or end with this one; another bank's token may be the same.
    whole = rf"({NO_NAME}){re.escape(subject)}($|[^A-Za-z0-9_-])"
    alone = rf'"subject"\s*:\s*"{re.escape(token)}"'
    dropped: int = await connection.fetchval(UNREAD, token, f"{whole}|{alone}")
    return dropped


async def erasures(
    connection: Connection, settings: Settings, subjects: Iterable[str]
) -> dict[str, Erasure]:
    """The erasures of these subjects; usually there is none in the whole table."""
    names = set(subjects)
    if not names or not await connection.fetchval("select exists (select from erased)"):
        return {}
    hashes = {token_hash(settings, name): name for name in names}
    rows = await connection.fetch(FIND, list(hashes))
    return {hashes[row[0]]: Erasure(row[1], row[2], row[3]) for row in rows}


async def screened(
    connection: Connection,
    settings: Settings,
    events: Sequence[Event],
    is_older: Callable[[Event, Erasure], bool],
) -> Sequence[Event]:
    """Leave out events older than the erasure of their account: no replay brings it back."""
    erased = await erasures(connection, settings, (event.subject for event in events))
    if not erased:
        return events
    return [
        event
        for event in events
        if event.subject not in erased or not is_older(event, erased[event.subject])
    ]


def succeed(account: Account, erasure: Erasure) -> None:
    """A fresh account under an erased name begins a new epoch: its outputs are newer."""
    if account.epoch <= erasure.epoch:
        account.epoch = erasure.epoch + 1
        account.changed = True
