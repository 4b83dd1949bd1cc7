"""Looking things up in what kustomize built."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WORKLOADS = ("Deployment", "Job")


@dataclass(slots=True, frozen=True)
class Process:
    """A pod of ours: one container, and what the objects around it select it by."""

    name: str
    kind: str
    spec: dict[str, Any]
    labels: dict[str, str]

    @property
    def container(self) -> dict[str, Any]:
        containers: list[dict[str, Any]] = self.spec["containers"]
        (container,) = containers
        return container

    @property
    def arguments(self) -> list[str]:
        return list(self.container["args"])

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", ())}

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def service(self) -> str:
        return self.labels["app.kubernetes.io/name"]


def of_kind(objects: list[dict], *kinds: str) -> list[dict[str, Any]]:
    """The objects of these kinds; `Cluster` is the databases'."""
    return [found for found in objects if found["kind"] in kinds]


def named(objects: list[dict], kind: str, name: str) -> dict[str, Any]:
    """One object; KeyError that names it when there is none."""
    for found in of_kind(objects, kind):
        if found["metadata"]["name"] == name:
            return found
    raise KeyError(f"{kind} {name}")


def names(objects: list[dict], *kinds: str) -> set[str]:
    return {found["metadata"]["name"] for found in of_kind(objects, *kinds)}


def title(found: Mapping[str, Any]) -> str:
    return f"{found['kind']} {found['metadata']['name']}"


def processes(objects: list[dict]) -> list[Process]:
    """Our pods: of deployments and jobs."""
    return [
        Process(
            found["metadata"]["name"],
            found["kind"],
            found["spec"]["template"]["spec"],
            found["spec"]["template"]["metadata"]["labels"],
        )
        for found in of_kind(objects, *WORKLOADS)
    ]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Does a label selector (matchLabels, matchExpressions) take these labels? Empty takes all."""
    exact = selector.get("matchLabels", {}).items()
    return all(labels.get(key) == value for key, value in exact) and all(
        _expression(expression, labels) for expression in selector.get("matchExpressions", ())
    )


def _expression(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise ValueError(f"no such operator: {other}")


def secret_keys(process: Process) -> Iterator[tuple[str, str, bool]]:
    """(secret, key, optional) of every secret that the pod's variables and volumes name."""
    for variable in process.container.get("env", ()):
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            yield reference["name"], reference["key"], reference.get("optional", False)
    for volume in process.spec.get("volumes", ()):
        if secret := volume.get("secret"):
            for item in secret["items"]:
                yield secret["secretName"], item["key"], False


def environment(objects: list[dict], process: Process) -> dict[str, str]:
    """The variables of the process; those from secrets have a stand-in."""
    found: dict[str, str] = {}
    for source in process.container.get("envFrom", ()):
        found |= named(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in process.container.get("env", ()):
        name = variable["name"]
        found[name] = variable.get("value", _stand_in(name))
    return found


def _stand_in(variable: str) -> str:
    """What a secret could hold."""
    is_address = variable.endswith("DATABASE_URL")
    return "postgresql://role:password@host/database" if is_address else "secret"
