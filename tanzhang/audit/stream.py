"""Rows in the order of their accounts, a few at a time."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.database import Connection

ROWS_AT_A_TIME = 5000


@dataclass(slots=True)
class AccountRows:
    """A query's rows, account by account; the first column is the subject and orders them."""

    cursor: Any
    rows: deque[Sequence[Any]] = field(default_factory=deque)
    ended: bool = False

    async def subject(self) -> str | None:
        """The account that comes next; None at the end."""
        if not self.rows and not self.ended:
            self.rows.extend(await self.cursor.fetch(ROWS_AT_A_TIME))
            self.ended = not self.rows
        return self.rows[0][0] if self.rows else None

    async def take(self, subject: str) -> list[Sequence[Any]]:
        """The rows of an account, when it is the one that comes next."""
        taken = []
        while await self.subject() == subject:
            taken.append(self.rows.popleft())
        return taken


async def account_rows(connection: Connection, sql: str, *arguments: object) -> AccountRows:
    """Run a query inside the connection's transaction."""
    return AccountRows(await connection.cursor(sql, *arguments))


async def next_subject(*streams: AccountRows) -> str | None:
    """The first account of those that come next, in the order of code points."""
    subjects = [await stream.subject() for stream in streams]
    return min((subject for subject in subjects if subject is not None), default=None)
