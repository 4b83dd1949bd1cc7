"""The fields of the events that tables are mapped to, from the event types themselves."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_type_hints

import msgspec

from shared.events.diagnosis import literals
from shared.events.fields import kinds
from shared.events.types import Data, Day, FarmRecord, Payment

Kind = Literal["text", "word", "number", "whole", "day", "flag", "named"]
DATA: dict[str, tuple[str, type[Data]]] = {
    "payment": ("cn.tanzhang.payment.v1", Payment),
    "farm_record": ("cn.tanzhang.farm.record.v1", FarmRecord),
}
# Names another event, whose id is made from the same columns as that of a row.
_NAMING = ("reverses", "replaces")
FLAGS = ("true", "false")


@dataclass(frozen=True, slots=True)
class EventField:
    """`words` is the closed list of a word."""

    name: str
    kind: Kind
    required: bool
    words: tuple[str, ...] = ()


@cache
def event_fields(event: str) -> dict[str, EventField]:
    """The fields of `data` by name, in the order of the type."""
    _, data_type = DATA[event]
    hints = get_type_hints(data_type, include_extras=True)
    return {
        field.encode_name: _field(field, hints[field.name])
        for field in msgspec.structs.fields(data_type)
    }


def _field(field: msgspec.structs.FieldInfo, hint: Any) -> EventField:
    kind = _kind(field.encode_name, hint)
    words = FLAGS if kind == "flag" else literals(hint)
    return EventField(field.encode_name, kind, field.required, words)


def _kind(name: str, hint: Any) -> Kind:
    if name in _NAMING:
        return "named"
    if literals(hint):
        return "word"
    if hint is Day or Day in get_args(hint):
        return "day"
    by_type: dict[Any, Kind] = {Decimal: "number", int: "whole", bool: "flag", str: "text"}
    found = [item for item in kinds(hint) if item is not NoneType]
    return by_type[found[0]]
