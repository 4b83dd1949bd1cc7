"""Green Button (ESPI): meter readings of every usage point of an Atom feed.

Codes are those of the ESPI schema (NAESB REQ.21): UnitSymbolKind, AccumulationKind,
FlowDirectionKind and QualityOfReading.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, TypeVar

from shared.events.ids import derived_id
from shared.events.words import MeterKind, Quality
from tanzhang.importers.espi import Entry, RawReading, read_entries
from tanzhang.importers.reading import (
    Fault,
    Imported,
    ImportRefusedError,
    Reading,
    without_repeats,
)

# UnitSymbolKind -> our unit, and one of theirs in it. Exact by definition of the units:
# Btu (IT) 1055.05585262 J, US gallon 231 cubic inches, imperial gallon 4.54609 l.
UNITS: dict[int, tuple[str, Decimal]] = {
    3: ("kg", Decimal("0.001")),  # gram
    31: ("MJ", Decimal("0.000001")),  # joule
    42: ("m3", Decimal(1)),
    72: ("Wh", Decimal(1)),
    119: ("ft3", Decimal(1)),
    120: ("ft3", Decimal(1)),  # compensated
    128: ("m3", Decimal("0.003785411784")),  # US gallon
    130: ("m3", Decimal("0.00454609")),  # imperial gallon
    132: ("MJ", Decimal("0.00105505585262")),  # Btu
    134: ("m3", Decimal("0.001")),  # litre
    156: ("m3", Decimal("0.001")),  # litre, uncompensated
    157: ("m3", Decimal("0.001")),  # litre, compensated
    166: ("m3", Decimal(1)),  # uncompensated
    167: ("m3", Decimal(1)),  # compensated
    169: ("therm", Decimal(1)),
}
# AccumulationKind: 0 none and 4 deltaData are what an interval took; 1 bulkQuantity,
# 2 continuousCumulative and 3 cumulative are what the counter shows.
_ACCUMULATION: dict[int, MeterKind] = {
    0: "interval",
    4: "interval",
    1: "register",
    2: "register",
    3: "register",
}
# QualityOfReading: 7 edited by a person, 8 and 9 computed, 10 questionable, 12 projected,
# 15 adjusted for the weather. Everything else counts as measured.
_QUALITY: dict[int, Quality] = {
    7: "substituted",
    8: "estimated",
    9: "estimated",
    10: "estimated",
    12: "estimated",
    15: "estimated",
}
_REVERSE_FLOW = 19
_MAX_POWER = 12
_MAX_DIGITS = 18
_END_OF_TIME = 253_402_300_800  # the year 10000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Series:
    """One MeterReading of a usage point: how to read its values, and where they go."""

    path: str
    meter_id: str
    kind: MeterKind
    unit: str
    factor: Decimal
    blocks: Sequence[Entry]


def read_green_button(
    stream: IO[bytes], *, prefix: str = "meter", meters: Sequence[str] = ()
) -> Imported:
    """The readings of a feed, each series to its own meter.

    `meters` names the meters of the series in file order; without it they are
    `<prefix>-<n>` for the n-th usage point, `<prefix>-<n>-<k>` where a usage point has several
    series, with `-reverse` where energy flows back. Raises ImportRefusedError when anything in
    the file cannot be understood; then nothing of it may be posted.
    """
    series = _series(read_entries(stream), prefix, meters)
    faults: list[Fault] = []
    skipped: list[Fault] = []
    readings = [reading for one in series for reading in _readings(one, faults, skipped)]
    if faults:
        raise ImportRefusedError(faults)
    kept = without_repeats(readings)
    return Imported(kept.readings, tuple(skipped), kept.repeated)


def _series(entries: Sequence[Entry], prefix: str, meters: Sequence[str]) -> list[_Series]:
    types = {entry.itself: entry for entry in entries if entry.kind == "ReadingType"}
    blocks = _blocks_by_meter_reading(entries)
    filled = [e for e in entries if e.kind == "MeterReading" and blocks.get(e.itself)]
    if not filled:
        raise ImportRefusedError([Fault(None, "feed", "no MeterReading with interval readings")])
    type_of = {entry.itself: _reading_type(entry, types) for entry in filled}
    names = _meter_names(entries, filled, type_of, prefix)
    if meters:
        names = dict(zip(names, _given(meters, list(names.values())), strict=True))
    return [
        _as_series(type_of[entry.itself], entry.itself, names[entry.itself], blocks[entry.itself])
        for entry in filled
    ]


def _given(meters: Sequence[str], derived: Sequence[str]) -> Sequence[str]:
    if len(meters) != len(derived) or len(set(meters)) != len(meters):
        raise ImportRefusedError(
            [
                Fault(
                    None,
                    "--meter",
                    f"expected {len(derived)} different meters, one for each of "
                    f"{', '.join(derived) or 'no series'}; got {', '.join(meters)}",
                )
            ]
        )
    return meters


def _blocks_by_meter_reading(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    readings = [entry for entry in entries if entry.kind == "MeterReading"]
    blocks: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind == "IntervalBlock":
            owner = _owner(entry, readings)
            if owner is None:
                raise _unlinked(entry, "IntervalBlock", "MeterReading")
            blocks.setdefault(owner.itself, []).append(entry)
    return blocks


def _owner(entry: Entry, candidates: Iterable[Entry]) -> Entry | None:
    """Who links to the entry or to its collection, else whose path it lies under."""
    candidates = list(candidates)
    names = {name for name in (entry.itself, entry.up) if name}
    for candidate in candidates:
        if names & set(candidate.related) or entry.up == candidate.itself != "":
            return candidate
    under = [c for c in candidates if c.itself and entry.itself.startswith(f"{c.itself}/")]
    return max(under, key=lambda c: len(c.itself), default=None)


def _reading_type(entry: Entry, types: dict[str, Entry]) -> Entry:
    for href in entry.related:
        if href in types:
            return types[href]
    raise _unlinked(entry, "MeterReading", "ReadingType")


def _unlinked(entry: Entry, what: str, wanted: str) -> ImportRefusedError:
    detail = f"{entry.itself or what} is not linked to a {wanted}"
    return ImportRefusedError([Fault(entry.line, what, detail)])


def _meter_names(
    entries: Sequence[Entry], filled: Sequence[Entry], type_of: dict[str, Entry], prefix: str
) -> dict[str, str]:
    """Meter reading -> meter id, in file order."""
    points = [entry for entry in entries if entry.kind == "UsagePoint"]
    numbers = {point.itself: n for n, point in enumerate(points, 1)}
    owners: dict[str, list[str]] = {}
    for entry in filled:
        point = _owner(entry, points)
        if point is None:
            raise _unlinked(entry, "MeterReading", "UsagePoint")
        owners.setdefault(point.itself, []).append(entry.itself)
    names = {}
    for point_path, paths in owners.items():
        for k, path in enumerate(paths, 1):
            several = f"-{k}" if len(paths) > 1 else ""
            reverse = _integer(type_of[path], "flowDirection", 1) == _REVERSE_FLOW
            tail = "-reverse" if reverse else ""
            names[path] = f"{prefix}-{numbers[point_path]}{several}{tail}"
    return {entry.itself: names[entry.itself] for entry in filled}


def _as_series(kind: Entry, path: str, meter_id: str, blocks: Sequence[Entry]) -> _Series:
    unit, one = _known(kind, "uom", UNITS, None)
    power = _integer(kind, "powerOfTenMultiplier", 0)
    if abs(power) > _MAX_POWER:
        raise _bad(kind, "powerOfTenMultiplier", f"expected -12 to 12, got {power}")
    accumulation = _known(kind, "accumulationBehaviour", _ACCUMULATION, 4)
    return _Series(path, meter_id, accumulation, unit, one.scaleb(power), blocks)


def _known(entry: Entry, name: str, table: dict[int, T], missing: int | None) -> T:
    code = _integer(entry, name, missing)
    if code not in table:
        codes = ", ".join(map(str, sorted(table)))
        raise _bad(entry, name, f"unknown or not a quantity: {code}; expected one of {codes}")
    return table[code]


def _integer(entry: Entry, name: str, missing: int | None) -> int:
    text = entry.fields.get(name, "")
    if not text and missing is not None:
        return missing
    try:
        return _whole(text)
    except ValueError as error:
        raise _bad(entry, name, str(error)) from error


def _bad(entry: Entry, name: str, detail: str) -> ImportRefusedError:
    return ImportRefusedError([Fault(entry.line, name, f"{detail} (in {entry.itself})")])


def _readings(series: _Series, faults: list[Fault], skipped: list[Fault]) -> Iterator[Reading]:
    for raw in (raw for block in series.blocks for raw in block.readings):
        try:
            start, duration = _field(raw, "start", _whole), _field(raw, "duration", _length)
            value = _field(raw, "value", _number)
            if duration == 0 and series.kind == "interval":
                detail = f"{value} over an interval of zero length"
                skipped.append(Fault(raw.line, "duration", detail))
                continue
            yield _reading(series, raw, start, duration, value)
        except ImportRefusedError as refused:
            faults += refused.faults


def _field(raw: RawReading, name: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(raw.values.get(name, ""))
    except ValueError as error:
        raise ImportRefusedError([Fault(raw.line, name, str(error))]) from error


def _reading(
    series: _Series, raw: RawReading, start: int, duration: int, value: Decimal
) -> Reading:
    parts = (series.meter_id, series.path, str(start), str(duration))
    return Reading(
        id=derived_id("green-button", *parts),
        meter_id=series.meter_id,
        kind=series.kind,
        start=_instant(raw, start) if series.kind == "interval" else None,
        end=_instant(raw, start + duration),
        value=value * series.factor,
        unit=series.unit,
        line=raw.line,
        quality=_quality(raw),
    )


def _quality(raw: RawReading) -> Quality:
    code = _field(raw, "quality", _whole) if raw.values.get("quality") else 0
    return _QUALITY.get(code, "actual")


def _instant(raw: RawReading, epoch: int) -> datetime:
    if not 0 <= epoch < _END_OF_TIME:
        detail = f"expected an interval within 1970 to 9999, got {epoch} s"
        raise ImportRefusedError([Fault(raw.line, "start", detail)])
    return datetime.fromtimestamp(epoch, UTC)


def _length(text: str) -> int:
    seconds = _whole(text)
    if seconds < 0:
        raise ValueError(f"expected 0 or more seconds, got {seconds}")
    return seconds


def _whole(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(text)


def _number(text: str) -> Decimal:
    whole, _, places = text.removeprefix("-").partition(".")
    digits = whole + places
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise ValueError(f"expected a number, got {text!r}")
    return Decimal(text)
