"""JSON Schema (2020-12) of every event type, and the files generated from the types.

`python -m shared.events.schema [FOLDER]` writes `asyncapi.yaml` and `schemas/<type>.json` to
FOLDER (default: docs). The same types give the same bytes.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from shared.events import asyncapi, diagnosis, meaning, validation
from shared.events.identifiers import ENTERPRISE_FORM, FARM_FORM, PERSONAL_FORM
from shared.events.types import INPUTS, TYPES, Data
from shared.units.quantity import UNITS

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NUMBER: Schema = {
    "anyOf": [
        {"type": "string", "pattern": diagnosis.NUMBER_PATTERN},
        {"type": "number"},
    ]
}
_DECIMAL: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
# What the door checks beyond types, by type and field.
_CHECKED: dict[str, dict[str, Schema]] = {
    "MeterReading": {"unit": {"enum": list(UNITS)}},
    "ProcessActivity": {"unit": {"enum": list(UNITS)}},
    "FarmRecord": {"unit": {"enum": list(meaning.FARM_UNITS)}},
    "Payment": {"currency": {"pattern": "^[A-Z]{3}$"}, "mcc": {"pattern": "^[0-9]{4}$"}},
}
_SUBJECT_FORMS = {
    "cn.tanzhang.meter.": ENTERPRISE_FORM,
    "cn.tanzhang.production.": ENTERPRISE_FORM,
    "cn.tanzhang.economic.": ENTERPRISE_FORM,
    "cn.tanzhang.process.": ENTERPRISE_FORM,
    "cn.tanzhang.industrial.": ENTERPRISE_FORM,
    "cn.tanzhang.farm.": FARM_FORM,
    "cn.tanzhang.agri.": FARM_FORM,
    "cn.tanzhang.payment.": PERSONAL_FORM,
    "cn.tanzhang.personal.": PERSONAL_FORM,
    "cn.tanzhang.points.": PERSONAL_FORM,
    "cn.tanzhang.label.": "<kind>:<account id>, kind industrial or agri",
}


def event_types() -> list[dict[str, str]]:
    """The input types, for whoever wants to send: type, topic, subject and description."""
    return [_listed(type, topic, data) for type, (topic, data) in INPUTS.items()]


@cache
def event_schema(type: str) -> Schema:
    """JSON Schema of an event in structured mode; KeyError when the type is unknown."""
    _, data = TYPES[type]
    definitions = _definitions(data, is_input=type in INPUTS)
    limits = {name: _text(validation.LIMITS[name]) for name in ("id", "source")}
    properties: Schema = {
        "specversion": {"const": "1.0"},
        **limits,
        "type": {"const": type},
        "subject": _text(validation.LIMITS["subject"]) | {"description": subject_form(type)},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string", "pattern": "^application/json"},
        "data": {"$ref": f"#/$defs/{data.__name__}"},
    }
    required = ["specversion", "id", "source", "type", "subject", "data"]
    return {
        "$schema": DIALECT,
        "$id": f"urn:tanzhang:schema:{type}",
        "title": type,
        "description": description(data),
        "type": "object",
        "properties": properties,
        "required": required if data.__name__ != "Payment" else [*required, "time"],
        "$defs": definitions,
    }


def description(data: type[Data]) -> str:
    return " ".join((data.__doc__ or "").split())


def subject_form(type: str) -> str:
    """What the subject of a type looks like, in words."""
    return next(form for prefix, form in _SUBJECT_FORMS.items() if type.startswith(prefix))


def files() -> dict[str, str]:
    """Every generated file by its path below the documentation folder."""
    schemas = {type: event_schema(type) for type in TYPES}
    forms = {type: subject_form(type) for type in TYPES}
    written = {f"schemas/{type}.json": _json(schema) for type, schema in schemas.items()}
    written["asyncapi.yaml"] = yaml.safe_dump(
        asyncapi.document(schemas, forms), sort_keys=False, allow_unicode=True, width=100
    )
    return written


def write(folder: Path) -> None:
    """Write the generated files below `folder`."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _listed(type: str, topic: str, data: type[Data]) -> dict[str, str]:
    return {
        "type": type,
        "topic": topic,
        "subject": subject_form(type),
        "description": description(data),
    }


def _text(limit: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": limit}


def _json(schema: Schema) -> str:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def _definitions(data: type[Data], *, is_input: bool) -> Schema:
    _, components = msgspec.json.schema_components([data], ref_template="#/$defs/{name}")
    definitions: Schema = {
        name: _with_decimals(components[name], _NUMBER if is_input else _DECIMAL)
        for name in sorted(components)
    }
    own: Schema = definitions[data.__name__]
    for name, checked in _CHECKED.get(data.__name__, {}).items():
        own["properties"][name] = _narrow(own["properties"][name], checked)
    if is_input:
        own["additionalProperties"] = False
    if data.__name__ == "FarmRecord":
        own["allOf"] = [_pathway(name) for name in meaning.PATHWAYS]
    return definitions


def _with_decimals(schema: Any, decimal: Schema) -> Any:
    if isinstance(schema, list):
        return [_with_decimals(part, decimal) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return decimal
    return {name: _with_decimals(part, decimal) for name, part in schema.items()}


def _narrow(schema: Schema, checked: Schema) -> Schema:
    """Add keywords to the text alternative of a field that may be null."""
    if "anyOf" not in schema:
        return schema | checked
    text, *others = schema["anyOf"]
    return schema | {"anyOf": [text | checked, *others]}


def _pathway(name: str) -> Schema:
    needed, _ = meaning.PATHWAYS[name]
    return {
        "if": {"properties": {"pathway": {"const": name}}, "required": ["pathway"]},
        "then": {"required": list(needed)},
    }


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
