"""Kafka has another authority: who operates it renews that, and the file that clients are given."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tanzhang.demo.place import own_environment
from tanzhang.stack import children
from tanzhang.stack.ports import free_port
from tests.kafka import security
from tests.kafka.cluster import Cluster
from tests.kafka.conftest import Begin
from tests.kafka.security import Security
from tests.kafka.test_secured import start

SECONDS_MAX = 120  # a door that hears nothing waits 25 s before it connects anew
Door = tuple[children.Child, int]


@pytest.fixture(scope="module")
def secured(begin: Begin, secrets: Security) -> Cluster:
    return begin(security=secrets)


@pytest.fixture
def door(secured: Cluster, secrets: Security, tmp_path: Path) -> Iterator[Door]:
    """ingest, ready."""
    environment = own_environment(os.environ) | secrets.environment("tanzhang")
    environment |= {"KAFKA_BOOTSTRAP_SERVERS": secured.bootstrap, "TANZHANG_AUTH": "off"}
    port = free_port()
    child = start("ingest", port, environment, tmp_path)
    try:
        until_ready(child, port)
        yield child, port
    finally:
        child.stop([(signal.SIGTERM, SECONDS_MAX)])


def test_the_door_trusts_a_renewed_authority_without_a_restart(
    door: Door, secured: Cluster, secrets: Security
) -> None:
    secured.kill(1)
    again = security.make(secrets.ca.parent, secrets.users)
    assert (again.ca, again.server) == (secrets.ca, secrets.server)
    secured.start(1)

    until_ready(*door)


def until_ready(child: children.Child, port: int) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not is_ready(port):
        assert child.exit_code() is None, child.ended_because()
        assert time.monotonic() < deadline, children.log_tail(child.log)
        time.sleep(0.1)


def is_ready(port: int) -> bool:
    try:
        url = f"http://127.0.0.1:{port}/readyz"
        return httpx.get(url, timeout=60, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
