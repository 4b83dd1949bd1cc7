"""Restating accounts: one transaction each, under the locks that posting takes."""

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.industrial.closing import YearError
from services.industrial.domain.books import Books
from services.industrial.domain.restatement import Restatement, restate, totals
from services.industrial.domain.state import Rows
from services.industrial.handler import tell_years
from services.industrial.store import closing
from services.industrial.store import restatement as store
from services.industrial.store.write import write_years
from shared.database import Connection, Pool
from shared.stream.accounts import lock_existing
from shared.stream.poster import Poster
from shared.stream.service import Account

ACCOUNTS_PER_PAGE = 500
BEFORE_ALL = -1


class Choice(NamedTuple):
    """What to restate: a year or all open ones, an enterprise or all. `reopened` takes closed
    years too; they stay closed."""

    year: int | None = None
    enterprise: str | None = None
    reopened: bool = False
    reason: str | None = None
    by: str = ""
    dry_run: bool = False


class Step(NamedTuple):
    """An account that was looked at, and how far this is."""

    done: Restatement
    looked_at: int
    accounts: int


def _ignore(_: Step) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Restater:
    """Restates accounts in the city's calendar."""

    pool: Pool
    poster: Poster[Any, Any]
    zone: ZoneInfo
    events_per_page: int = store.EVENTS_PER_PAGE

    async def run(
        self, choice: Choice, now: datetime, on_account: Callable[[Step], None] = _ignore
    ) -> list[Restatement]:
        """Restate what is chosen; gives the accounts in which something differs.

        A dry run writes nothing and gives the same. Can be run again after any failure: what is
        restated already does not differ any more. YearError when the chosen year is closed.
        """
        found, looked_at, last = [], 0, BEFORE_ALL
        async with self.pool.acquire() as connection:
            await _refuse_closed(connection, choice)
            count = await store.count(connection, choice.enterprise)
            if choice.enterprise and not count:
                raise YearError(f"{choice.enterprise!r} has no account")
            while page := await store.accounts(
                connection, last, choice.enterprise, ACCOUNTS_PER_PAGE
            ):
                for last, subject in page:
                    done = await self._account(connection, last, subject, choice, now)
                    looked_at += 1
                    on_account(Step(done, looked_at, max(count, looked_at)))
                    if done.years or done.left or done.unchanged:
                        found.append(done)
        return found

    async def _account(
        self, connection: Connection, number: int, subject: str, choice: Choice, now: datetime
    ) -> Restatement:
        done = Restatement(subject)
        async with _transaction(connection, choice):
            account: Account | None = Account(number, subject, 0, 0, 0)
            if not choice.dry_run:
                account = (await lock_existing(connection, [subject])).get(subject)
            if account is not None:
                await self._restate(connection, account, choice, done, now)
        return done

    async def _restate(
        self,
        connection: Connection,
        account: Account,
        choice: Choice,
        done: Restatement,
        now: datetime,
    ) -> None:
        stand = closing.closed_years if choice.dry_run else closing.standing_years
        closed = await stand(connection)
        kept = frozenset() if _takes_closed(choice, closed) else closed
        state = await store.opened(connection, account)
        books = Books(state, Rows(), now, lambda _: account.next_sequence())
        pages = store.events(
            connection, account.number, choice.year, list(kept), self.events_per_page
        )
        async for keys in pages:
            facts, previous = await store.page_of(connection, state, account.number, keys)
            restate(facts, previous, books, done, self.zone, kept)
            if not choice.dry_run:
                await store.append(connection, books.rows.entries)
            books.rows.entries.clear()
        totals(books, done)
        if books.years and not choice.dry_run:
            told = tell_years(books, {account.number: account})
            await write_years(connection, books.rows.years)
            why = (choice.by, choice.reason)
            await store.record(connection, account.number, done, closed, why, now)
            await self.poster.save(connection, [account], told, now)


def _transaction(connection: Connection, choice: Choice) -> AbstractAsyncContextManager[object]:
    if choice.dry_run:
        return connection.transaction(isolation="repeatable_read", readonly=True)
    return connection.transaction()


def _takes_closed(choice: Choice, closed: Collection[int]) -> bool:
    """A dry run of a named closed year shows what opening it would change."""
    return choice.reopened or (choice.dry_run and choice.year in closed)


async def _refuse_closed(connection: Connection, choice: Choice) -> None:
    if choice.reopened and not choice.reason and not choice.dry_run:
        raise YearError("expected a reason to restate closed years")
    if choice.reopened or choice.dry_run:
        return
    if choice.year in await closing.closed_years(connection):
        raise YearError(
            f"{choice.year} is closed; expected --reopen with a --reason to restate it "
            "(it stays closed afterwards)"
        )
