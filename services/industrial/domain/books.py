"""The books of a batch: posts and reverses lines, and knows which years changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from services.industrial.domain.entries import Entry, balance_of, reversal, standing
from services.industrial.domain.facts import POSTED, Fact
from services.industrial.domain.postings import Posting
from services.industrial.domain.state import Rows, State

# Takes the next output sequence of an account.
NextSequence = Callable[[int], int]


@dataclass(slots=True)
class Books:
    """`years` maps each (account, year) that changed to the sequence of its new state."""

    state: State
    rows: Rows
    now: datetime
    next_sequence: NextSequence
    years: dict[tuple[int, int], int] = field(default_factory=dict)
    balances: dict[int, int] = field(default_factory=dict)

    def post(self, posting: Posting, caused_by: Fact) -> None:
        """Add the lines of a posting."""
        fact, lines = posting.fact, self.state.entries.setdefault(_key(posting.fact), [])
        cause = POSTED if caused_by is fact else "split"
        for piece in posting.pieces:
            rate = piece.rate
            entry = Entry(
                fact.account,
                fact.key,
                len(lines),
                caused_by.key,
                piece.month,
                rate.category,
                posting.asset_id,
                posting.meter_id,
                posting.activity,
                piece.quantity,
                posting.unit,
                rate.factor,
                rate.factor_id,
                rate.factor_set,
                rate.factor_version,
                rate.fallback,
                posting.quality,
                piece.amount_mg,
                None,
                cause,
                posting.rule,
                self._sequence(fact.account, piece.month.year),
                self.now,
            )
            lines.append(entry)
            self._book(entry)

    def reverse(self, fact: Fact, caused_by: Fact) -> None:
        """Take back what a fact has posted so far."""
        lines = self.state.entries[_key(fact)]
        cause = "split" if fact.state == POSTED else fact.state
        for entry in standing(lines):
            sequence = self._sequence(entry.account, entry.month.year)
            back = reversal(entry, len(lines), caused_by.key, cause, sequence, self.now)
            lines.append(back)
            self._book(back)

    def _book(self, entry: Entry) -> None:
        self.rows.entries.append(entry)
        self.rows.deltas.add(entry)
        amount = balance_of(entry)
        if amount:
            self.balances[entry.account] = self.balances.get(entry.account, 0) + amount

    def _sequence(self, account: int, year: int) -> int:
        found = self.years.get((account, year))
        if found is None:
            found = self.years[account, year] = self.next_sequence(account)
        return found


def _key(fact: Fact) -> tuple[int, bytes]:
    return fact.account, fact.key
