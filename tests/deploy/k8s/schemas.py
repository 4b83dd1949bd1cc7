"""The schema of every object: those at hand, strict, and for two kinds our own of what we use."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parents[4] / "shared" / "data" / "schemas"
needed = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason="../shared/data/schemas is not there: Kubernetes and CRDs"
)
KUBERNETES = SCHEMAS / "kubernetes" / "v1.34.0-local-strict"
DEFINITIONS = "https://kubernetes.io/api/_definitions.json"


def _strict(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
KEY_OF_SECRET = _strict({"name": TEXT, "key": TEXT}, ("name", "key"))

# The CRDs of these two are not at hand: written down from their documentation, as far as we use them.
OWN: dict[tuple[str, str], dict[str, Any]] = {
    ("external-secrets.io/v1", "ExternalSecret"): _strict(
        {
            "refreshInterval": {"type": "string", "pattern": "^[0-9]+(s|m|h)$"},
            "secretStoreRef": _strict(
                {"kind": {"enum": ["SecretStore", "ClusterSecretStore"]}, "name": TEXT}, ("name",)
            ),
            "target": _strict(
                {
                    "name": TEXT,
                    "creationPolicy": {"enum": ["Owner", "Merge"]},
                    "template": _strict(
                        {"type": TEXT, "metadata": _strict({"labels": {"type": "object"}})}
                    ),
                }
            ),
            "data": {
                "type": "array",
                "items": _strict(
                    {
                        "secretKey": TEXT,
                        "remoteRef": _strict({"key": TEXT, "property": TEXT}, ("key",)),
                    },
                    ("secretKey", "remoteRef"),
                ),
            },
        },
        ("secretStoreRef", "target", "data"),
    ),
    ("barmancloud.cnpg.io/v1", "ObjectStore"): _strict(
        {
            "retentionPolicy": {"type": "string", "pattern": "^[1-9][0-9]*[dwm]$"},
            "configuration": _strict(
                {
                    "destinationPath": {"type": "string", "pattern": "^s3://"},
                    "endpointURL": TEXT,
                    "s3Credentials": _strict(
                        {"accessKeyId": KEY_OF_SECRET, "secretAccessKey": KEY_OF_SECRET}
                    ),
                    "wal": _strict({"compression": {"enum": ["gzip", "lz4", "snappy", "zstd"]}}),
                    "data": _strict({"compression": {"enum": ["bzip2", "gzip", "snappy"]}}),
                },
                ("destinationPath",),
            ),
        },
        ("configuration",),
    ),
}


def mistakes(found: dict[str, Any]) -> Iterator[str]:
    """What the object's schema refuses, with the place; a kind without a schema is a mistake too."""
    try:
        validator = _validator(found["apiVersion"], found["kind"])
    except FileNotFoundError as missing:
        yield f"no schema: {missing.filename}"
        return
    for error in validator.iter_errors(found):
        yield f"{error.json_path}: {error.message[:300]}"


@cache
def _validator(version: str, kind: str) -> jsonschema.Draft202012Validator:
    if own := OWN.get((version, kind)):
        return jsonschema.Draft202012Validator(_object(version, kind, own))
    return jsonschema.Draft202012Validator(
        json.loads(_file(version, kind).read_text(encoding="utf-8")), registry=_registry()
    )


def _object(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return _strict(
        {
            "apiVersion": {"const": version},
            "kind": {"const": kind},
            "metadata": {"type": "object"},
            "spec": spec,
        },
        ("apiVersion", "kind", "metadata", "spec"),
    )


def _file(version: str, kind: str) -> Path:
    """`apps/v1` Deployment is deployment-apps-v1.json; of a CRD `group/kind_version.json`."""
    group, _, number = version.rpartition("/")
    crd = SCHEMAS / "crds" / group / f"{kind.lower()}_{number}.json"
    if group and crd.parent.is_dir():
        return crd
    short = group.removesuffix(".k8s.io")
    return KUBERNETES / ("-".join(filter(None, (kind.lower(), short, number))) + ".json")


@cache
def _registry() -> Registry[Any]:
    definitions = json.loads((KUBERNETES / "_definitions.json").read_text(encoding="utf-8"))
    definitions.setdefault("$schema", "https://json-schema.org/draft/2020-12/schema")
    empty: Registry[Any] = Registry()
    filled: Registry[Any] = empty.with_resource(DEFINITIONS, Resource.from_contents(definitions))
    return filled
