"""On a broker that asks for rights, each process can do its work with those of its user, no more."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateAclsRequest

from services.personal import taking_back
from shared import kafka
from shared.events.types import INPUTS, TOPICS
from shared.publishing import connect
from shared.settings import DOMAIN_SERVICES, Settings, from_environment
from shared.stream import group
from tanzhang import serving, topic_log, topics
from tanzhang.audit import under_way
from tanzhang.audit.crossings import CROSSINGS
from tests.deploy.k8s.broker import service, told_by
from tests.deploy.k8s.kustomize import ROOT, objects_of
from tests.deploy.k8s.objects import of_kind
from tests.kafka import cluster, security
from tests.kafka.cluster import Cluster
from tests.kafka.security import Security

SECONDS_MAX = 60
# As the protocol has them.
RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactionalId": 5}
PATTERNS = {"literal": 3, "prefix": 4}
OPERATIONS = {"All": 2, "Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Alter": 7, "Describe": 8}
ALLOW = 3
# Enough for whoever follows labels.
RECORD = b'{"subject": "agri:x", "data": {"epoch": 1, "sequence": 1, "current": {"label": "red"}}}'


@pytest.fixture(scope="module")
def users() -> list[dict[str, Any]]:
    return of_kind(objects_of("production"), "KafkaUser")


@pytest.fixture(scope="module")
def secrets(stack_directory: Path, users: list[dict]) -> Security:
    passwords = {user["metadata"]["name"]: "correct horse" for user in users}
    return security.make(stack_directory / "rights", passwords, rights=True)


@pytest.fixture(scope="module")
def broker(stack_directory: Path, secrets: Security, users: list[dict]) -> Iterator[Cluster]:
    """A broker with all topics, a record in each, and the access rules of the KafkaUsers."""
    running = cluster.start(stack_directory / "broker-with-rights", security=secrets)
    try:
        asyncio.run(_furnish(running.settings, users))
        yield running
    finally:
        running.stop()


async def _furnish(settings: Settings, users: list[dict]) -> None:
    await topics.create(settings)
    await _publish(settings, TOPICS)
    client = AIOKafkaClient(**kafka.connection_options(settings))
    await client.bootstrap()
    try:
        node = client.get_random_node()
        for user in users:
            for rule in user["spec"]["authorization"]["acls"]:
                for operation in rule["operations"]:
                    answer = await client.send(node, _acl(user, rule["resource"], operation))
                    assert [code for code, _ in answer.creation_responses] == [0]
    finally:
        await client.close()


def _acl(user: dict, resource: dict, operation: str) -> CreateAclsRequest:
    return CreateAclsRequest(
        RESOURCES[resource["type"]],
        resource["name"],
        PATTERNS[resource.get("patternType", "literal")],
        f"User:{user['metadata']['name']}",
        "*",
        OPERATIONS[operation],
        ALLOW,
    )


def _as(broker: Cluster, secrets: Security, user: str) -> Settings:
    """The settings of a client that is this user."""
    addresses = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}
    return from_environment(secrets.environment(user) | addresses)


async def _publish(settings: Settings, to: Any) -> None:
    producer = await connect(settings)
    try:
        async with asyncio.timeout(SECONDS_MAX):
            await producer.publish([(topic, b"key", RECORD) for topic in to])
    finally:
        await producer.close()


async def _work(settings: Settings, name: str, reads: tuple[str, ...]) -> None:
    """As a worker does: the cluster's id, a place in the group, ends, records, a mirrored offset."""
    await kafka.cluster_id(settings)
    consumer = AIOKafkaConsumer(**kafka.consumer_options(settings, name))
    consumer.subscribe(list(reads))
    try:
        assert await group.join(consumer, asyncio.Event())
        partitions = consumer.assignment()
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, begins[partition])
        read: dict[TopicPartition, int] = {}
        async with asyncio.timeout(SECONDS_MAX):
            while {partition.topic for partition in read} != set(reads):
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    read[partition] = records[-1].offset + 1
        await consumer.commit(read)
        assert all(ends[partition] >= offset for partition, offset in read.items())
    finally:
        await kafka.stop(consumer)


async def _joins(settings: Settings, name: str) -> bool:
    """Whether the group takes it."""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            await _work(settings, name, ("label-changes",))
    except KafkaError:
        return False
    return True


