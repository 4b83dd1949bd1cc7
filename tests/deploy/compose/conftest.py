"""The image, and all that docker-compose.yml starts, once for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.compose import composed, image, servers
from tests.deploy.compose.containers import Containers, await_end, order
from tests.deploy.compose.image import Image

SETUP_SECONDS = 120
# Programs that cannot be had here: their services are read, not run.
NOT_HERE = {"prometheus", "grafana"}


@pytest.fixture(scope="session")
def built(stack_directory: Path) -> Image:
    """The image's files, made by the Dockerfile's own steps."""
    return image.build(stack_directory / "image")


@pytest.fixture(scope="session")
def containers(built: Image, stack_directory: Path) -> Iterator[Containers]:
    """`docker compose up`: everything started in its order, healthy, and the setup done."""
    directory = stack_directory / "compose"
    directory.mkdir()
    made = Containers(directory, built, stack_directory / "secrets")
    ran = made.run("secrets")
    assert ran.returncode == 0, ran.stderr
    try:
        for name in order(composed.services()):
            if name not in NOT_HERE:
                _up(made, name)
        yield made
    finally:
        made.stop()


def _up(containers: Containers, name: str) -> None:
    for needed, how in (composed.services()[name].get("depends_on") or {}).items():
        if how["condition"] == "service_healthy":
            containers.await_healthy(needed)
        else:
            child = containers.running[needed]
            assert await_end(child, SETUP_SECONDS) == 0, child.ended_because()
    if name == "kafka":
        servers.start_kafka(containers)
    elif name == "postgres":
        servers.start_postgres(containers)
    else:
        containers.start(name)
