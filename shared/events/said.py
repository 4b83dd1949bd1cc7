"""JSON as it was written, to find members that an object has twice.

The standard leaves open which of the two counts, and readers differ.
"""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Any

from shared.events.errors import MOST_ERRORS, FieldError, pointer
from shared.events.identifiers import personal_identifier

NAME_LENGTH_MAX = 64
_Pairs = list[tuple[str, Any]]
_Path = tuple[str | int, ...]


class _Noticed(Exception):
    """Some object has a member twice."""


class _Doubled(dict[str, Any]):
    """An object that has members more than once: those that `twice` names."""

    def __init__(self, pairs: _Pairs) -> None:
        super().__init__(pairs)
        self.twice = [name for name, times in Counter(n for n, _ in pairs).items() if times > 1]


def read(raw: bytes) -> Any:
    """The value, numbers as texts; ValueError when it is none, RecursionError when too deep."""
    return json.loads(raw, object_pairs_hook=_object, parse_float=str, parse_int=str)


def doubled(value: Any) -> list[FieldError]:
    """An error for each member that an object has more than once, in what `read` gave."""
    return list(islice(_errors(value), MOST_ERRORS))


def repeated(raw: bytes) -> list[FieldError]:
    """The same of what has not been read; raises as `read` does.

    Nearly always there is none, and nothing is kept to find that out: events may be large.
    """
    try:
        json.loads(raw, object_pairs_hook=_notice, parse_float=str, parse_int=str)
    except _Noticed:
        return doubled(read(raw))
    return []


def where(*path: str | int) -> str:
    """A pointer along names that were sent; it ends before one that must not be repeated."""
    shown = takewhile(lambda one: isinstance(one, int) or not personal_identifier(one), path)
    return pointer(*(one if isinstance(one, int) else one[:NAME_LENGTH_MAX] for one in shown))


def _notice(pairs: _Pairs) -> None:
    if len(pairs) > 1 and len(dict(pairs)) < len(pairs):
        raise _Noticed


def _object(pairs: _Pairs) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Doubled(pairs)


def _errors(value: Any) -> Iterator[FieldError]:
    waiting: list[tuple[_Path, Any]] = [((), value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, _Doubled):
            yield from (FieldError(where(*path, name), "is there twice") for name in one.twice)
        parts = one.items() if isinstance(one, dict) else enumerate(one)
        inner = [((*path, key), part) for key, part in parts if isinstance(part, dict | list)]
        waiting.extend(reversed(inner))
