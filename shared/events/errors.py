"""What is wrong with an event: a problem name, a sentence, and the fields it is about."""

from collections.abc import Iterable
from dataclasses import dataclass

# More wrong fields than these are not listed: what is sent may be made of nothing else.
MOST_ERRORS = 20


@dataclass(slots=True, frozen=True)
class FieldError:
    """`pointer` is a JSON pointer (RFC 6901) into the event, `detail` says what was expected."""

    pointer: str
    detail: str


class EventError(Exception):
    """An event that cannot be taken. The texts never repeat the value that was sent."""

    def __init__(self, name: str, detail: str, errors: Iterable[FieldError] = ()) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail
        self.errors = list(errors)


def pointer(*parts: str | int) -> str:
    """A JSON pointer, escaped as RFC 6901 asks: `/data/meter_id`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def refuse(name: str, where: str, detail: str) -> EventError:
    """The error of one field."""
    return EventError(name, f"{where} {detail}", [FieldError(where, detail)])
