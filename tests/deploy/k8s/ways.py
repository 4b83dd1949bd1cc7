"""Who may reach whom: the network policies, worked out as Kubernetes would.

A pod that a policy selects for a direction may do in it only what such policies allow; a way is
open when the one end may go it and the other may be reached by it.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.deploy.k8s.objects import of_kind, processes, selects

NAMESPACE = "tanzhang"


@dataclass(slots=True, frozen=True)
class End:
    """A pod, or a machine outside the cluster, which has no labels; `ports` it listens on, by name."""

    name: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str | None = NAMESPACE
    ports: Mapping[str, int] = field(default_factory=dict)


Way = tuple[str, str, int]


def open_ways(objects: list[dict], ends: Iterable[End]) -> set[Way]:
    """Every (from, to, port) that is open, among the ports that these ends listen on."""
    policies = [policy["spec"] for policy in of_kind(objects, "NetworkPolicy")]
    ends = list(ends)
    return {
        (one.name, other.name, port)
        for one in ends
        for other in ends
        if one.name != other.name
        for port in other.ports.values()
        if _lets(policies, "Egress", one, other, other, port)
        and _lets(policies, "Ingress", other, one, other, port)
    }


def _lets(
    policies: list[dict], direction: str, own: End, peer: End, target: End, port: int
) -> bool:
    """Do the policies of `own` let it speak with `peer` in this direction?"""
    if own.namespace != NAMESPACE:
        return True
    binding = [
        policy
        for policy in policies
        if direction in policy["policyTypes"] and selects(policy["podSelector"], own.labels)
    ]
    key = "to" if direction == "Egress" else "from"
    return not binding or any(
        _port(rule, target, port) and _peer(rule.get(key), peer)
        for policy in binding
        for rule in policy.get(direction.lower(), ())
    )


def _port(rule: Mapping[str, Any], target: End, port: int) -> bool:
    return "ports" not in rule or any(
        "port" not in allowed
        or target.ports.get(allowed["port"]) == port
        or (
            isinstance(allowed["port"], int)
            and allowed["port"] <= port <= allowed.get("endPort", allowed["port"])
        )
        for allowed in rule["ports"]
    )


def _peer(peers: list[dict] | None, end: End) -> bool:
    return peers is None or any(_is(peer, end) for peer in peers)


def _is(peer: Mapping[str, Any], end: End) -> bool:
    if block := peer.get("ipBlock"):
        address = ipaddress.ip_address(end.address)
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(excepted) for excepted in block.get("except", ())
        )
    if end.namespace is None:
        return False
    if "namespaceSelector" in peer:
        labels = {"kubernetes.io/metadata.name": end.namespace}
        if not selects(peer["namespaceSelector"], labels):
            return False
    elif end.namespace != NAMESPACE:
        return False
    return selects(peer.get("podSelector", {}), end.labels)


def ours(objects: list[dict]) -> list[End]:
    """Our processes, Kafka's and the databases' pods, as their operators label them."""
    ends = [
        End(process.name, f"10.0.1.{number}", process.labels, ports=process.ports)
        for number, process in enumerate(processes(objects))
    ]
    for found in of_kind(objects, "Kafka"):
        ends += _of_kafka(found)
    for number, found in enumerate(of_kind(objects, "Cluster")):
        name = found["metadata"]["name"]
        labels = {"cnpg.io/cluster": name, "cnpg.io/podRole": "instance"}
        ports = {"postgresql": 5432, "status": 8000, "metrics": 9187}
        ends += [
            End(f"{name}-1", f"10.0.3.{number}", labels, ports=ports),
            End(f"{name}-2", f"10.0.4.{number}", labels, ports=ports),
        ]
    return ends


def _of_kafka(found: dict) -> list[End]:
    """Two brokers and the entity operator of a cluster of Strimzi."""
    name = found["metadata"]["name"]
    labels = {"strimzi.io/cluster": name, "strimzi.io/kind": "Kafka"}
    listeners = {
        listener["name"]: listener["port"] for listener in found["spec"]["kafka"]["listeners"]
    }
    inside = {"tcp-ctrlplane": 9090, "tcp-replication": 9091, "tcp-kafkaagent": 8443}
    ports = listeners | inside | {"tcp-prometheus": 9404}
    broker = labels | {"strimzi.io/name": f"{name}-kafka"}
    operator = labels | {"strimzi.io/name": f"{name}-entity-operator"}
    return [
        End("kafka-0", "10.0.2.1", broker, ports=ports),
        End("kafka-1", "10.0.2.2", broker, ports=ports),
        End("entity-operator", "10.0.2.3", operator),
    ]


def others() -> list[End]:
    """What else is in the cluster, and outside it."""
    return [
        End("gateway", "10.0.9.1", {"app.kubernetes.io/name": "envoy"}, "envoy-gateway-system"),
        End("prometheus", "10.0.9.2", {"app.kubernetes.io/name": "prometheus"}, "monitoring"),
        End("grafana", "10.0.9.3", {"app.kubernetes.io/name": "grafana"}, "monitoring"),
        End("keda", "10.0.9.4", {"app.kubernetes.io/name": "keda-operator"}, "keda"),
        End("strimzi", "10.0.9.5", {"strimzi.io/kind": "cluster-operator"}, "strimzi"),
        End("cnpg", "10.0.9.6", {"app.kubernetes.io/name": "cloudnative-pg"}, "cnpg-system"),
        End("names", "10.0.9.7", {"k8s-app": "kube-dns"}, "kube-system", {"dns": 53}),
        End("stranger", "10.0.9.8", {}, "default", {"http": 8080}),
        # With labels that look like ours, in a namespace that is not.
        End("impostor", "10.0.9.9", {"tanzhang.cn/kafka": "client"}, "default"),
        End("guest", "10.0.9.10", {}, ports={"http": 8080}),
        End("kubernetes", "192.168.7.1", {}, None, {"https": 443, "secure": 6443}),
        End("intranet", "192.168.7.2", {}, None, {"https": 443, "http": 8080}),
        End("metadata", "169.254.169.254", {}, None, {"http": 80}),
        End("internet", "93.184.215.14", {}, None, {"https": 443, "other": 8443}),
        End("internet6", "2606:2800:21f::1", {}, None, {"https": 443}),
        End("finance", "203.0.113.9", {}, None),
    ]
