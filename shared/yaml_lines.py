"""YAML as plain text, lists and dictionaries, with the line of every key, for errors that name it.

Every scalar stays as written: `01` and `no` are texts, not a number and a no.
"""

from collections.abc import Mapping
from typing import Any

import yaml

# Far deeper than any file of ours; the parser's stack bears no thousand.
_DEPTH_MAX = 32


class YamlError(ValueError):
    """What keeps a text from being keys and values: "line: what", "line: dotted.key: what"."""


class _Loader(yaml.BaseLoader):
    """Refuses references and depth as they come, before either costs anything."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        is_reference = self.check_event(yaml.AliasEvent)  # looks ahead to the current event
        line = _line(self.current_event.start_mark) if self.current_event is not None else 1
        if is_reference:
            raise YamlError(f"{line}: references (*) are not taken")
        if self._depth == _DEPTH_MAX:
            raise YamlError(f"{line}: expected at most {_DEPTH_MAX} levels, it goes deeper")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def read_yaml(text: str) -> tuple[Any, dict[str, int]]:
    """The text as str, list and dict, None when it is empty; the line of every dotted key.

    Raises YamlError for what is not YAML, and for references (*), which can make much of little.
    """
    lines: dict[str, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise YamlError(f"{_line(error.problem_mark)}: not YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        detail = f"not YAML: the character U+{error.character:04X} is not allowed"
        raise YamlError(f"{line}: {detail}") from error
    return (None if node is None else _plain(node, lines, "")), lines


def line_of(lines: Mapping[str, int], key: str) -> int:
    """The line of a dotted key, or of the nearest one above it that is in the text."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key, 1)


def _plain(node: yaml.Node, lines: dict[str, int], key: str) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, lines, f"{key}.{n}") for n, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return node.value
    found: dict[str, Any] = {}
    for name, value in node.value:
        line, at = _line(name.start_mark), f"{key}: " if key else ""
        if not isinstance(name, yaml.ScalarNode):
            raise YamlError(f"{line}: {at}expected a text before the colon")
        inner = f"{key}.{name.value}" if key else name.value
        if name.value in found:
            raise YamlError(f"{line}: {inner}: expected once, it is here twice")
        lines[inner] = line
        found[name.value] = _plain(value, lines, inner)
    return found


def _line(mark: Any) -> int:
    return mark.line + 1 if mark is not None else 1
