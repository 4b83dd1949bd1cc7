"""Readers of fields: closures that take a row's values and give what the event says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from tanzhang.importers.cells import (
    CellError,
    NoValue,
    Value,
    day_of,
    decimal_of,
    moment_of,
    plain_text,
    quoted,
    text_of,
    whole_of,
)
from tanzhang.importers.event_fields import EventField
from tanzhang.importers.mapping import Field, When
from tanzhang.importers.tables import Table

Values = Sequence[Value]
Read = Callable[[Values], Any]
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Columns:
    """The table's columns, and what its dates are counted from and are local to."""

    table: Table
    zone: ZoneInfo

    def place(self, name: str) -> int:
        return self.table.columns[plain_text(name)]

    def texts(
        self, names: Sequence[str], read: Callable[[Value], str] = text_of
    ) -> Callable[[Values], list[str]]:
        """The texts of some columns; CellError for a cell that has none."""
        places = [self.place(name) for name in names]
        return lambda values: [read(values[place]) for place in places]


def field_reader(columns: Columns, field: Field, wanted: EventField) -> Read:
    """What reads a field of `data`: None when it is blank and may be."""
    source, convert = _source(columns, field), _converter(columns, field, wanted)

    def read(values: Values) -> Any:
        value = source(values)
        if value is None or (isinstance(value, str) and not value.strip()):
            if wanted.required:
                raise CellError("expected a value, the cell is blank")
            return None
        return convert(value)

    return read


def time_reader(columns: Columns, field: Field) -> Read:
    """What reads an instant; without an offset it is of the zone."""
    source = _source(columns, field)
    at = time.fromisoformat(field.at) if field.at is not None else time()
    first_day = _first_day(columns)

    def read(values: Values) -> datetime:
        value = source(values)
        found = moment_of(value, field, first_day) if first_day else moment_of(value, field)
        if found.tzinfo is not None:
            return found
        if found.time() == time():
            found = datetime.combine(found, at)
        return _of_zone(found, columns.zone)

    return read


def condition(columns: Columns, when: When) -> Callable[[Values], bool]:
    """Whether each column holds its text or one of its texts.

    CellError where that is for a cell to say which has no value of its own.
    """
    tests = [
        (
            columns.place(name),
            {plain_text(t) for t in ((texts,) if isinstance(texts, str) else texts)},
        )
        for name, texts in when.items()
    ]

    def holds(values: Values) -> bool:
        open_: CellError | None = None
        for place, texts in tests:
            try:
                if text_of(values[place]) not in texts:
                    return False
            except CellError as error:
                open_ = error
        if open_ is not None:
            raise open_
        return True

    return holds


def _source(columns: Columns, field: Field) -> Callable[[Values], Value]:
    if field.constant is not None:
        constant = field.constant
        return lambda _: constant
    if field.cases:
        return _of_cases(columns, field)
    if field.column is not None:
        place, present = columns.place(field.column), unless_blank(field)
        if field.codes:
            return _decoded(field, lambda values: text_of(present(values[place])))
        return lambda values: present(values[place])
    texts = columns.texts(field.columns, unless_blank(field, text_of))
    joined = lambda values: " ".join(text for text in texts(values) if text)  # noqa: E731
    return _decoded(field, joined) if field.codes else joined


def _present(value: Value) -> Value:
    if isinstance(value, NoValue):
        raise CellError(value.why)
    return value


def unless_blank(field: Field, read: Callable[[Value], Any] = _present) -> Callable[[Value], Any]:
    """Reads a cell; one that holds a text of `blank` is as one that holds nothing."""
    blanks = {plain_text(text) for text in field.blank}
    if not blanks:
        return read
    return lambda value: read(None if text_of(value) in blanks else value)


def _of_cases(columns: Columns, field: Field) -> Callable[[Values], Value]:
    cases = [(condition(columns, case.when), case.word) for case in field.cases]
    names = list(dict.fromkeys(name for case in field.cases for name in case.when))
    places = [columns.place(name) for name in names]

    def read(values: Values) -> Value:
        for fits, word in cases:
            if fits(values):
                return word
        if field.otherwise is not None:
            return field.otherwise
        shown = (f"{n} {quoted(text_of(values[p]))}" for n, p in zip(names, places, strict=True))
        raise CellError(f"expected a case that fits; there is none for {', '.join(shown)}")

    return read


def _decoded(field: Field, read: Callable[[Values], str]) -> Callable[[Values], Value]:
    words = {plain_text(code): word for code, word in field.codes.items()}
    listed = ", ".join(repr(code) for code in list(words)[:_LISTED])
    listed += " ..." if len(words) > _LISTED else ""

    def decode(values: Values) -> Value:
        text = read(values)
        word = words.get(text, field.otherwise)
        if word is None and text:
            raise CellError(f"expected one of the codes {listed}; got {quoted(text)}")
        return word

    return decode


def _converter(columns: Columns, field: Field, wanted: EventField) -> Callable[[Value], Any]:
    first_day = _first_day(columns)

    def word(value: Value) -> str:
        text = text_of(value)
        if text not in wanted.words:
            listed = ", ".join(wanted.words)
            raise CellError(f"expected {listed}, or a code that stands for one; got {quoted(text)}")
        return text

    def day(value: Value) -> str:
        found = day_of(value, field, first_day) if first_day else day_of(value, field)
        return found.isoformat()

    by_kind: dict[str, Callable[[Value], Any]] = {
        "text": text_of,
        "word": word,
        "flag": lambda value: word(value) == "true",
        "number": lambda value: decimal_of(value, field),
        "whole": lambda value: whole_of(value, field),
        "day": day,
    }
    return by_kind[wanted.kind]


def _first_day(columns: Columns) -> datetime | None:
    return columns.table.first_day


def _of_zone(at: datetime, zone: ZoneInfo) -> datetime:
    """A local time as an instant; of two equal ones the first."""
    found = at.replace(tzinfo=zone)
    if found.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at:
        raise CellError(f"{at} does not exist in {zone.key}: clocks go forward over it")
    return found
