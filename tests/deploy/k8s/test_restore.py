"""The overlay `restore`: production, with the database of a service from its backups."""

import re

import pytest
import yaml

from shared.settings import DOMAIN_SERVICES
from tests.deploy.k8s import broker, kustomize, running, safety, schemas, wiring
from tests.deploy.k8s.objects import named, of_kind, processes
from tests.deploy.k8s.ways import open_ways, ours

CHECKS = (
    running.commands,
    running.ports,
    running.variables,
    running.addresses,
    wiring.references,
    wiring.own_secrets,
    safety.restrictions,
    safety.resources,
    safety.images,
    broker.prefix,
)


@pytest.fixture(scope="module", params=DOMAIN_SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory, service: str) -> list[dict]:
    """As the overlay says how it is used: with the service's name in it."""
    tree = tmp_path_factory.mktemp(service) / "deploy"
    kustomize.copy_tree(tree)
    overlay = tree / "k8s" / "overlays" / "restore"
    for file in overlay.glob("*.yaml"):
        text = file.read_text("utf-8")
        file.write_text(re.sub("points", service, text).replace("POINTS", service.upper()))
    return list(yaml.load_all(kustomize.build(overlay), yaml.CSafeLoader))


@schemas.needed
def test_every_object_passes_its_schema(restored: list[dict]) -> None:
    assert [m for o in restored for m in schemas.mistakes(o)] == []


def test_the_database_comes_from_its_backups(restored: list[dict], service: str) -> None:
    for found in of_kind(restored, "Cluster"):
        is_it = found["metadata"]["name"] == f"{service}-db"
        assert ("recovery" in found["spec"]["bootstrap"]) == is_it
    spec = named(restored, "Cluster", f"{service}-db")["spec"]
    assert spec["bootstrap"] == {
        "recovery": {"source": "before", "database": service, "owner": service}
    }
    (before,), (after,) = spec["externalClusters"], spec["plugins"]
    assert before["name"] == spec["bootstrap"]["recovery"]["source"]
    source, target = before["plugin"]["parameters"], after["parameters"]
    assert source == {"barmanObjectName": "backups", "serverName": f"{service}-db"}
    assert target["serverName"] != source["serverName"], "nothing is archived over its source"
    assert spec["instances"] == 3


def test_the_rebuild_is_a_process_like_the_others(restored: list[dict], service: str) -> None:
    found = [wrong for check in CHECKS for wrong in check(restored)]
    assert found == []
    (job,) = [process for process in processes(restored) if process.name == "rebuild"]
    assert job.arguments == ["rebuild", service]
    reached = {
        (to, port) for one, to, port in open_ways(restored, ours(restored)) if one == job.name
    }
    databases = {(f"{service}-db-{n}", 5432) for n in (1, 2)}
    assert reached == databases | {("kafka-0", 9093), ("kafka-1", 9093)}
