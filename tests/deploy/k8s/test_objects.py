"""Objects and code agree, and objects among themselves; each check can fail."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.deploy.k8s import broker, running, safety, wiring
from tests.deploy.k8s.objects import named, of_kind

Check = Callable[[list[dict]], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    running.inventory,
    running.commands,
    running.ports,
    running.probes,
    running.variables,
    running.addresses,
    wiring.selectors,
    wiring.scaling,
    wiring.services,
    wiring.routes,
    wiring.references,
    wiring.own_secrets,
    wiring.monitors,
    safety.restrictions,
    safety.resources,
    safety.spread,
    safety.images,
    broker.topic_objects,
    broker.prefix,
    broker.rights,
    broker.scaled,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_nothing_is_wrong(check: Check, objects: list[dict]) -> None:
    assert list(check(objects)) == []


def put(kind: str, name: str, *path: Any, value: Any) -> Callable[[list[dict]], None]:
    """A change of one value of one object; `path` is below it."""

    def change(objects: list[dict]) -> None:
        place: Any = named(objects, kind, name)
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def remove(kind: str, name: str) -> Callable[[list[dict]], None]:
    def change(objects: list[dict]) -> None:
        objects.remove(named(objects, kind, name))

    return change


def settings(name: str, value: str) -> Callable[[list[dict]], None]:
    """A change of the settings that all processes share."""

    def change(objects: list[dict]) -> None:
        for found in of_kind(objects, "ConfigMap"):
            if found["metadata"]["name"].startswith("settings-"):
                found["data"][name] = value

    return change


POD = ("spec", "template", "spec")
BOX = (*POD, "containers", 0)
deployment = partial(put, "Deployment")

BROKEN: list[tuple[Check, Callable[[list[dict]], None], str]] = [
    (running.inventory, remove("Deployment", "points-webhooks"), "points-webhooks is missing"),
    (
        running.inventory,
        deployment("agri-api", *BOX, "args", value=["run", "agri", "--role", "all"]),
        "agri-api: runs",
    ),
    (
        running.commands,
        deployment("audit", *BOX, "args", value=["audit", "--each", "600"]),
        "No such option",
    ),
    (
        running.commands,
        deployment("agri-worker", *BOX, "args", value=["run", "farms"]),
        "'farms' is not one of",
    ),
    (
        running.commands,
        deployment("agri-worker", *BOX, "args", value=["start", "agri"]),
        "no such command: 'start'",
    ),
    (running.ports, deployment("agri-api", *BOX, "ports", 0, "containerPort", value=80), "8103"),
    (
        running.probes,
        deployment("agri-api", *BOX, "livenessProbe", "httpGet", "path", value="/health"),
        "/health",
    ),
    (
        running.probes,
        deployment("agri-worker", *POD, "terminationGracePeriodSeconds", value=30),
        "30 s of grace",
    ),
    (running.variables, settings("TANZHANG_TIMEZONE", "UTC"), "nobody reads TANZHANG_TIMEZONE"),
    (running.variables, settings("TANZHANG_PARTITIONS", "many"), "TANZHANG_PARTITIONS"),
    (running.variables, settings("TANZHANG_AUTH", "off"), "loopback"),
    (running.variables, deployment("personal-api", *BOX, "env", value=[]), "ERASURE_KEY"),
    (running.addresses, settings("TANZHANG_AGRI_URL", "http://agri-api:8104"), "no Service"),
    (running.addresses, settings("TANZHANG_AGRI_URL", "http://points-api:8106"), "another service"),
    (running.addresses, settings("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092"), "no listener"),
    (
        wiring.selectors,
        put("PodDisruptionBudget", "agri-api", "spec", "selector", "matchLabels", value={}),
        "PodDisruptionBudget agri-api selects",
    ),
    (
        wiring.scaling,
        put("ScaledObject", "agri-worker", "spec", "scaleTargetRef", "name", value="farms"),
        "farms, which is not there",
    ),
    (wiring.scaling, deployment("agri-api", "spec", "replicas", value=2), "another opinion"),
    (
        wiring.scaling,
        put(
            "HorizontalPodAutoscaler",
            "agri-api",
            *("spec", "metrics", 0, "resource", "target"),
            value={"type": "Utilization", "averageUtilization": 70},
        ),
        "HorizontalPodAutoscaler agri-api scales at",
    ),
    (wiring.services, put("Service", "agri-api", "spec", "ports", 0, "port", value=80), "reach"),
    (
        wiring.routes,
        put("HTTPRoute", "agri", "spec", "rules", 0, "matches", 0, "path", "value", value="/"),
        "shows /metrics",
    ),
    (
        wiring.routes,
        put("HTTPRoute", "agri", "spec", "rules", 0, "timeouts", value={"request": "30s"}),
        "waits 30s",
    ),
    (wiring.references, remove("ExternalSecret", "keys"), "nobody makes erasure-key"),
    (wiring.references, remove("KafkaUser", "agri-kafka"), "Secret agri-kafka"),
    (wiring.references, remove("ServiceAccount", "agri"), "no ServiceAccount agri"),
    (wiring.references, remove("ObjectStore", "backups"), "no store"),
    (
        wiring.own_secrets,
        deployment(
            "agri-api", *BOX, "env", 0, "valueFrom", "secretKeyRef", "name", value="points-db-app"
        ),
        "from points-db-app",
    ),
    (wiring.monitors, remove("ServiceMonitor", "tanzhang-apis"), "metrics are read of"),
    (
        wiring.monitors,
        put("PodMonitor", "tanzhang-processes", "spec", "jobLabel", value="name"),
        "the job is not tanzhang",
    ),
    (
        wiring.monitors,
        put(
            "ServiceMonitor",
            "tanzhang-apis",
            *("spec", "endpoints", 0, "honorLabels"),
            value=False,
        ),
        "'honorLabels': False",
    ),
    (
        safety.restrictions,
        deployment("agri-api", *BOX, "securityContext", "privileged", value=True),
        "privileged",
    ),
    (
        safety.restrictions,
        deployment("agri-api", *POD, "securityContext", "runAsUser", value=0),
        "may run as root",
    ),
    (safety.resources, deployment("agri-api", *BOX, "resources", "limits", value={}), "no limits"),
    (safety.spread, remove("PodDisruptionBudget", "agri-worker"), "no budget"),
    (
        safety.spread,
        put(
            "PodDisruptionBudget",
            "agri-worker",
            *("spec", "unhealthyPodEvictionPolicy"),
            value="IfHealthyBudget",
        ),
        "agri-worker cannot be drained",
    ),
    (safety.images, deployment("agri-api", *BOX, "image", value="tanzhang:latest"), "latest"),
    (
        broker.topic_objects,
        put("KafkaTopic", "payments", "spec", "config", "retention.ms", value=1),
        "payments",
    ),
    (broker.topic_objects, remove("KafkaTopic", "payments"), "payments is missing"),
    (broker.prefix, settings("TANZHANG_PARTITIONS", "6"), "not 12"),
    (
        broker.rights,
        put(
            "KafkaUser",
            "agri-kafka",
            *("spec", "authorization", "acls", 2, "operations"),
            value=["All"],
        ),
        "agri-kafka: too many",
    ),
    (
        broker.scaled,
        put("ScaledObject", "agri-worker", "spec", "maxReplicaCount", value=13),
        "2 to 13",
    ),
    (
        broker.scaled,
        deployment("agri-worker", "spec", "strategy", value={}),
        "more workers during an upgrade",
    ),
    (
        broker.scaled,
        put(
            "ScaledObject",
            "agri-worker",
            *("spec", "triggers", 0, "metadata"),
            value={"bootstrapServers": "k:9093", "consumerGroup": "agri", "topic": "farm-records"},
        ),
        "speaks the protocol of Kafka (1, 0, 0)",
    ),
    (
        broker.scaled,
        put(
            "ScaledObject",
            "agri-worker",
            *("spec", "triggers", 0, "metadata", "topic"),
            value="farms",
        ),
        "looks at",
    ),
]


@pytest.mark.parametrize(
    ("check", "change", "told"),
    BROKEN,
    ids=[f"{number}-{check.__name__}" for number, (check, _, _) in enumerate(BROKEN)],
)
def test_what_is_broken_is_found(
    production: list[dict], check: Check, change: Callable[[list[dict]], None], told: str
) -> None:
    change(production)
    assert any(told in problem for problem in check(production)), list(check(production))


def test_each_check_has_been_seen_to_fail() -> None:
    assert {check for check, _, _ in BROKEN} == set(CHECKS)
