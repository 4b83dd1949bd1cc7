"""Kafka and the databases are lost: backups are left, each of another time, and the senders."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.publishing import connect
from tanzhang import topics
from tanzhang.audit.running import audit
from tanzhang.re_emission import re_emit
from tests.integration.operating.conftest import assert_clean
from tests.integration.operating.ledgers import everything
from tests.integration.operating.stage import Stage
from tests.integration.operating.test_restore import PERSONS, payments

BEFORE_ALL = datetime(2020, 1, 1, tzinfo=UTC)


async def lose_kafka(stage: Stage) -> None:
    """From now on there are topics without a record, and nobody has read any of them."""
    prefix = f"{stage.settings.tanzhang_topic_prefix}new-"
    settings = msgspec.structs.replace(stage.settings, tanzhang_topic_prefix=prefix)
    await topics.create(settings)

    async def publish(topic: str, events: Iterable[dict[str, Any]]) -> None:
        producer = await connect(settings)
        try:
            await producer.publish(
                (settings.topic(topic), str(event["subject"]).encode(), msgspec.json.encode(event))
                for event in events
            )
        finally:
            await producer.close()

    stage.settings, stage.publish = settings, publish


async def lose_everything(stage: Stage, older: str, newer: str) -> dict[str, Any]:
    """Restored from their backups and at work again, on another Kafka; gives what there was."""
    events = payments(5)
    third = len(events) // 3
    await stage.start(*PERSONS)
    await stage.pour("payments", events[:third], 3)
    first = stage.backup(older)
    await stage.pour("payments", events[third : 2 * third], 3)
    second = stage.backup(newer)
    await stage.pour("payments", events[2 * third :], 3)
    before = await everything(stage.database, PERSONS)
    await stage.stop(*PERSONS)
    await lose_kafka(stage)
    for service, backup in ((older, first), (newer, second)):
        await stage.restore(service, backup)
        # What TANZHANG_ACCEPT_CLUSTER does at the start.
        await stage.database.execute(f"delete from {service}.consumer_offset")
        await stage.rebuild(service, with_kafka=False)
    await re_emit(stage.settings, "personal", BEFORE_ALL, datetime.now(UTC))
    await stage.start(*PERSONS)
    await stage.quiet()
    return before


async def test_what_senders_send_again_makes_the_ledgers_whole(stage: Stage) -> None:
    before = await lose_everything(stage, older="points", newer="personal")
    await assert_clean(stage, PERSONS)
    assert await everything(stage.database, PERSONS) != before
    await stage.pour("payments", payments(5), 4)
    assert await everything(stage.database, PERSONS) == before
    await assert_clean(stage, PERSONS)


async def test_what_a_receiver_has_that_its_sender_has_lost_is_named(stage: Stage) -> None:
    await lose_everything(stage, older="personal", newer="points")
    report = await audit(stage.settings, PERSONS, wait_seconds=0)
    assert {check.name for check in report.checks if check.wrong} == {"points against reductions"}
    assert report.wrong
