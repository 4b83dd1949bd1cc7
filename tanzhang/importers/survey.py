"""A file read twice: first to check every row as the door will, then to make its events.

Between the two only counts are kept, and one byte for each line: files may be of any length.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from shared.events.envelope import Event, decode
from shared.events.errors import EventError, FieldError
from tanzhang.cloudevents import CloudEvent
from tanzhang.importers.identities import Again, Identities, identities
from tanzhang.importers.mapped_rows import (
    LeftOut,
    Mapped,
    Sender,
    mapper,
    place_of,
    wanted_columns,
)
from tanzhang.importers.mapping import Mapping
from tanzhang.importers.reading import Fault, ImportRefusedError
from tanzhang.importers.tables import Row, open_table

_KEPT = 1
_OFTEN = 1000
_CHANGED = ImportRefusedError(
    [Fault(None, "file", "has changed while it was read; import it again")]
)


class Source(NamedTuple):
    """A file, what its columns mean, and who posts it."""

    path: Path
    mapping: Mapping
    sender: Sender


@dataclass(slots=True)
class Survey:
    """What a file holds. `events` by what they are, `left_out` by reason; `faults` by column.

    `repeated` rows say again what an earlier one said. `example` is its first event; `kept` marks
    the lines whose events count. `state` tells the file from what may be made of it later.
    """

    rows: int = 0
    events: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    faulty: int = 0
    repeated: int = 0
    first: datetime | None = None
    last: datetime | None = None
    example: CloudEvent | None = None
    kept: bytearray = field(default_factory=bytearray, repr=False)
    state: tuple[int, int] = (0, 0)

    @property
    def count(self) -> int:
        """Events to be posted."""
        return self.events.total()

    def keep(self, line: int) -> None:
        self.kept.extend(bytes(line + 1 - len(self.kept)))
        self.kept[line] = _KEPT

    def span(self, at: datetime | None) -> None:
        if at is not None:
            self.first = at if self.first is None else min(self.first, at)
            self.last = at if self.last is None else max(self.last, at)


def survey(
    source: Source,
    *,
    now: datetime,
    describe: Callable[[Event], str],
    on_fault: Callable[[Fault], None],
    on_progress: Callable[[int], None] = lambda _: None,
) -> Survey:
    """Read the file to its end; each fault goes to `on_fault`, rows are grouped as `describe` says.

    `on_progress` is told the number of rows now and then. Raises ImportRefusedError when the file
    itself cannot be read with this mapping.
    """
    with identities() as seen:
        work = _Surveying(source, now, describe, on_fault, seen)
        work.found.state = _state(source.path)
        for row, mapped in _mapped(source):
            work.take(row, mapped)
            if work.found.rows % _OFTEN == 0:
                on_progress(work.found.rows)
        for again in seen.repeats():
            work.take_again(again)
    return work.found


@dataclass(slots=True)
class _Surveying:
    """A survey under way; `groups` numbers the kinds of events in the order of their coming."""

    source: Source
    now: datetime
    describe: Callable[[Event], str]
    on_fault: Callable[[Fault], None]
    seen: Identities
    found: Survey = field(default_factory=Survey)
    groups: dict[str, int] = field(default_factory=dict)

    def take(self, row: Row, mapped: Mapped) -> None:
        self.found.rows += 1
        if isinstance(mapped, LeftOut):
            self.found.left_out[mapped.reason] += 1
        elif isinstance(mapped, list):
            self._refuse(mapped)
        else:
            self._check(row.line, mapped)

    def take_again(self, again: Again) -> None:
        """A row whose id an earlier one has does not count."""
        self.found.kept[again.line] = 0
        self.found.events[list(self.groups)[again.group]] -= 1
        if again.same:
            self.found.repeated += 1
        else:
            self._refuse([_contradiction(self.source.mapping, again)])

    def _check(self, line: int, made: CloudEvent) -> None:
        """What the door would say of an event."""
        raw = msgspec.json.encode(made)
        try:
            event = decode(raw, strict=True, now=self.now)
        except EventError as error:
            errors = error.errors or [FieldError("", error.detail)]
            self._refuse([_fault(self.source.mapping, line, one) for one in errors])
            return
        group = self.describe(event)
        self.found.events[group] += 1
        self.found.keep(line)
        self.found.span(event.time)
        self.found.example = self.found.example or made
        self.seen.note(line, self.groups.setdefault(group, len(self.groups)), made["id"], raw)

    def _refuse(self, faults: list[Fault]) -> None:
        self.found.faulty += 1
        for fault in faults:
            self.found.faults[fault.field] += 1
            self.on_fault(fault)


def events(source: Source, found: Survey) -> Iterator[tuple[int, CloudEvent]]:
    """Line and event of every row that counts, read once more.

    Raises ImportRefusedError when the file is no longer the one that was surveyed.
    """
    if _state(source.path) != found.state:
        raise _CHANGED
    for row, mapped in _mapped(source):
        if row.line < len(found.kept) and found.kept[row.line] == _KEPT:
            if not isinstance(mapped, dict):
                raise _CHANGED
            yield row.line, mapped
    if _state(source.path) != found.state:
        raise _CHANGED


def _state(path: Path) -> tuple[int, int]:
    """Size and time of the last change."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _mapped(source: Source) -> Iterator[tuple[Row, Mapped]]:
    """Every row with what it is; a row that is none is its fault."""
    mapping = source.mapping
    with open_table(source.path, mapping.table, wanted_columns(mapping)) as table:
        read = mapper(mapping, table, source.sender)
        for row in table.rows:
            if isinstance(row, Fault):
                yield Row(row.line or 0, ()), [row]
            else:
                yield row, read(row)


def _fault(mapping: Mapping, line: int, error: FieldError) -> Fault:
    name = error.pointer.removeprefix("/data/").removeprefix("/")
    place = place_of(mapping, error.pointer)
    said = error.detail if place == name else f"{name} {error.detail}"
    return Fault(line, place or "row", said)


def _contradiction(mapping: Mapping, again: Again) -> Fault:
    detail = (
        f"expected another value, or the same row: line {again.first} has it with other content"
    )
    return Fault(again.line, "+".join(mapping.id), detail)
