"""Every object passes its strict schema: a misspelt field would silently do nothing."""

from pathlib import Path

import pytest

from tests.deploy.k8s import kustomize, schemas
from tests.deploy.k8s.objects import named, title

pytestmark = schemas.needed


def test_every_object_passes_its_schema(objects: list[dict]) -> None:
    found = [f"{title(o)} {mistake}" for o in objects for mistake in schemas.mistakes(o)]
    assert objects
    assert found == []


@pytest.mark.parametrize(
    ("kind", "name", "field"),
    [
        ("Deployment", "agri-worker", "replica"),
        ("ScaledObject", "agri-worker", "maxReplicas"),
        ("Kafka", "tanzhang", "listeners"),
        ("Cluster", "agri-db", "replicas"),
        ("ExternalSecret", "keys", "refresh"),
        ("ObjectStore", "backups", "retention"),
        ("NetworkPolicy", "deny", "policyType"),
    ],
)
def test_an_unknown_field_is_found(
    production: list[dict], kind: str, name: str, field: str
) -> None:
    broken = named(production, kind, name)
    broken["spec"][field] = 1
    assert any(field in mistake for mistake in schemas.mistakes(broken))


def test_a_kind_without_a_schema_is_found() -> None:
    (mistake,) = schemas.mistakes({"apiVersion": "v1", "kind": "Pebble", "metadata": {}})
    assert mistake.startswith("no schema")


def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    with pytest.raises(RuntimeError, match="missing\\.yaml"):
        kustomize.build(tmp_path)
