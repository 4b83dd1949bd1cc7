"""What comes before a request: heads that never end, and what is not HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from tanzhang.connections import HEAD_BYTES_MAX, Connection
from tests.serving import PATIENCE, serving

# More than what waits on the way between two sockets.
ENDLESS = 64 * 1024 * 1024
BEGINNING = b"POST /v1/events HTTP/1.1\r\nhost: x\r\n"


class Hasty(Connection):
    head_seconds_max = 0.0


async def app(scope: Any, receive: Any, send: Any) -> None:
    await Request(scope, receive).body()
    await Response("read")(scope, receive, send)


@pytest.fixture(params=[Connection])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with serving(app, "off", http=request.param) as url:
        yield int(url.rpartition(":")[2])


async def _answer(port: int, *parts: bytes) -> tuple[bytes, bytes]:
    """Status line and body of what comes back until the connection is ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            for part in parts:
                writer.write(part)
                await writer.drain()
            found = await reader.read()
    finally:
        writer.close()
    head, _, body = found.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], body


async def test_a_head_without_end_is_not_read_to_it(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    async with asyncio.timeout(PATIENCE):
        writer.write(BEGINNING)
        with suppress(ConnectionError):
            while sent < ENDLESS:
                writer.write(b"x-more: " + b"a" * 100_000 + b"\r\n")
                await writer.drain()
                sent += 100_000
    writer.close()
    assert sent < ENDLESS


async def test_a_head_that_is_too_large_is_told_so(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(PATIENCE):
        writer.write(BEGINNING)
        answer = asyncio.create_task(reader.readline())
        while not answer.done():
            writer.write(b"x-more: " + b"a" * 8000 + b"\r\n")
            for _ in range(20):  # until it has been read, in this same loop
                await asyncio.sleep(0)
    assert await answer == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    writer.close()


@pytest.mark.parametrize("port", [Hasty], indirect=True)
async def test_a_head_that_stops_half_way_is_not_waited_for(port: int) -> None:
    status, body = await _answer(port, BEGINNING)
    assert status == b"HTTP/1.1 408 Request Timeout"
    assert json.loads(body)["type"] == "urn:tanzhang:problem:too-slow"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 hello\r\n\r\n",
        BEGINNING + b"transfer-encoding: chunked\r\n\r\nno size\r\n",
        BEGINNING + b"content-length: many\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_problem_too(port: int, sent: bytes) -> None:
    status, body = await _answer(port, sent)
    assert status == b"HTTP/1.1 400 Bad Request"
    assert json.loads(body)["detail"] == "Invalid HTTP request received."


async def test_heads_of_ordinary_size_come_through_one_after_the_other(port: int) -> None:
    one = (
        BEGINNING
        + b"x-more: "
        + b"a" * (HEAD_BYTES_MAX // 2)
        + b"\r\ncontent-length: 4\r\n\r\nbody"
    )
    last = one.replace(b"host: x", b"host: x\r\nconnection: close")
    status, body = await _answer(port, *([one[:9], one[9:]] * 4), last)
    assert status == b"HTTP/1.1 200 OK"
    assert body.count(b"read") == 5
