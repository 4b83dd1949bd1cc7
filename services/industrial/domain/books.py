"""The books of a batch: posts and reverses lines, and sums the years that change."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from services.industrial.domain.entries import Entry, reversal, standing
from services.industrial.domain.facts import POSTED, Fact
from services.industrial.domain.postings import Posting
from services.industrial.domain.state import Rows, State
from services.industrial.domain.years import Year

# Takes the next output sequence of an account.
NextSequence = Callable[[int], int]


@dataclass(slots=True)
class OpenYear:
    """A year that a batch changes: the sequence of its new state, its sums, its total before."""

    sequence: int
    sums: Year
    total_before: int


@dataclass(slots=True)
class Books:
    """`years` are those that changed, by account and year."""

    state: State
    rows: Rows
    now: datetime
    next_sequence: NextSequence
    years: dict[tuple[int, int], OpenYear] = field(default_factory=dict)

    def post(self, posting: Posting, caused_by: Fact, cause: str | None = None) -> None:
        """Add the lines of a posting."""
        fact, lines = posting.fact, self.state.entries.setdefault(_key(posting.fact), [])
        cause = cause or (POSTED if caused_by is fact else "split")
        for n, piece in enumerate(posting.pieces):
            year = self._open(fact.account, piece.month.year)
            line = (len(lines), caused_by.key, cause, year.sequence, self.now)
            entry = entry_of(posting, n, *line)
            lines.append(entry)
            self.rows.entries.append(entry)
            year.sums.add(entry)

    def reverse(self, fact: Fact, caused_by: Fact, cause: str | None = None) -> None:
        """Take back what a fact has posted so far."""
        lines = self.state.entries[_key(fact)]
        cause = cause or ("split" if fact.state == POSTED else fact.state)
        for entry in standing(lines):
            year = self._open(entry.account, entry.month.year)
            back = reversal(entry, len(lines), caused_by.key, cause, year.sequence, self.now)
            lines.append(back)
            self.rows.entries.append(back)
            year.sums.add(back)

    def _open(self, account: int, number: int) -> OpenYear:
        found = self.years.get((account, number))
        if found is None:
            first, last = self.state.span
            assert first <= number <= last, f"year {number} was not loaded ({first} to {last})"
            sums = self.state.years.get((account, number)) or Year()
            found = OpenYear(self.next_sequence(account), sums, sums.total_mg)
            self.years[account, number] = found
        return found


def entry_of(
    posting: Posting,
    n: int,
    line: int,
    caused_by: bytes,
    cause: str,
    sequence: int,
    posted_at: datetime,
) -> Entry:
    """The line of the n-th month of a posting."""
    fact, piece = posting.fact, posting.pieces[n]
    rate = piece.rate
    return Entry(
        fact.account,
        fact.key,
        line,
        caused_by,
        piece.month,
        rate.category,
        posting.assets[n] if posting.assets else posting.asset_id,
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
        sequence,
        posted_at,
    )


def _key(fact: Fact) -> tuple[int, bytes]:
    return fact.account, fact.key
