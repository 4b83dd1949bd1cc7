"""How many deliveries a receiver gets at once: more while it takes them all."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from shared.webhooks.addresses import Guard
from shared.webhooks.attempts import Post
from shared.webhooks.deliveries import Due, Taken
from shared.webhooks.lines import WIDTH, WIDTH_MAX, Line, Made

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _line() -> Line:
    return Line(Post(Guard(), lambda: NOW), cast(Any, None), UUID(int=1))


def _made(taken: int, refused: int = 0) -> list[Made]:
    what = Due(1, "jsrcb:token-alice", "a1", "t", b"{}", 0, None)
    return [Made(what, n < taken, NOW) for n in range(taken + refused)]


def test_a_receiver_that_takes_all_gets_more_up_to_a_limit() -> None:
    line, widths = _line(), []
    for _ in range(4):
        line.learn(_made(line.width), line.width)
        widths.append(line.width)
    assert widths == [2 * WIDTH, WIDTH_MAX, WIDTH_MAX, WIDTH_MAX]


def test_one_refusal_ends_that() -> None:
    line = _line()
    line.learn(_made(WIDTH), WIDTH)
    line.learn(_made(2 * WIDTH - 1, refused=1), 2 * WIDTH)
    assert line.width == WIDTH


@pytest.mark.parametrize(("sent", "width"), [(3, WIDTH), (0, WIDTH), (1, 1)])
def test_a_round_of_few_says_nothing(sent: int, width: int) -> None:
    line = _line()
    line.learn(_made(sent), width)
    assert line.width == WIDTH


async def test_nobody_takes_for_entered_what_a_lost_database_has_not() -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    async with asyncpg.create_pool(nowhere, min_size=0) as pool:
        line = Line(Post(Guard(), lambda: NOW), pool, UUID(int=1))
        entries = [line.enter(Taken(number, NOW, 204)) for number in range(3)]
        outcomes = await asyncio.gather(*entries, return_exceptions=True)
    assert [isinstance(outcome, OSError) for outcome in outcomes] == [True] * 3


async def test_a_connection_is_one_slots() -> None:
    line = _line()
    first, third = line.connection(0), line.connection(2)
    assert first is line.connection(0)
    assert len({id(line.connection(slot)) for slot in range(3)}) == 3
    assert third is line.connection(2)
    await asyncio.wait_for(line.aclose(), 60)
