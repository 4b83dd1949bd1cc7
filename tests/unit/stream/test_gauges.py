"""Measuring is for the first tick and then once in a while."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from shared.stream.gauges import measured


async def test_measures_at_the_first_tick_and_when_the_time_has_passed() -> None:
    taken: list[object] = []

    async def measure(connection: Any) -> None:
        taken.append(connection)

    tick = measured(measure, timedelta(minutes=1))
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for seconds in (0, 10, 50, 60, 70, 130):
        await tick(cast(Any, seconds), None, start + timedelta(seconds=seconds))
    assert taken == [0, 60, 130]
