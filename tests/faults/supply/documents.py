"""CloudEvents as documents, and the many ways to spell one."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

Document = dict[str, Any]
Registration = tuple[str, str, dict[str, Any]]

OFFSET = timezone(timedelta(hours=8))
# The fixed past year, and the year after it; nothing is reported later than `LAST_DAY`.
YEAR = 2025
FIRST_DAY, LAST_DAY = date(YEAR, 1, 1), date(YEAR + 1, 3, 31)
_INSTANTS = frozenset({"start", "end"})
_NUMBERS = frozenset(
    {"amount", "quantity", "value", "purity", "area_ha", "straw_kg_per_ha", "heads", "value_added"}
)


def document(
    type: str, source: str, id: str, subject: str, time: datetime, data: dict[str, Any]
) -> Document:
    """A structured CloudEvent; fields of `data` that are None are left out."""
    return {
        "specversion": "1.0",
        "type": type,
        "source": source,
        "id": id,
        "subject": subject,
        "time": time.isoformat(),
        "datacontenttype": "application/json",
        "data": {name: value for name, value in data.items() if value is not None},
    }


def raw(found: Document) -> bytes:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def respelled(found: Document, chance: Random) -> bytes:
    """Other bytes that say the same: order, spaces, zeros, offsets, an extension."""
    data = {name: _respelled(name, value, chance) for name, value in found["data"].items()}
    names = [*found, "traceparent"]
    chance.shuffle(names)
    other = found | {
        "data": dict(sorted(data.items(), reverse=chance.random() < 0.5)),
        "time": elsewhere(datetime.fromisoformat(found["time"]), chance).isoformat(),
        "traceparent": f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-01",
    }
    spaced = json.dumps({name: other[name] for name in names}, indent=chance.choice((None, 1)))
    return spaced.encode()


def elsewhere(at: datetime, chance: Random) -> datetime:
    """The same instant in some offset."""
    return at.astimezone(chance.choice((OFFSET, UTC, timezone(timedelta(hours=-7)))))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=OFFSET)


def month_starts(year: int) -> list[date]:
    """Thirteen firsts of months."""
    return [date(year + n // 12, n % 12 + 1, 1) for n in range(13)]


def day_text(day: date, chance: Random) -> str:
    """A date, now and then as a timestamp that is midnight in the city."""
    if chance.random() < 0.1:
        return elsewhere(midnight(day), chance).isoformat()
    return day.isoformat()


def decimal(chance: Random, least: float, most: float, places: int) -> str:
    return f"{chance.uniform(least, most):.{places}f}"


def changed(found: Document, fields: Iterable[str], chance: Random) -> Document:
    """The same identity with another figure in the first of these fields that it has."""
    name = next(name for name in fields if name in found["data"])
    other = Decimal(found["data"][name]) + 1 + chance.randrange(9)
    return found | {"data": found["data"] | {name: str(other)}}


def _respelled(name: str, value: Any, chance: Random) -> Any:
    if name in _NUMBERS and isinstance(value, str):
        return f"{value}0" if "." in value else f"{value}.0"
    if name in _INSTANTS and len(value) > len("2025-01-31"):
        return elsewhere(datetime.fromisoformat(value), chance).isoformat()
    return value
