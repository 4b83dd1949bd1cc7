"""Ledger entries: append-only, corrected by reversing what no longer holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from services.agri.domain.lines import Line
from services.agri.domain.records import Reference


@dataclass(slots=True, frozen=True)
class Entry:
    """Line `number` of an event in its account. `cause` is the event that made us post it."""

    account: int
    key: bytes
    number: int
    line: Line
    reverses: int | None
    cause: bytes
    sequence: int

    @property
    def reference(self) -> Reference:
        return (self.account, self.key)

    @property
    def year(self) -> int:
        return self.line.month.year


def live(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that nothing has reversed, in the order of their numbers."""
    ordered = sorted(entries, key=lambda entry: (entry.account, entry.key, entry.number))
    gone = {(*e.reference, e.reverses) for e in ordered if e.reverses is not None}
    return [e for e in ordered if e.reverses is None and (*e.reference, e.number) not in gone]


def corrections(
    reference: Reference,
    posted: Sequence[Entry],
    wanted: Sequence[Line],
    *,
    cause: bytes,
    sequence: int,
) -> list[Entry]:
    """The entries to append so that an event's live lines become the wanted ones."""
    standing = live(posted)
    kept = [entry for entry in standing if entry.line in wanted]
    held = [entry.line for entry in kept]
    reversed_lines = [
        (replace(e.line, amount=-e.line.amount, quantity=-e.line.quantity), e.number)
        for e in standing
        if e not in kept
    ]
    new_lines = [(line, None) for line in wanted if line not in held]
    first = max((entry.number for entry in posted), default=0) + 1
    return [
        Entry(*reference, first + n, line, reverses, cause, sequence)
        for n, (line, reverses) in enumerate([*reversed_lines, *new_lines])
    ]
