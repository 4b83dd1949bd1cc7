"""Meter readings from CSV files of any shape: which column means what is said by options."""

from collections.abc import Iterator, Sequence
from csv import Error as CsvError
from csv import reader as csv_reader
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Literal
from zoneinfo import ZoneInfo

from shared.events.ids import derived_id
from shared.events.words import MeterKind
from shared.units.calendar import CITY
from tanzhang.importers.reading import Fault, Imported, ImportRefusedError, Reading, without_repeats

_STEP_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SLASHED = {
    "ymd": ("%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"),
    "dmy": ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"),
    "mdy": ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S"),
}
_DAY = timedelta(days=1)
_MAX_EXPONENT = 20
_MAX_DIGITS = 28


@dataclass(frozen=True, slots=True)
class Columns:
    """How a file is to be read.

    `time_format` is a strptime format; without it ISO 8601 and Y/m/d H:M[:S] are understood,
    and d/m/Y or m/d/Y as `order` says. `step` is the length of an interval, `time_is` which end
    of it the time column names; whole days are days of the zone's calendar: one whose midnight the
    clocks skip begins when they go forward. `midnight_belongs` "next": a row at 00:00 carries the
    date of the day that it ends, so it is moved to the next day.
    """

    time: str
    value: str
    unit: str
    meter: str
    kind: MeterKind = "interval"
    step: timedelta | None = None
    time_is: Literal["end", "start"] = "end"
    time_format: str | None = None
    order: Literal["ymd", "dmy", "mdy"] = "ymd"
    zone: ZoneInfo = field(default=CITY)
    midnight_belongs: Literal["same", "next"] = "same"
    delimiter: str = ","
    encoding: str = "utf-8-sig"

    @property
    def by_day(self) -> bool:
        """Intervals are whole days."""
        return self.kind == "interval" and self.step is not None and not self.step % _DAY


def parse_step(text: str) -> timedelta:
    """ "15m", "1h", "30s", "1d" as a time span. ValueError otherwise."""
    number, unit = text[:-1], text[-1:]
    if unit not in _STEP_SECONDS or not (number.isascii() and number.isdigit()) or not int(number):
        raise ValueError(f"expected a length such as 15m, 1h or 1d, got {text!r}")
    return timedelta(seconds=int(number) * _STEP_SECONDS[unit])


def read_csv_file(path: Path, columns: Columns, *, skip_bad: bool = False) -> Imported:
    """The readings of a file; see `read_csv`. A byte-order mark is no part of the first column."""
    with path.open(encoding=columns.encoding, newline="") as stream:
        return read_csv(stream, columns, skip_bad=skip_bad)


def read_csv(stream: IO[str], columns: Columns, *, skip_bad: bool = False) -> Imported:
    """One reading per row, values exactly as written.

    Raises ImportRefusedError with every faulty line, unless `skip_bad` leaves those out and
    reports them. Equal repeated rows fall together; rows that contradict each other refuse the
    file.
    """
    if columns.kind == "interval" and columns.step is None:
        raise ImportRefusedError([Fault(None, "--step", "expected for intervals, such as 15m")])
    readings: list[Reading] = []
    faults: list[Fault] = []
    clock = _Clock(columns)
    for line, at, amount in _rows(stream, columns, faults):
        try:
            readings.append(_reading(columns, clock, line, at, amount))
        except _BadFieldError as error:
            faults.append(Fault(line, error.column, error.detail))
    if faults and not skip_bad:
        raise ImportRefusedError(faults)
    kept = without_repeats(readings)
    return Imported(kept.readings, tuple(faults), kept.repeated)


class _BadFieldError(Exception):
    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column, self.detail = column, detail


