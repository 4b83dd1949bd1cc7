"""Options of the Kafka clients: security in one place, nothing left to defaults that hurt."""

import ssl

import msgspec
import pytest

from shared.kafka import connection_options, consumer_options, producer_options
from shared.settings import Settings, SettingsError

PLAIN = Settings(kafka_bootstrap_servers="k1:9092,k2:9092")
SASL = msgspec.structs.replace(
    PLAIN,
    kafka_security_protocol="SASL_SSL",
    kafka_sasl_username="ingest",
    kafka_sasl_password="word",
)


def test_plain() -> None:
    options = connection_options(PLAIN)

    assert options == {
        "bootstrap_servers": "k1:9092,k2:9092",
        "security_protocol": "PLAINTEXT",
    }


def test_sasl_over_tls() -> None:
    options = connection_options(SASL)

    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "ingest"
    assert options["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname


def test_what_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="KAFKA_SASL_USERNAME"):
        connection_options(msgspec.structs.replace(SASL, kafka_sasl_username=None))
    with pytest.raises(SettingsError, match="KAFKA_SSL_CAFILE"):
        connection_options(msgspec.structs.replace(SASL, kafka_ssl_cafile="/none/ca.pem"))


def test_the_producer_waits_for_all_replicas() -> None:
    options = producer_options(PLAIN)

    assert options["acks"] == "all"
    assert options["enable_idempotence"] is True
    assert options["max_batch_size"] < options["max_request_size"]
    off = msgspec.structs.replace(PLAIN, kafka_idempotence=False)
    assert producer_options(off)["enable_idempotence"] is False


def test_the_consumer_commits_nothing_itself() -> None:
    options = consumer_options(PLAIN, "personal")

    assert options["group_id"] == "personal"
    assert options["enable_auto_commit"] is False
    assert options["heartbeat_interval_ms"] * 3 <= options["session_timeout_ms"]
    assert options["session_timeout_ms"] <= options["rebalance_timeout_ms"]
