"""A figure that is known beforehand, and what the services made of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Check:
    """One figure, as text: equal to the last digit or different."""

    name: str
    expected: str
    found: str

    @property
    def agrees(self) -> bool:
        return self.expected == self.found

    def __str__(self) -> str:
        return f"{self.name}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are shown in one line."""

    title: str
    checks: tuple[Check, ...]

    @property
    def agrees(self) -> bool:
        return all(check.agrees for check in self.checks)

    def differing(self) -> list[Check]:
        return [check for check in self.checks if not check.agrees]


def compared(name: str, expected: object, found: object) -> Check:
    """A check of what two sides say; None was not found at all."""
    return Check(name, _text(expected), _text(found))


def differing(groups: Sequence[Group]) -> Iterator[tuple[Group, Check]]:
    """All that is not as expected."""
    for group in groups:
        for check in group.differing():
            yield group, check


def _text(value: object) -> str:
    return NOTHING if value is None else str(value)
