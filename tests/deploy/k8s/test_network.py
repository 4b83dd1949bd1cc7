"""The ways that are open are those of the design, and no other."""

from collections.abc import Iterable

import pytest

from shared.settings import DOMAIN_SERVICES, SERVICES
from tests.deploy.k8s.objects import named, of_kind, processes
from tests.deploy.k8s.ways import Way, open_ways, others, ours

PORT = {service: 8101 + number for number, service in enumerate(SERVICES)}
BROKERS = ("kafka-0", "kafka-1")
# Who asks whom over HTTP: passports, benchmarks, consents.
QUESTIONS = {
    "grading": ("industrial", "agri", "personal", "points"),
    "industrial": ("grading",),
    "personal": ("points",),
}
OUTSIDE_443 = ("internet", "internet6", "intranet", "kubernetes")


def _events(names: set[str]) -> Iterable[Way]:
    """The door, the workers, the webhooks and the auditor speak with Kafka, each with its database."""
    clients = {n for n in names if n.endswith(("-worker", "-webhooks"))} | {"ingest-api", "audit"}
    yield from ((client, broker, 9093) for client in clients for broker in BROKERS)
    for service in DOMAIN_SERVICES:
        own = {name for name in names if name.startswith(f"{service}-")} | {"audit", "migrate"}
        for client in own:
            yield from ((client, f"{service}-db-{n}", 5432) for n in (1, 2))


def _http() -> Iterable[Way]:
    for asker, asked in QUESTIONS.items():
        yield from ((f"{asker}-api", f"{service}-api", PORT[service]) for service in asked)
    yield from (("gateway", f"{service}-api", PORT[service]) for service in SERVICES)
    for sender in ("grading-webhooks", "points-webhooks"):
        yield from ((sender, "internet", port) for port in (443, 8443))
        yield (sender, "internet6", 443)


def _watching(servers: dict[str, int]) -> Iterable[Way]:
    yield from (("prometheus", name, port) for name, port in servers.items())
    yield from (("prometheus", broker, 9404) for broker in BROKERS)
    yield from (("prometheus", f"{s}-db-{n}", 9187) for s in DOMAIN_SERVICES for n in (1, 2))
    yield from (("keda", broker, 9093) for broker in BROKERS)


def _operators() -> Iterable[Way]:
    """Inside Kafka and inside a database; each with its operator, Kubernetes, and backups."""
    inside = ("kafka-0", "kafka-1", "entity-operator")
    for broker in BROKERS:
        yield from ((one, broker, port) for one in inside if one != broker for port in (9090, 9091))
        yield from (("strimzi", broker, port) for port in (9090, 9091, 8443))
    for one in inside:
        yield from ((one, out, 443) for out in OUTSIDE_443)
        yield (one, "kubernetes", 6443)
    for service in DOMAIN_SERVICES:
        pods = (f"{service}-db-1", f"{service}-db-2")
        for one, other in (pods, pods[::-1]):
            yield from ((one, other, port) for port in (5432, 8000))
            yield from (("cnpg", one, port) for port in (5432, 8000))
            yield from ((one, out, 443) for out in OUTSIDE_443)
            yield (one, "kubernetes", 6443)


def _expected(objects: list[dict]) -> set[Way]:
    servers = {p.name: p.ports["http"] for p in processes(objects) if p.ports}
    inside = {end.name for end in ours(objects)}
    names = {(name, "names", 53) for name in inside | {"guest"}}
    ways = {*_events({p.name for p in processes(objects)}), *_http(), *_watching(servers)}
    return ways | {*_operators()} | names


def _found(objects: list[dict]) -> set[Way]:
    """Ways that begin or end with us; the rest of the cluster is not ours to tell."""
    inside = {end.name for end in ours(objects)} | {"guest"}
    ways = open_ways(objects, [*ours(objects), *others()])
    return {way for way in ways if inside & {way[0], way[1]}}


def test_the_open_ways_are_those_of_the_design(objects: list[dict], overlay: str) -> None:
    expected = _expected(objects)
    if overlay == "production":
        expected |= {("finance", broker, 9094) for broker in BROKERS}
    found = _found(objects)
    assert sorted(expected - found) == []  # needed, and shut
    assert sorted(found - expected) == []  # open, and not needed


@pytest.mark.parametrize("policy", ["deny", "industrial", "points-db", "questions-of-grading"])
def test_a_policy_that_is_missing_is_found(production: list[dict], policy: str) -> None:
    rest = [o for o in production if o is not named(production, "NetworkPolicy", policy)]
    assert _found(rest) != _found(production)


@pytest.mark.parametrize("policy", ["webhooks", "kafka", "gateway"])
def test_a_policy_that_allows_everyone_is_found(production: list[dict], policy: str) -> None:
    before = _found(production)
    spec = named(production, "NetworkPolicy", policy)["spec"]
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        rule.pop("from", None)
        rule.pop("to", None)
    assert _found(production) > before


def test_the_listeners_let_in_whom_the_policies_let_in(objects: list[dict]) -> None:
    """Strimzi makes a policy of its own from the peers of a listener."""
    (kafka,) = of_kind(objects, "Kafka")
    allowed: dict[int, list[dict]] = {}
    for policy in of_kind(objects, "NetworkPolicy"):
        if policy["metadata"]["name"] in ("kafka", "kafka-finance"):
            (rule,) = policy["spec"]["ingress"]
            allowed[rule["ports"][0]["port"]] = rule["from"]
    listeners = kafka["spec"]["kafka"]["listeners"]
    assert {each["port"]: each["networkPolicyPeers"] for each in listeners} == allowed
