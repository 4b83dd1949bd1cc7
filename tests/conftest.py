"""Real servers for integration and end-to-end tests: the embedded PostgreSQL and broker.

TANZHANG_TEST_KAFKA=host:port runs the same tests against that broker.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from shared.settings import Settings
from tanzhang.stack import broker as embedded_broker
from tanzhang.stack import postgres as embedded_postgres

# A loaded machine is no reason to fail; CI has a profile of Hypothesis's own.
hypothesis.settings.register_profile("house", deadline=None)
if "CI" not in os.environ:
    hypothesis.settings.load_profile("house")

EXTERNAL_KAFKA = os.environ.get("TANZHANG_TEST_KAFKA")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Processes share out files, so that what a file sets up is set up once; one has the stack.

    Files that start whole clusters come one after the other too: there is only one machine.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        folder, _, name = file.rpartition("/")
        return folder if folder.endswith(("e2e", "kafka")) and name != "test_demo.py" else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a given broker, only the tests that come near one: the others were run without."""
    if not EXTERNAL_KAFKA:
        return
    chosen = [item for item in items if _comes_near_a_broker(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _comes_near_a_broker(item: pytest.Item) -> bool:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return folder != "integration" or "broker" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def stack_directory() -> Iterator[Path]:
    """A directory of this run whose path other users may search (pytest's own is private)."""
    directory = Path(tempfile.mkdtemp(prefix="tanzhang-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(stack_directory: Path) -> Iterator[embedded_postgres.Postgres]:
    """A running server; `postgres.url(database)` is an address in it."""
    server = embedded_postgres.start(
        stack_directory / "postgres",
        log=stack_directory / "postgres.log",
        settings=embedded_postgres.FOR_TESTS,
    )
    yield server
    server.stop()


@pytest.fixture
async def database_url(postgres: embedded_postgres.Postgres) -> AsyncIterator[str]:
    """A fresh, empty database of this test."""
    name = f"test_{uuid.uuid4().hex}"
    await postgres.create_database(name)
    yield postgres.url(name)
    await postgres.drop_database(name)


@pytest.fixture(scope="session")
def broker(stack_directory: Path) -> Iterator[str]:
    """host:port of a Kafka-protocol broker."""
    if EXTERNAL_KAFKA:
        yield EXTERNAL_KAFKA
        return
    server = embedded_broker.start(stack_directory, log=stack_directory / "broker.log")
    yield server.bootstrap
    server.stop()


@pytest.fixture
def topic_prefix() -> str:
    """Keeps the topics of this test apart from those of all others."""
    return f"test-{uuid.uuid4().hex[:12]}-"


@pytest.fixture
def settings(database_url: str, broker: str, topic_prefix: str) -> Settings:
    """Settings of a process of this test."""
    return Settings(
        kafka_bootstrap_servers=broker,
        kafka_idempotence=bool(EXTERNAL_KAFKA),
        # The embedded broker lets a group wait for half of this before it starts; Apache Kafka takes
        # no less than 6 s.
        kafka_session_timeout_ms=6_000 if EXTERNAL_KAFKA else 3_000,
        database_url=database_url,
        tanzhang_topic_prefix=topic_prefix,
        tanzhang_check_log_end=bool(EXTERNAL_KAFKA),
        tanzhang_partitions=4,
    )
