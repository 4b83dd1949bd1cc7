"""The versions of one data file, chosen by date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from shared.methodology.reader import Document, MethodologyError

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True, eq=False)
class Editions:
    """All versions of a file, earliest first."""

    documents: Sequence[Document]

    def at(self, on: date) -> Document:
        """The version in force on a day; the newest begun one in a gap, the earliest before all."""
        begun = [item for item in self.documents if item.header.valid_from <= on]
        in_force = [item for item in begun if item.in_force(on)]
        return (in_force or begun or self.documents[:1])[-1]

    @property
    def latest(self) -> Document:
        """The newest version."""
        return self.documents[-1]


def require(rows: Mapping[str, ValueT], name: str, what: str) -> ValueT:
    """The row of a name; MethodologyError with the list of names when there is none."""
    try:
        return rows[name]
    except KeyError:
        raise MethodologyError(
            f"unknown {what} {name!r}; expected one of {', '.join(rows)}"
        ) from None
