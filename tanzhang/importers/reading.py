"""What every importer yields: meter readings with the line they came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.events.words import MeterKind, Quality
from tanzhang.cloudevents import CloudEvent, cloud_event

READING_TYPE = "cn.tanzhang.meter.reading.v1"
DEFAULT_SOURCE = "import"
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """`value` in `unit`: what [start, end) took (interval) or the counter at `end` (register).

    `id` is derived from the meter and the time, so that a second import is a duplicate.
    Instants are in UTC; `line` is where the reading stands in its file, from 1.
    """

    id: str
    meter_id: str
    kind: MeterKind
    start: datetime | None
    end: datetime
    value: Decimal
    unit: str
    line: int
    quality: Quality = "actual"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one line; `field` is a column or an element."""

    line: int | None
    field: str
    detail: str

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line is not None else ""
        return f"{place}{self.field}: {self.detail}"


class ImportRefusedError(Exception):
    """The file is refused whole: nothing of it has been posted."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        shown = [str(fault) for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            shown.append(f"and {len(self.faults) - _SHOWN} more")
        super().__init__("\n".join(shown))


@dataclass(frozen=True, slots=True)
class Imported:
    """A file's readings in file order, what was left out and why, and how many repeats fell away."""

    readings: tuple[Reading, ...]
    skipped: tuple[Fault, ...] = ()
    repeated: int = 0


def reading_event(reading: Reading, *, enterprise: str, source: str = DEFAULT_SOURCE) -> CloudEvent:
    """The CloudEvent of a reading. Its time is the reading's end, the same at every import."""
    return cloud_event(
        READING_TYPE,
        source=source,
        id=reading.id,
        subject=enterprise,
        time=reading.end,
        data={
            "meter_id": reading.meter_id,
            "kind": reading.kind,
            "start": reading.start,
            "end": reading.end,
            "value": reading.value,
            "unit": reading.unit,
            "quality": reading.quality,
        },
    )


def without_repeats(readings: Sequence[Reading]) -> Imported:
    """Equal readings of one id fall together; different ones refuse the file, naming both lines."""
    first: dict[str, Reading] = {}
    faults: list[Fault] = []
    for reading in readings:
        known = first.setdefault(reading.id, reading)
        if (known.value, known.unit, known.quality) != (
            reading.value,
            reading.unit,
            reading.quality,
        ):
            faults.append(_conflict(known, reading))
    if faults:
        raise ImportRefusedError(faults)
    return Imported(tuple(first.values()), repeated=len(readings) - len(first))


def _conflict(known: Reading, reading: Reading) -> Fault:
    return Fault(
        reading.line,
        "value",
        f"{reading.value} for the time to {reading.end.isoformat()} of meter {reading.meter_id}, "
        f"but line {known.line} says {known.value}",
    )
