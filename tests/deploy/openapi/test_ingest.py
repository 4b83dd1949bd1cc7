"""The door against its OpenAPI document, with a broker behind it."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.ingest.app import api
from services.ingest.documentation import PAYMENT
from shared.auth.keys import create_keys, issue
from shared.auth.principal import SCOPES
from shared.settings import Settings
from tanzhang import topics
from tests.deploy.openapi.fuzzing import Report, Ways, fuzz, served


@pytest.fixture
async def report(broker: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Report]:
    key, key_set = create_keys(tmp_path / "keys")
    settings = Settings(
        kafka_bootstrap_servers=broker,
        kafka_idempotence=bool(os.environ.get("TANZHANG_TEST_KAFKA")),
        tanzhang_topic_prefix=topic_prefix,
        tanzhang_partitions=4,
        tanzhang_jwks=str(key_set),
    )
    await topics.create(settings)
    now, hour = datetime.now(UTC), timedelta(hours=1)
    token = issue(key, "fuzzer", SCOPES, ("*",), ("*",), hour, "tanzhang", "tanzhang", now)
    app = api(settings)
    async with app.router.lifespan_context(app), served(app) as service:
        yield await fuzz(service, token, tmp_path, Ways(beyond_schema=["POST /v1/events"]))


async def test_every_answer_is_as_documented(report: Report) -> None:
    assert report.code == 0, report.text
    assert report.never_good() == []
    assert 202 in report.answers["POST /v1/events"], PAYMENT
