"""Examples put together from those of the fields, so that each is true to its schema."""

from typing import Any

_MISSING = object()
_OF_FORMAT = {
    "date": "2026-05-31",
    "date-time": "2026-05-31T16:00:00Z",
    "decimal": "1.5",
    "uuid": "0b8f9a6e-6a3c-4d0e-9a51-3f1f0c2b7d11",
}


class NoExample(Exception):
    """A text without an example: the message says where."""


def example(node: dict[str, Any], components: dict[str, Any], where: str = "") -> Any:
    """An example of a schema; NoExample names the field that has none.

    All required fields are shown, of the others those that have an example of their own.
    """
    found = own(node)
    if found is not _MISSING:
        return found
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        return example(components[name], components, where or name)
    if branches := node.get("anyOf") or node.get("oneOf"):
        return example(_telling(branches), components, where)
    return _of_kind(node, components, where)


def own(node: dict[str, Any]) -> Any:
    """The example that a schema has itself."""
    if "examples" in node:
        return node["examples"][0]
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return node["enum"][0]
    return _OF_FORMAT.get(node.get("format", ""), _MISSING)


def _of_kind(node: dict[str, Any], components: dict[str, Any], where: str) -> Any:
    kinds = node.get("type")
    match kinds[0] if isinstance(kinds, list) else kinds:
        case "object":
            return _object(node, components, where)
        case "array":
            return [example(node["items"], components, f"{where}/0")] if node.get("items") else []
        case "integer" | "number":
            return max(node.get("minimum", 1), 1)
        case "boolean":
            return node.get("default", True)
        case "null":
            return None
    raise NoExample(f"{where}: expected examples of this {kinds or 'value'}")


def _object(node: dict[str, Any], components: dict[str, Any], where: str) -> dict[str, Any]:
    required = node.get("required", ())
    shown = {
        name: example(field, components, f"{where}/{name}")
        for name, field in node.get("properties", {}).items()
        if name in required or _shown(field)
    }
    if isinstance(node.get("additionalProperties"), dict):
        key = own(node.get("propertyNames", {}))
        if key is not _MISSING:
            shown[key] = example(node["additionalProperties"], components, f"{where}/{key}")
    return shown


def _shown(field: dict[str, Any]) -> bool:
    """Has an optional field an example of its own?"""
    return any("examples" in node for node in (field, *field.get("anyOf", ())))


def _telling(branches: list[dict[str, Any]]) -> dict[str, Any]:
    """The branch to show: not the null, if there is another."""
    return next((b for b in branches if b.get("type") != "null"), branches[0])
