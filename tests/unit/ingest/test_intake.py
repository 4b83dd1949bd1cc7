"""Bodies in memory are counted while they are there, and none may take for ever."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.types import Message

from services.ingest.intake import EVENTS_BYTES_MAX, Intake
from shared.http.problems import Problem


def request(length: int | None, gate: asyncio.Event | None = None) -> Request:
    async def receive() -> Message:
        if gate is not None:
            await gate.wait()
        return {"type": "http.request", "body": b"body", "more_body": False}

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


async def refused(intake: Intake, length: int | None) -> int:
    with pytest.raises(Problem) as found:
        async with intake.body(request(length)):
            pass
    return found.value.status


async def test_what_is_being_read_is_bounded() -> None:
    intake = Intake(bytes_max=100)

    async with intake.body(request(60)) as body:
        assert body == b"body"
        assert await refused(intake, 41) == 503
        async with intake.body(request(40)):
            assert await refused(intake, 1) == 503
    async with intake.body(request(100)):
        pass


async def test_an_unknown_length_counts_as_the_longest() -> None:
    intake = Intake(bytes_max=EVENTS_BYTES_MAX)

    async with intake.body(request(None)):
        assert await refused(intake, 1) == 503


async def test_a_slow_body_is_given_up_and_no_longer_counted() -> None:
    intake = Intake(bytes_max=100, read_seconds_max=0.01)

    with pytest.raises(Problem) as found:
        async with intake.body(request(100, asyncio.Event())):
            pass

    assert (found.value.name, found.value.status) == ("too-slow", 408)
    async with intake.body(request(100)):
        pass


@pytest.mark.parametrize("error", [ValueError, lambda: Problem("x", 422, "x")])
async def test_a_failure_gives_the_place_back(error: Callable[[], Exception]) -> None:
    intake = Intake(bytes_max=100)
    with pytest.raises((ValueError, Problem)):
        async with intake.body(request(100)):
            raise error()

    async with intake.body(request(100)):
        pass
