"""What is wrong with Kafka's objects: topics, rights, scaling, compared with the code."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from services.personal import taking_back
from shared.events.types import INPUTS, OUTPUTS
from shared.settings import DOMAIN_SERVICES, Settings
from shared.stream.service import Service
from tanzhang import serving, topics
from tanzhang.audit.crossings import CROSSINGS
from tests.deploy.k8s.objects import environment, named, of_kind, processes, title

SETTINGS = Settings(tanzhang_erasure_key="k")
# The beginning of an event's type says which service tells it.
TELLERS = {"label": "grading"}

# The protocol that KEDA speaks when it is told nothing, and the oldest of Kafka 4 (KIP-896).
KEDA_SPEAKS, KAFKA_SPEAKS = "1.0.0", (2, 1, 0)

Operations = tuple[str, ...]
Right = tuple[str, str, Operations]

READ: Operations = ("Describe", "Read")
WRITE: Operations = ("Describe", "Write")
# Of what is replayed from the dead letters, or read again by a rebuild.
READ_AND_WRITE: Operations = ("Describe", "Read", "Write")
DESCRIBE: Operations = ("Describe",)
JOIN: Operations = ("Read",)


def service(name: str) -> Service[Any, Any]:
    found: Service[Any, Any] = import_module(f"services.{name}.app").service(SETTINGS)
    return found


def told_by(name: str) -> set[str]:
    """The topics that a service writes."""
    owners = {type_: type_.split(".")[2] for type_ in OUTPUTS}
    return {
        topic
        for type_, (topic, _) in OUTPUTS.items()
        if TELLERS.get(owners[type_], owners[type_]) == name
    }


def topic_objects(objects: list[dict]) -> Iterator[str]:
    """Topics that are not what `tanzhang topics` would make; replicas are the cluster's."""
    (kafka,) = of_kind(objects, "Kafka")
    config = kafka["spec"]["kafka"]["config"]
    found = {topic["metadata"]["name"]: topic["spec"] for topic in of_kind(objects, "KafkaTopic")}
    expected = {name: topics._described(SETTINGS, name) for name in topics.names(SETTINGS)}
    yield from (f"{name} is missing or too many" for name in found.keys() ^ expected.keys())
    for name in found.keys() & expected.keys():
        spec, made = found[name], expected[name]
        given = {key: str(value) for key, value in spec["config"].items()}
        wanted = made.topic_configs | {"min.insync.replicas": str(config["min.insync.replicas"])}
        if given != wanted:
            yield f"{name}: {given}, not {wanted}"
        if spec["partitions"] != made.num_partitions:
            yield f"{name}: {spec['partitions']} partitions, not {made.num_partitions}"
        if spec["replicas"] != config["default.replication.factor"]:
            yield f"{name}: {spec['replicas']} replicas"


def prefix(objects: list[dict]) -> Iterator[str]:
    """Processes with another prefix or number of partitions than the topics have."""
    (count,) = {topic["spec"]["partitions"] for topic in of_kind(objects, "KafkaTopic")}
    for process in processes(objects):
        given = environment(objects, process)
        if given.get("TANZHANG_TOPIC_PREFIX"):
            yield f"{process.name}: topics are prefixed, objects are not"
        if int(given["TANZHANG_PARTITIONS"]) != count:
            yield f"{process.name}: TANZHANG_PARTITIONS is not {count}"


def rights(objects: list[dict]) -> Iterator[str]:
    """Users who may do more than their process does, or less."""
    found = {user["metadata"]["name"]: _rights(user) for user in of_kind(objects, "KafkaUser")}
    expected = {name: set(rights) for name, rights in _needed()}
    for name, needed in expected.items():
        if (given := found.get(name, set())) != needed:
            yield f"{name}: too many {given - needed}, too few {needed - given}"
    for name in found.keys() - expected.keys() - {"finance"}:
        yield f"{name}: nobody's user"
    for user in of_kind(objects, "KafkaUser"):
        if user["spec"]["authentication"]["type"] != "scram-sha-512":
            yield f"{title(user)} signs in by {user['spec']['authentication']}"


