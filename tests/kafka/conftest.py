"""Clusters that a file has for itself."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tanzhang.demo.place import own_environment
from tests.e2e.events import Author
from tests.kafka import cluster, security
from tests.kafka.cluster import Cluster
from tests.kafka.security import Security

Begin = Callable[..., Cluster]


@pytest.fixture(scope="module")
def begin(stack_directory: Path, request: pytest.FixtureRequest) -> Iterator[Begin]:
    """`begin(brokers=3)`: a cluster that is stopped after the last test of the file."""
    started: list[Cluster] = []

    def _begin(brokers: int = 1, security: Security | None = None) -> Cluster:
        directory = stack_directory / f"{request.module.__name__}-{len(started)}"
        started.append(cluster.start(directory, brokers=brokers, security=security))
        return started[-1]

    yield _begin
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def secrets(stack_directory: Path) -> Security:
    """A CA, a server's certificate and one user of ours."""
    return security.make(stack_directory / "secrets", {"tanzhang": "correct horse"})


@pytest.fixture(scope="module")
def secured(begin: Begin, secrets: Security) -> Cluster:
    """A broker that asks for TLS and a password."""
    return begin(security=secrets)


@pytest.fixture(scope="module")
def environment(secured: Cluster, secrets: Security) -> dict[str, str]:
    """What an operator sets for a client of it."""
    addresses = {"KAFKA_BOOTSTRAP_SERVERS": secured.bootstrap, "TANZHANG_PARTITIONS": "2"}
    return own_environment(os.environ) | addresses | secrets.environment("tanzhang")


@pytest.fixture
def author() -> Author:
    """Who writes the events of this test."""
    return Author()
