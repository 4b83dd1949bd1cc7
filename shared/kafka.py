"""How every process connects to Kafka: addresses, security, and options that are never left open.

Values follow what aiokafka 0.14 does when they are left to their defaults: it answers for
latency (no batching, acks=1) and leaves a group ten seconds into a rebalance.
"""

import asyncio
import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.helpers import create_ssl_context

from shared.settings import Settings, SettingsError

PRODUCER_REQUEST_BYTES_MAX = 1024 * 1024
ACKNOWLEDGE_MS_MAX = 25_000
# Of who waits for it: aiokafka sends what bears an idempotent producer's number again for ever, to
# a broker, too, that takes no connection of this producer any more.
ACKNOWLEDGE_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 3.0


def connection_options(settings: Settings) -> dict[str, Any]:
    """Addresses and security, as aiokafka's clients take them."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        if settings.kafka_sasl_username is None or settings.kafka_sasl_password is None:
            raise SettingsError(
                "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are needed with "
                f"KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol}"
            )
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password,
        }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    return options


def producer_options(settings: Settings) -> dict[str, Any]:
    """Options of an AIOKafkaProducer: every record acknowledged by all replicas, big batches."""
    return connection_options(settings) | {
        "acks": "all",
        "enable_idempotence": settings.kafka_idempotence,
        "linger_ms": 5,
        "max_batch_size": 512 * 1024,
        "max_request_size": PRODUCER_REQUEST_BYTES_MAX,
        "compression_type": "zstd",  # aiokafka takes lz4 at its slowest level: seven times the time
        "request_timeout_ms": ACKNOWLEDGE_MS_MAX,
        "retry_backoff_ms": 100,
        "metadata_max_age_ms": 60_000,
    }


def consumer_options(settings: Settings, group: str) -> dict[str, Any]:
    """Options of an AIOKafkaConsumer whose positions are kept in PostgreSQL."""
    return connection_options(settings) | {
        "group_id": settings.topic(group),
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "check_crcs": True,
        "session_timeout_ms": settings.kafka_session_timeout_ms,
        "heartbeat_interval_ms": min(settings.kafka_session_timeout_ms // 5, 3_000),
        "rebalance_timeout_ms": 60_000,
        "max_poll_interval_ms": 300_000,
        "fetch_max_wait_ms": 100,
        "fetch_min_bytes": 1,
        "max_partition_fetch_bytes": 2 * 1024 * 1024,
        "partition_assignment_strategy": (StickyPartitionAssignor,),
        "metadata_max_age_ms": 60_000,
    }


def admin_client(settings: Settings) -> AIOKafkaAdminClient:
    """An admin client that is not started yet; it must be closed."""
    return AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=30_000)


async def cluster_id(settings: Settings) -> str:
    """The id of the cluster that the brokers belong to."""
    admin = admin_client(settings)
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, whatever it is doing.

    It waits for the answer to a join, however long: then we hang up. And it waits for tasks that it
    has cancelled itself: one that had not begun, or a fetch in its pause after a failure, tells its
    caller the same, who would be gone without a word, and leaves the rest open.
    """
    stopping = asyncio.create_task(consumer.stop())
    done, _ = await asyncio.wait({stopping}, timeout=STOP_SECONDS_MAX)
    if not done:
        await consumer._client.close()
        await asyncio.wait({stopping})
    if not stopping.cancelled():
        stopping.result()
        return
    for part in (consumer._fetcher, consumer._client):
        if part is not None:
            await asyncio.wait({asyncio.create_task(part.close())})


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = create_ssl_context(cafile=settings.kafka_ssl_cafile)
    except OSError as error:
        raise SettingsError(
            f"KAFKA_SSL_CAFILE: cannot read {settings.kafka_ssl_cafile}: {error}"
        ) from error
    return context
