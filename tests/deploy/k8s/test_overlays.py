"""What each overlay promises: production loses nothing with one machine, local is small."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from deploy.k8s import __main__ as alerts
from shared.settings import DOMAIN_SERVICES, SERVICES
from tests.deploy.k8s import kustomize, safety
from tests.deploy.k8s.objects import named, names, of_kind, processes
from tests.deploy.k8s.test_network import QUESTIONS
from tests.deploy.seeing.prometheus import programs

ROOT = Path(__file__).parents[3]
# Of shared.service_app and shared.webhooks.app; then the operator's, the auditor's, a person's.
CONNECTIONS = 8
POOL_SIZES = {"webhooks": 16}
RESERVED = 20


def test_a_lost_broker_loses_no_record(production: list[dict]) -> None:
    (kafka,) = of_kind(production, "Kafka")
    (nodes,) = of_kind(production, "KafkaNodePool")
    config = kafka["spec"]["kafka"]["config"]
    assert nodes["spec"]["replicas"] == 3
    assert (config["default.replication.factor"], config["min.insync.replicas"]) == (3, 2)
    assert config["offsets.topic.replication.factor"] == 3
    assert kafka["spec"]["kafka"]["rack"]["topologyKey"] == "topology.kubernetes.io/zone"
    assert all(not v["deleteClaim"] for v in nodes["spec"]["storage"]["volumes"])


def test_no_two_brokers_share_a_zone(production: list[dict]) -> None:
    """With a rack alone Strimzi prefers that, and takes what it finds."""
    (kafka,) = of_kind(production, "Kafka")
    pod = kafka["spec"]["kafka"]["template"]["pod"]
    (spread,) = pod["topologySpreadConstraints"]
    assert (spread["whenUnsatisfiable"], spread["maxSkew"]) == ("DoNotSchedule", 1)
    assert spread["topologyKey"] == kafka["spec"]["kafka"]["rack"]["topologyKey"]
    assert spread["labelSelector"] == {"matchLabels": {"strimzi.io/name": "tanzhang-kafka"}}
    assert pod["securityContext"]["runAsNonRoot"]


def test_kafka_lets_nobody_in_without_a_name(objects: list[dict]) -> None:
    (kafka,) = of_kind(objects, "Kafka")
    assert kafka["spec"]["kafka"]["authorization"] == {"type": "simple"}
    for listener in kafka["spec"]["kafka"]["listeners"]:
        assert listener["tls"]
        assert listener["authentication"] == {"type": "scram-sha-512"}
        assert listener["networkPolicyPeers"]


def test_finance_platforms_only_read(production: list[dict]) -> None:
    acls = named(production, "KafkaUser", "finance")["spec"]["authorization"]["acls"]
    topics = {a["resource"]["name"] for a in acls if a["resource"]["type"] == "topic"}
    assert topics == {"label-changes", "point-credits"}
    assert {operation for acl in acls for operation in acl["operations"]} == {"Read", "Describe"}


def test_a_lost_instance_loses_no_entry(production: list[dict]) -> None:
    for service in DOMAIN_SERVICES:
        spec = named(production, "Cluster", f"{service}-db")["spec"]
        assert spec["instances"] == 3
        assert spec["postgresql"]["synchronous"]["dataDurability"] == "required"
        assert spec["affinity"]["podAntiAffinityType"] == "required"
        assert spec["bootstrap"]["initdb"] == {"database": service, "owner": service}
        assert spec["imageCatalogRef"]["major"] == 18


def test_every_database_is_backed_up_at_its_own_time(production: list[dict]) -> None:
    backups = [backup["spec"] for backup in of_kind(production, "ScheduledBackup")]
    assert {each["cluster"]["name"] for each in backups} == names(production, "Cluster")
    assert len({each["schedule"] for each in backups}) == len(backups)
    assert all(each["immediate"] for each in backups)
    plugins = {each["pluginConfiguration"]["name"] for each in backups}
    for cluster in of_kind(production, "Cluster"):
        (plugin,) = cluster["spec"]["plugins"]
        assert plugin["isWALArchiver"]
        assert {plugin["name"]} == plugins


def test_a_database_takes_all_connections_of_its_processes(production: list[dict]) -> None:
    """Also during an upgrade: pods that end don't count for Kubernetes, and may take their grace."""
    most = {
        found["spec"]["scaleTargetRef"]["name"]: found["spec"].get("maxReplicas")
        or found["spec"]["maxReplicaCount"]
        for found in of_kind(production, "HorizontalPodAutoscaler", "ScaledObject")
    }
    for service in DOMAIN_SERVICES:
        own = [p for p in processes(production) if p.service == service]
        needed = sum(
            2 * most.get(p.name, 2) * POOL_SIZES.get(p.component, CONNECTIONS) for p in own
        )
        parameters = named(production, "Cluster", f"{service}-db")["spec"]["postgresql"][
            "parameters"
        ]
        assert needed + RESERVED < int(parameters["max_connections"])


