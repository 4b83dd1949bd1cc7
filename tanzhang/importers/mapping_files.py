"""Reading mapping files: YAML in, a checked Mapping out; a fault names file, line and key."""

import re
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from shared.yaml_lines import YamlError, line_of, read_yaml
from tanzhang.importers.mapping import Field, Mapping, Part
from tanzhang.importers.mapping_checks import KeyFaultError, check

SHIPPED = Path(__file__).parent / "mappings"
_BYTES_MAX = 1 << 20
_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?", re.DOTALL)
_NAMED = re.compile(r"`([^`]+)`$")
_EXPECTED = re.compile(r"Expected `(?P<wanted>[^`]+)`(?:, got `(?P<got>[^`]+)`)?")
_YAML_WORDS = {"object": "keys and values", "array": "a list", "str": "text", "int": "a number"}
PartT = TypeVar("PartT", bound=Part)


class MappingError(Exception):
    """The mapping file cannot be used: "file:line: key: expected ..."."""


def shipped() -> list[str]:
    """The names of the mappings that come with the program."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def find_mapping(name: str) -> Path:
    """The file of a path, or of a shipped mapping's name; MappingError lists the names."""
    path = Path(name)
    if path.is_file():
        return path
    if name in shipped():
        return SHIPPED / f"{name}.yaml"
    raise MappingError(f"expected a mapping file, or one of {', '.join(shipped())}; got {name!r}")


def read_mapping(path: Path) -> Mapping:
    """The mapping of a file; MappingError for anything unreadable, unknown or contradictory."""
    tree, lines = _read(path)
    try:
        mapping = _mapping(tree)
        check(mapping)
    except KeyFaultError as fault:
        line = line_of(lines, fault.key)
        raise MappingError(f"{path.name}:{line}: {fault.key or 'file'}: {fault.detail}") from fault
    return mapping


def _mapping(tree: Any) -> Mapping:
    if not isinstance(tree, dict):
        raise KeyFaultError("", "expected keys and values, beginning with `event:`")
    fields = tree.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise KeyFaultError("fields", "expected the event's fields and where they come from")
    typed = {name: _field(f"fields.{name}", value) for name, value in fields.items()}
    given = {name: value for name, value in tree.items() if name not in ("fields", "time")}
    time = {"time": _field("time", tree["time"])} if "time" in tree else {}
    whole = _typed("", given | {"fields": {}}, Mapping)
    return msgspec.structs.replace(whole, fields=typed, **time)


def _field(key: str, value: Any) -> Field:
    """A field; a text alone is its column."""
    return _typed(key, {"column": value} if isinstance(value, str) else value, Field)


def _typed(key: str, value: Any, wanted: type[PartT]) -> PartT:
    try:
        return msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError as error:
        inner, detail = _explained(str(error), wanted)
        raise KeyFaultError(_joined(key, inner), detail) from error


def _explained(message: str, wanted: type[Part]) -> tuple[str, str]:
    """msgspec's sentence as (dotted key, what was expected)."""
    found = _MESSAGE.fullmatch(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    path = re.sub(r"\[(\d+)\]", r".\1", path).replace("[...]", "")
    named = _NAMED.search(what)
    if what.startswith("Object missing required field") and named:
        return _joined(path, named[1]), "expected a value, it is missing"
    if what.startswith("Object contains unknown field") and named:
        known = _type_at(wanted, path).__struct_fields__
        return _joined(path, named[1]), f"unknown key; expected one of {', '.join(known)}"
    if what.startswith("Invalid enum value"):
        words = ", ".join(_words_at(wanted, path))
        return path, f"expected one of {words}, got {what.removeprefix('Invalid enum value ')}"
    return path, _in_words(what)


def _in_words(what: str) -> str:
    found = _EXPECTED.match(what)
    if found is None:
        return what[:1].lower() + what[1:]
    wanted = [_YAML_WORDS.get(name, name) for name in found["wanted"].split(" | ")]
    named = " or ".join(name for name in wanted if name != "null")
    got = f", got {_YAML_WORDS.get(found['got'], found['got'])}" if found["got"] else ""
    return f"expected {named}{got}"


def _type_at(wanted: type[Part], path: str) -> type[msgspec.Struct]:
    """The struct at a dotted path below a struct."""
    found: type[msgspec.Struct] = wanted
    for step in path.split("."):
        if step and not step.isdigit():
            found = next(_structs(get_type_hints(found)[step]), found)
    return found


def _structs(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for part in get_args(hint):
        yield from _structs(part)


def _words_at(wanted: type[Part], path: str) -> list[str]:
    parent, _, name = path.rpartition(".")
    return list(_literals(get_type_hints(_type_at(wanted, parent))[name]))


def _literals(hint: Any) -> Any:
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    else:
        for part in get_args(hint):
            yield from _literals(part)


def _read(path: Path) -> tuple[Any, dict[str, int]]:
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise MappingError(f"{path.name}: expected a mapping file, it has more than 1 MiB")
        tree, lines = read_yaml(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MappingError(f"{path.name}: expected UTF-8, byte {error.start} is none") from error
    except YamlError as error:
        raise MappingError(f"{path.name}:{error}") from error
    except OSError as error:
        raise MappingError(f"{path.name}: cannot be read: {error}") from error
    if tree is None:
        raise MappingError(f"{path.name}:1: expected keys and values, the file is empty")
    return tree, lines


def _joined(key: str, inner: str) -> str:
    return ".".join(part for part in (key, inner.strip(".")) if part)