def _rows(stream: IO[str], columns: Columns, faults: list[Fault]) -> Iterator[tuple[int, str, str]]:
    """Line, time and value of every row that has both."""
    rows = csv_reader(stream, delimiter=columns.delimiter, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        at, amount = (_position(header, name) for name in (columns.time, columns.value))
        for row in rows:
            if len(row) == len(header):
                yield rows.line_num, row[at].strip(), row[amount].strip()
            elif row:
                detail = f"expected {len(header)} columns, got {len(row)}"
                faults.append(Fault(rows.line_num, "row", detail))
    except CsvError as error:
        raise ImportRefusedError([Fault(rows.line_num, "row", str(error))]) from error
    except UnicodeError as error:
        detail = f"not {columns.encoding}: {error} after line {rows.line_num}"
        raise ImportRefusedError([Fault(None, "--encoding", detail)]) from error


def _position(header: Sequence[str], name: str) -> int:
    if header.count(name) != 1:
        found = "is there more than once" if name in header else "is not there"
        detail = f"the column {found}; the header has {', '.join(header) or 'no columns'}"
        raise ImportRefusedError([Fault(1, name, detail)])
    return header.index(name)


class _Clock:
    """Times of a file on the clocks of its zone. Where those go back, the second of two equal times
    is later."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._twice: set[datetime] = set()
        slashed = _SLASHED["ymd"] + (_SLASHED[columns.order] if columns.order != "ymd" else ())
        self._formats = (columns.time_format,) if columns.time_format else slashed

    def local(self, text: str) -> datetime:
        """The time of a cell; ValueError says what was expected."""
        at = self._parse(text)
        if at.tzinfo is not None:
            return at.astimezone(self._columns.zone)
        if self._columns.midnight_belongs == "next" and at.time() == time():
            at += timedelta(days=1)
        return self._of_zone(at)

    def _parse(self, text: str) -> datetime:
        if self._columns.time_format is None:
            try:
                return datetime.fromisoformat(text)
            except ValueError:
                pass
        for layout in self._formats:
            try:
                return datetime.strptime(text, layout)
            except ValueError:
                continue
        wanted = self._columns.time_format or f"ISO 8601 or {' or '.join(self._formats)}"
        raise ValueError(f"expected a time like {wanted}, got {text!r}")

    def _of_zone(self, at: datetime) -> datetime:
        zone = self._columns.zone
        first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first
        if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at:
            if self._columns.by_day:
                return first
            raise ValueError(f"{at} does not exist in {zone.key}: clocks go forward over it")
        if at in self._twice:
            return second
        self._twice.add(at)
        return first


def _reading(columns: Columns, clock: _Clock, line: int, at: str, amount: str) -> Reading:
    try:
        value = _decimal(amount)
    except ValueError as error:
        raise _BadFieldError(columns.value, str(error)) from error
    try:
        start, end = _interval(columns, clock.local(at))
    except (ValueError, OverflowError) as error:
        raise _BadFieldError(columns.time, str(error)) from error
    return Reading(
        id=derived_id("csv", columns.meter, columns.kind, end.isoformat()),
        meter_id=columns.meter,
        kind=columns.kind,
        start=start,
        end=end,
        value=value,
        unit=columns.unit,
        line=line,
    )


def _interval(columns: Columns, at: datetime) -> tuple[datetime | None, datetime]:
    """In UTC; whole days are those of the zone's calendar: of 23 or 25 hours where its clocks
    change."""
    instant = at.astimezone(UTC)
    if columns.kind == "register" or columns.step is None:
        return None, instant
    by = columns.step if columns.time_is == "start" else -columns.step
    # Python adds to a time of a zone what its clocks show later.
    other = (at + by).astimezone(UTC) if columns.by_day else instant + by
    return min(instant, other), max(instant, other)


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text) if text.isascii() else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or "_" in text:
        raise ValueError(f"expected a decimal number, got {text!r}")
    if abs(value.adjusted()) > _MAX_EXPONENT or len(value.as_tuple().digits) > _MAX_DIGITS:
        raise ValueError(f"out of range: {text!r}")
    return value
