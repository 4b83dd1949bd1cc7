"""Reads one data file: YAML in, typed rows out; a fault names file, line and field.

Numbers stay text until they become exact Fractions or Decimals: no float is ever made.
Header fields `source`, `confidence`, `valid_from` and `valid_to` are the defaults of rows.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from shared.methodology.rows import Header, Row, exact
from shared.yaml_lines import YamlError, line_of, read_yaml

StructT = TypeVar("StructT", bound=msgspec.Struct)

_INHERITED = ("source", "confidence", "valid_from", "valid_to")
_FIELD = re.compile(r"`([^`]+)`$")
_PATH = re.compile(r"^(?P<text>.*) - at `\$\.?(?P<path>[^`]*)`$", re.DOTALL)


class MethodologyError(ValueError):
    """A data file is wrong ("file:line: field: expected ..."), or a word is not in its list."""


class MissingFigure(MethodologyError):
    """The word is known and the figure is not: what needs it is refused, never guessed."""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One version of one data file. `sections` maps section and row name to the typed row."""

    file: str
    header: Header
    sections: Mapping[str, Mapping[str, Row]]
    lines: Mapping[str, int]

    def in_force(self, on: date) -> bool:
        """True when `on` lies within the file's validity (its last day excluded)."""
        until = self.header.valid_to
        return self.header.valid_from <= on and (until is None or on < until)

    def fault(self, field: str, text: str) -> MethodologyError:
        """An error at a dotted field of this file."""
        return _fault(self.file, self.lines, "", field, text)


def read_document(path: Path, sections: Mapping[str, type[Row]]) -> Document:
    """Read a file whose sections hold rows of the given types.

    Raises MethodologyError for anything unreadable, missing, unknown or out of range.
    """
    tree, lines = _read(path)
    if not isinstance(tree, dict):
        raise MethodologyError(f"{path.name}:1: expected a mapping of header fields and sections")
    bodies = {name: tree.pop(name, None) for name in sections}
    header = _typed(path.name, lines, "", tree, Header)
    inherited = {name: tree[name] for name in _INHERITED if name in tree}
    typed = {
        name: dict(_rows(path.name, lines, name, bodies[name], row_type, inherited))
        for name, row_type in sections.items()
    }
    return Document(path.name, header, typed, lines)


def _read(path: Path) -> tuple[Any, dict[str, int]]:
    try:
        tree, lines = read_yaml(path.read_text(encoding="utf-8"))
    except YamlError as error:
        raise MethodologyError(f"{path.name}:{error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise MethodologyError(f"{path.name}:1: cannot be read: {error}") from error
    if tree is None:
        raise MethodologyError(f"{path.name}:1: expected a mapping, the file is empty")
    return tree, lines


def _rows(
    file: str,
    lines: Mapping[str, int],
    section: str,
    body: Any,
    row_type: type[Row],
    inherited: Mapping[str, Any],
) -> Iterator[tuple[str, Row]]:
    if not isinstance(body, dict) or not body:
        line = line_of(lines, section)
        raise MethodologyError(f"{file}:{line}: {section}: expected a mapping of rows")
    for name, fields in body.items():
        at = f"{section}.{name}"
        whole = {**inherited, **fields} if isinstance(fields, dict) else fields
        yield name, _typed(file, lines, at, whole, row_type)


def _typed(
    file: str, lines: Mapping[str, int], at: str, fields: Any, wanted: type[StructT]
) -> StructT:
    try:
        found = msgspec.convert(fields, wanted, strict=False, dec_hook=exact)
    except msgspec.ValidationError as error:
        field, text = _explain(str(error), wanted)
        raise _fault(file, lines, at, field, text) from error
    for name, value in msgspec.structs.asdict(found).items():
        if isinstance(value, Decimal) and not (value.is_finite() and value > 0):
            raise _fault(file, lines, at, name, f"expected a number above zero, got {value}")
    return found


def _fault(file: str, lines: Mapping[str, int], at: str, field: str, text: str) -> MethodologyError:
    full = ".".join(part for part in (at, field) if part)
    return MethodologyError(f"{file}:{line_of(lines, full)}: {full}: {text}")


def _explain(message: str, wanted: type[msgspec.Struct]) -> tuple[str, str]:
    """msgspec's message as (dotted field, what was expected)."""
    found = _PATH.match(message)
    text, path = (found["text"], found["path"]) if found else (message, "")
    path = re.sub(r"\[(\d+)\]", r".\1", path).replace("[...]", "")
    named = _FIELD.search(text)
    if text.startswith("Object missing required field") and named:
        return ".".join(
            part for part in (path, named[1]) if part
        ), "expected a value, it is missing"
    if text.startswith("Object contains unknown field") and named:
        return ".".join(part for part in (path, named[1]) if part), "unknown field"
    if text.startswith("Invalid enum value"):
        return path, f"expected one of {', '.join(_words(wanted, path))}, got {text[19:]}"
    return path, text[:1].lower() + text[1:]


def _words(wanted: type[msgspec.Struct], path: str) -> Iterator[str]:
    """The closed list of a field, from its type."""
    name = path.partition(".")[0]
    types = [item.type for item in msgspec.structs.fields(wanted) if item.encode_name == name]
    while types:
        kind = types.pop(0)
        if isinstance(kind, str):
            yield kind
        types[:0] = get_args(kind)
