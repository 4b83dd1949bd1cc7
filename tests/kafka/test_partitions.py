"""More partitions for topics that exist: drain, add, start."""

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from typer.testing import CliRunner

from shared import kafka
from shared.settings import Settings
from tanzhang.cli import app
from tanzhang.partitions import grow
from tests.integration import conftest as integration
from tests.integration.audit.conftest import payment
from tests.integration.operating import conftest as operating
from tests.integration.operating.stage import Stage
from tests.kafka.conftest import Begin

publish, eventually, stage = integration.publish, integration.eventually, operating.stage
FEW, MANY = 2, 6


@pytest.fixture
def open_settings(begin: Begin, database_url: str) -> Settings:
    return msgspec.structs.replace(
        begin().settings,
        database_url=database_url,
        tanzhang_auth="off",
        tanzhang_host="127.0.0.1",
        tanzhang_partitions=FEW,
        kafka_session_timeout_ms=6_000,
    )


async def partitions(settings: Settings) -> set[int]:
    admin: AIOKafkaAdminClient = kafka.admin_client(settings)
    await admin.start()
    try:
        described = await admin.describe_topics([settings.topic("payments")])
    finally:
        await admin.close()
    return {len(topic["partitions"]) for topic in described}


def paid(first: int) -> list[dict[str, object]]:
    return [payment(f"p{n}", f"jsrcb:token-{n % 10:04}") for n in range(first, first + 40)]


async def test_partitions_are_added_when_nobody_reads_and_all_is_read(stage: Stage) -> None:
    more = msgspec.structs.replace(stage.settings, tanzhang_partitions=MANY)
    await stage.start("personal", "points")
    await stage.pour("payments", paid(0), 2)

    refused = (await grow(more)).refused
    assert [reason.split(":")[0] for reason in refused] == [
        "group personal has 1 members",
        "group points has 1 members",
    ]
    await stage.stop("personal", "points")
    await stage.publish("payments", paid(40))
    refused = (await grow(more)).refused
    assert refused == [
        "group personal is behind by 40 records of payments: let it catch up first",
    ]
    assert await partitions(more) == {FEW}
    await stage.start("personal", "points")
    await stage.quiet()
    await stage.stop("personal", "points")

    added = await grow(more)
    assert added.refused == []
    assert added.added["payments"] == FEW
    assert await partitions(more) == {MANY}
    assert await grow(more) == type(added)({}, [])
    assert (await grow(stage.settings)).refused

    stage.settings = more
    await stage.start("personal", "points")
    # New events and old ones again, now in other partitions.
    await stage.pour("payments", paid(80) + paid(0), 2)
    sums = "select count(*) from {}.{} where content_hash is not null"
    assert await stage.database.fetchval(sums.format("personal", "ledger_entry")) == 120
    assert await stage.database.fetchval("select count(*) from personal.dead_letter") == 0
    await operating.assert_clean(stage, ("personal", "points"))


def test_a_broker_that_does_not_answer_is_named() -> None:
    nowhere = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    result = CliRunner().invoke(app, ["topics", "--add-partitions"], env=nowhere)
    assert result.exit_code == 1
    assert "Kafka at 127.0.0.1:1 does not do it" in result.output