async def test_the_door_publishes_inputs_only(broker: Cluster, secrets: Security) -> None:
    settings = _as(broker, secrets, "ingest-kafka")
    await _publish(settings, {topic for topic, _ in INPUTS.values()})
    with pytest.raises(TopicAuthorizationFailedError):
        await _publish(settings, ["label-changes"])


@pytest.mark.parametrize("name", DOMAIN_SERVICES)
async def test_a_worker_reads_and_tells(broker: Cluster, secrets: Security, name: str) -> None:
    settings = _as(broker, secrets, f"{name}-kafka")
    await _work(settings, name, service(name).topics)
    await _publish(settings, told_by(name))


@pytest.mark.parametrize("name", DOMAIN_SERVICES)
async def test_dead_letters_are_sent_again_by_their_own_service_alone(
    broker: Cluster, secrets: Security, name: str
) -> None:
    settings = _as(broker, secrets, f"{name}-kafka")
    own = {*service(name).topics}
    await _publish(settings, own)
    others = {topic for topic, _ in INPUTS.values()} - own
    for topic in others:
        with pytest.raises(TopicAuthorizationFailedError):
            await _publish(settings, [topic])


@pytest.mark.parametrize("name", serving.WEBHOOKS)
async def test_webhooks_read_only(broker: Cluster, secrets: Security, name: str) -> None:
    settings = _as(broker, secrets, f"{name}-webhooks-kafka")
    topic = import_module(f"services.{name}.app").TOPIC
    await _work(settings, f"{name}-webhooks", (topic,))
    with pytest.raises(KafkaError):
        await _publish(settings, [topic])


@pytest.mark.parametrize("crossing", CROSSINGS, ids=lambda crossing: crossing.topic)
async def test_the_auditor_looks_for_what_is_under_way(
    broker: Cluster, secrets: Security, crossing: Any
) -> None:
    settings = _as(broker, secrets, "audit-kafka")
    assert await under_way.in_kafka(settings, crossing, [], {"nothing"}) == set()


async def test_keda_sees_how_far_behind_a_worker_is(broker: Cluster, secrets: Security) -> None:
    settings = _as(broker, secrets, "keda-kafka")
    admin = AIOKafkaAdminClient(**kafka.connection_options(settings))
    consumer = AIOKafkaConsumer(**kafka.connection_options(settings))
    await admin.start()
    await consumer.start()
    try:
        await admin.list_consumer_group_offsets("agri")
        (described,) = await admin.describe_topics(["farm-records"])
        partitions = [
            TopicPartition("farm-records", p["partition"]) for p in described["partitions"]
        ]
        assert sum((await consumer.end_offsets(partitions)).values()) >= 1
    finally:
        await consumer.stop()
        await admin.close()


async def test_a_finance_platform_reads_in_groups_of_its_own_name(
    broker: Cluster, secrets: Security
) -> None:
    settings = _as(broker, secrets, "finance")
    assert await _joins(settings, "finance-bank")
    assert not await _joins(settings, "grading-webhooks")


def test_the_example_follows_labels_as_a_finance_platform(
    broker: Cluster, secrets: Security
) -> None:
    given = _as(broker, secrets, "finance")
    chosen = {
        "security.protocol": given.kafka_security_protocol,
        "ssl.ca.location": given.kafka_ssl_cafile,
        "sasl.mechanism": given.kafka_sasl_mechanism,
        "sasl.username": given.kafka_sasl_username,
        "sasl.password": given.kafka_sasl_password,
    }
    command = [sys.executable, "docs/examples/follow_labels.py", "--bootstrap", broker.bootstrap]
    command += ["--seconds", "20", "--count", "1"]
    command += [word for name, value in chosen.items() for word in ("--set", f"{name}={value}")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS_MAX
    )
    assert (done.returncode, done.stdout) == (0, '{"account": "agri:x", "label": "red"}\n'), done


async def test_a_rebuild_reads_again_what_was_told(broker: Cluster, secrets: Security) -> None:
    settings = _as(broker, secrets, "personal-kafka")
    log = topic_log.beyond(settings, taking_back.TOPIC, {})
    async with asyncio.timeout(SECONDS_MAX):
        assert [value async for values in log for value in values]


async def test_nobody_reads_persons_who_need_not(broker: Cluster, secrets: Security) -> None:
    settings = _as(broker, secrets, "industrial-kafka")
    with pytest.raises(KafkaError):
        await _work(settings, "industrial", ("payments",))
