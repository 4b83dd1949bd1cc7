"""Services without worker and relay (`desk`), and those that run (`stage`)."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from shared import kafka
from shared.settings import Settings
from tanzhang import topics
from tanzhang.audit.running import audit
from tests.integration.conftest import Eventually, Publish
from tests.integration.operating.stage import Stage
from tests.integration.re_emission import conftest

desk = conftest.desk


@pytest.fixture
async def stage(
    open_settings: Settings, publish: Publish, eventually: Eventually, tmp_path: Path
) -> AsyncIterator[Stage]:
    """Topics are made; nothing runs yet."""
    # The embedded broker keeps a place for who has left as long as that.
    settings = msgspec.structs.replace(open_settings, kafka_session_timeout_ms=2_000)
    await topics.create(settings)
    database = await asyncpg.connect(settings.database("personal"))
    consumer = AIOKafkaConsumer(**kafka.connection_options(settings))
    await consumer.start()
    made = Stage(settings, publish, eventually, tmp_path, database, consumer)
    yield made
    await made.stop(*list(made.running))
    await consumer.stop()
    await database.close()


async def assert_clean(stage: Stage, services: Sequence[str]) -> None:
    """The audit of these services finds nothing."""
    report = await audit(stage.settings, services)
    assert (report.wrong, report.in_flight) == (0, 0), report.checks
