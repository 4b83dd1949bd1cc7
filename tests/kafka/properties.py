"""The configuration of one broker (and controller) of a cluster on this machine."""

from collections.abc import Mapping
from pathlib import Path

from tests.kafka.security import BROKER_USER, Security

LISTENER = "CLIENTS"
CONTROLLER = "CONTROLLER"

# Small and quick: hundreds of topics that live for a test, on two cores.
EVERY_BROKER = {
    "process.roles": "broker,controller",
    "controller.listener.names": CONTROLLER,
    "inter.broker.listener.name": LISTENER,
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "log.segment.bytes": str(32 * 1024 * 1024),
    "log.index.size.max.bytes": str(128 * 1024),
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.election.backoff.max.ms": "500",
    "group.min.session.timeout.ms": "1000",
    # After a kill: how long a broker keeps its partitions, and isn't let in again.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}

# The controllers' own listener has no names.
_AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:{BROKER_USER};User:ANONYMOUS",
}


def properties(
    id: int,
    *,
    ports: Mapping[int, tuple[int, int]],
    data: Path,
    security: Security | None,
) -> dict[str, str]:
    """Settings of broker `id`; `ports` are those for clients and for controllers, by broker."""
    port, controller_port = ports[id]
    replicas = min(len(ports), 3)
    in_sync = max(replicas - 1, 1)
    voters = (f"{n}@127.0.0.1:{controller}" for n, (_, controller) in ports.items())
    protocol = "PLAINTEXT" if security is None else "SASL_SSL"
    return (
        EVERY_BROKER
        | {
            "node.id": str(id),
            "log.dirs": str(data),
            "controller.quorum.voters": ",".join(voters),
            "listeners": f"{LISTENER}://127.0.0.1:{port},{CONTROLLER}://127.0.0.1:{controller_port}",
            "listener.security.protocol.map": f"{LISTENER}:{protocol},{CONTROLLER}:PLAINTEXT",
            "default.replication.factor": str(replicas),
            "offsets.topic.replication.factor": str(replicas),
            "transaction.state.log.replication.factor": str(replicas),
            "share.coordinator.state.topic.replication.factor": str(replicas),
            "min.insync.replicas": str(in_sync),
            "transaction.state.log.min.isr": str(in_sync),
            "share.coordinator.state.topic.min.isr": str(in_sync),
        }
        | ({} if security is None else _secured(security))
    )


def _secured(security: Security) -> dict[str, str]:
    """SASL/SCRAM over TLS for clients and between brokers."""
    login = (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{BROKER_USER}" password="{security.users[BROKER_USER]}";'
    )
    listener = f"listener.name.{LISTENER.lower()}"
    return {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        f"{listener}.scram-sha-512.sasl.jaas.config": login,
        f"{listener}.ssl.keystore.type": "PEM",
        f"{listener}.ssl.keystore.location": str(security.server),
        f"{listener}.ssl.truststore.type": "PEM",
        f"{listener}.ssl.truststore.location": str(security.ca),
    } | (_AUTHORIZER if security.rights else {})


def text(settings: Mapping[str, str]) -> str:
    """A Java properties file."""
    return "".join(f"{name}={value}\n" for name, value in settings.items())
