"""Positions that the log cannot reach, dead letters' identity, and what a rebalance notes."""

import asyncio

import pytest
from aiokafka import TopicPartition

from shared.events.envelope import Origin
from shared.stream.aside import poison
from shared.stream.fence import LostPosition, check_position
from shared.stream.group import Revocations
from shared.stream.waiting import wait

PARTITION = TopicPartition("payments", 3)


@pytest.mark.parametrize(("position", "end"), [(5, 5), (5, 9), (2, 2), (7, None)])
def test_a_position_within_the_log_is_fine(position: int, end: int | None) -> None:
    check_position(PARTITION, position, 2, end)


def test_records_that_are_gone_are_named() -> None:
    with pytest.raises(LostPosition, match="payments/3: records 1 to 4 are no longer kept"):
        check_position(PARTITION, 1, 5, 9)


def test_a_log_that_ends_before_the_position_was_replaced() -> None:
    with pytest.raises(LostPosition, match="payments/3: position 10 lies beyond the log's end 9"):
        check_position(PARTITION, 10, 5, 9)


def test_a_poison_record_is_the_same_wherever_it_comes_again() -> None:
    first = poison(b"{", Origin("payments", 1, 2), "not-json", "")
    again = poison(b"{", Origin("payments", 1, 9), "not-json", "")
    elsewhere = poison(b"{", Origin("farm-records", 1, 2), "not-json", "")
    assert first.digest == again.digest != elsewhere.digest
    assert len(first.digest) == 16


async def test_what_was_revoked_is_taken_once() -> None:
    revocations = Revocations()
    await revocations.on_partitions_revoked([PARTITION])
    await revocations.on_partitions_assigned([PARTITION])
    assert revocations.take() == {PARTITION}
    assert revocations.take() == set()


async def test_waiting_ends_with_the_event_or_the_time() -> None:
    event = asyncio.Event()
    assert not await wait(event, 0.001)
    event.set()
    assert await wait(event, 60)
