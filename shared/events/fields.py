"""The fields of event data by what they hold, so that work is prepared once per type."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin


def kinds(hint: Any) -> set[Any]:
    """The types that a field may hold; the words of a closed list are texts."""
    if get_origin(hint) in (Union, UnionType):
        return set().union(*(kinds(part) for part in get_args(hint)))
    return {str} if get_origin(hint) is Literal else {hint}


def values_reader(attributes: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads these attributes of an object, always as a tuple."""
    if len(attributes) > 1:
        return attrgetter(*attributes)
    return lambda read: tuple(getattr(read, attribute) for attribute in attributes)