def test_our_pods_run_as_the_user_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert f"\nUSER {safety.USER}:{safety.USER}\n" in dockerfile
    assert '\nENTRYPOINT ["tanzhang"]\n' in dockerfile


def test_production_runs_an_image_by_its_digest(production: list[dict]) -> None:
    for process in processes(production):
        assert re.fullmatch(r"tanzhang@sha256:[0-9a-f]{64}", process.container["image"])


def test_production_holds_no_secret(production: list[dict]) -> None:
    assert of_kind(production, "Secret") == []


def test_local_needs_no_more_than_two_operators(local: list[dict]) -> None:
    groups = {each["apiVersion"].rpartition("/")[0] for each in local}
    with_operators = {group for group in groups if "." in group and not group.endswith("k8s.io")}
    assert with_operators == {"kafka.strimzi.io", "postgresql.cnpg.io"}


def test_local_has_one_of_each(local: list[dict]) -> None:
    assert {each["spec"].get("replicas", 1) for each in of_kind(local, "Deployment")} == {1}
    assert {each["spec"]["instances"] for each in of_kind(local, "Cluster")} == {1}
    assert {each["spec"]["replicas"] for each in of_kind(local, "KafkaNodePool")} == {1}


def test_local_secrets_are_made_by_one_command(tmp_path: Path) -> None:
    tree = tmp_path / "deploy"
    kustomize.copy_tree(tree)
    here = tree / "k8s" / "overlays" / "local"
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    for _ in range(2):  # what exists is kept
        subprocess.run(["sh", here / "secrets.sh"], env={"PATH": path}, check=True)
        made = list(yaml.safe_load_all(kustomize.build(here)))
    (keys,) = (s for s in of_kind(made, "Secret") if s["metadata"]["name"].startswith("keys-"))
    assert {*keys["data"]} == {"jwks.json", "erasure-key", "webhook-key", "service-token"}
    assert min(len(value) for value in keys["data"].values()) > 40
    assert named(made, "Secret", "audit-db")["type"] == "kubernetes.io/basic-auth"


def test_the_examples_name_what_the_script_makes() -> None:
    here = ROOT / "deploy/k8s/overlays/local"
    script = (here / "secrets.sh").read_text(encoding="utf-8")
    for example in here.glob("*.example"):
        lines = example.read_text(encoding="utf-8").splitlines()
        for name in (line.partition("=")[0] for line in lines if not line.startswith("#")):
            assert f"\n{name}=" in script


def test_the_alert_rules_are_those_of_prometheus(production: list[dict]) -> None:
    assert alerts.WRITTEN.read_text("utf-8") == alerts.rule(alerts.RULES.read_text("utf-8")), (
        "run python -m deploy.k8s"
    )
    rule = named(production, "PrometheusRule", "tanzhang")
    assert rule["spec"] == yaml.safe_load(alerts.RULES.read_text("utf-8"))
    assert rule["spec"]["groups"]


def test_the_alerts_of_production_fire_when_they_should(
    production: list[dict], tmp_path: Path
) -> None:
    rules = named(production, "PrometheusRule", "tanzhang-storage")["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    tests = Path(__file__).with_name("alerts_test.yaml").read_text("utf-8")
    (tmp_path / "test.yaml").write_text(tests, encoding="utf-8")
    ran = subprocess.run(
        [programs().promtool, "test", "rules", "test.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    readme = (ROOT / "deploy/k8s/README.md").read_text("utf-8")
    for rule in rules["groups"][0]["rules"]:
        assert rule["alert"] in tests
        assert rule["alert"] in readme


def test_every_dashboard_is_taken_along(objects: list[dict]) -> None:
    committed = {
        p.name: p.read_text("utf-8") for p in (ROOT / "deploy/grafana/dashboards").iterdir()
    }
    taken: dict[str, str] = {}
    for found in of_kind(objects, "ConfigMap"):
        if found["metadata"].get("labels", {}).get("grafana_dashboard") == "1":
            taken |= found["data"]
    assert taken == committed


def test_the_questions_are_those_of_the_code() -> None:
    """An address that a service uses and may not reach would time out in production only."""
    for service in SERVICES:
        code = "".join(p.read_text("utf-8") for p in (ROOT / "services" / service).rglob("*.py"))
        asked = set(re.findall(r"tanzhang_(\w+)_url", code))
        asked |= {"points"} if "consent import over_http" in code or "over_http(" in code else set()
        assert asked == set(QUESTIONS.get(service, ()))