def _rights(user: dict) -> set[Right]:
    return {
        (acl["resource"]["type"], acl["resource"]["name"], tuple(sorted(acl["operations"])))
        for acl in user["spec"]["authorization"]["acls"]
        if acl["resource"].get("patternType", "literal") == "literal"
    }


def _needed() -> Iterator[tuple[str, list[Right]]]:
    """Each user with what its process does."""
    yield "ingest-kafka", [("topic", topic, WRITE) for topic, _ in INPUTS.values()]
    for name in DOMAIN_SERVICES:
        reads: list[Right] = [("topic", topic, READ_AND_WRITE) for topic in service(name).topics]
        writes: list[Right] = [
            ("topic", topic, READ_AND_WRITE if topic == taking_back.TOPIC else WRITE)
            for topic in told_by(name)
        ]
        yield f"{name}-kafka", [("group", name, JOIN), *reads, *writes]
    for name in serving.WEBHOOKS:
        topic = import_module(f"services.{name}.app").TOPIC
        group: Right = ("group", f"{name}-webhooks", JOIN)
        yield f"{name}-webhooks-kafka", [group, ("topic", topic, READ)]
    yield "audit-kafka", [("topic", crossing.topic, READ) for crossing in CROSSINGS]
    lag = [("group", name, DESCRIBE) for name in DOMAIN_SERVICES]
    read = [
        ("topic", topic, DESCRIBE) for name in DOMAIN_SERVICES for topic in service(name).topics
    ]
    yield "keda-kafka", lag + read


def scaled(objects: list[dict]) -> Iterator[str]:
    """Scalers that look at another group or topic than the worker reads, or go beyond partitions."""
    partitions = min(topic["spec"]["partitions"] for topic in of_kind(objects, "KafkaTopic"))
    for found in of_kind(objects, "ScaledObject"):
        spec = found["spec"]
        name = spec["scaleTargetRef"]["name"].removesuffix("-worker")
        if not 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] <= partitions:
            yield f"{title(found)}: {spec['minReplicaCount']} to {spec['maxReplicaCount']} workers"
        worker = named(objects, "Deployment", spec["scaleTargetRef"]["name"])
        rolling = worker["spec"].get("strategy", {}).get("rollingUpdate")
        if rolling != {"maxSurge": 0, "maxUnavailable": 1}:
            yield f"{title(worker)} has more workers during an upgrade: {rolling}"
        looked = [
            (trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"])
            for trigger in spec["triggers"]
        ]
        for trigger in spec["triggers"]:
            spoken = tuple(map(int, trigger["metadata"].get("version", KEDA_SPEAKS).split(".")))
            if spoken < KAFKA_SPEAKS:
                yield f"{title(found)} speaks the protocol of Kafka {spoken}"
        if sorted(looked) != sorted((name, topic) for topic in service(name).topics):
            yield f"{title(found)} looks at {looked}"
        yield from _address(objects, found)


def _address(objects: list[dict], found: dict) -> Iterator[str]:
    """KEDA asks from its own namespace, so the address names ours."""
    (kafka,) = of_kind(objects, "Kafka")
    host = f"{kafka['metadata']['name']}-kafka-bootstrap.{kafka['metadata']['namespace']}.svc"
    ports = {each["port"] for each in kafka["spec"]["kafka"]["listeners"]}
    authentications = {
        each["metadata"]["name"] for each in of_kind(objects, "TriggerAuthentication")
    }
    for trigger in found["spec"]["triggers"]:
        at, _, port = trigger["metadata"]["bootstrapServers"].partition(":")
        if at != host or int(port) not in ports:
            yield f"{title(found)} asks {trigger['metadata']['bootstrapServers']}"
        if trigger["authenticationRef"]["name"] not in authentications:
            yield f"{title(found)} signs in by {trigger['authenticationRef']}"
