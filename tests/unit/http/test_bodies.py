"""A request's body: what is taken, and the field that is named when it is not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from shared.http.bodies import Body, body, received
from shared.http.limits import BODY_BYTES_MAX
from shared.http.problems import Problem
from tests.unit.http.asking import check_problem, pointers


@pytest.mark.parametrize(
    ("sent", "pointer", "expected"),
    [
        ({}, "/name", "is missing"),
        ({"name": 1}, "/name", "str"),
        ({"name": "a", "nmae": 1}, "/nmae", "not a field"),
        ({"name": "a", "x" * 999: 1}, "/" + "x" * 64, "not a field"),
        ({"name": "a", "13912345678": 1}, "", "not a field"),
        ({"name": "a", "n\nm": 1}, "/n\nm", "not a field"),
        ({"name": "a", "kind": "hall"}, "/kind", "must be one of: line, site"),
        ({"name": "a", "cuts": {}}, "/cuts/deep", "is missing"),
        ({"name": "a", "cuts": {"deep": "NaN"}}, "/cuts/deep", "plain decimal number"),
        ({"name": "a", "cuts": {"deep": "1e99999999"}}, "/cuts/deep", "finite"),
        ({"name": "a", "cuts": {"deep": "1e-99"}}, "/cuts/deep", "finite"),
        ({"name": "a", "sizes": [1, "x"]}, "/sizes/1", "int"),
        ({"name": "a", "since": "0001-01-01"}, "/since", "in the years 1900 to 2999"),
        ({"name": "a", "since": "9999-12-31"}, "/since", "in the years 1900 to 2999"),
        ({"name": "a", "at": "0001-01-01T00:00:00+14:00"}, "/at", "in the years 1900 to 2999"),
        ({"name": "a", "at": "9999-12-31T23:59:59-14:00"}, "/at", "in the years 1900 to 2999"),
        ({"name": "a\0b"}, "/name", "NUL"),
        ({"name": ""}, "/name", "must not be blank"),
        ({"name": " \n"}, "/name", "must not be blank"),
        ([], "", "object"),
    ],
)
async def test_bodies(client: httpx.AsyncClient, sent: Any, pointer: str, expected: str) -> None:
    answer = await client.put("/things/1", json=sent)

    problem = check_problem(answer, 422, "invalid-body")
    assert pointers(problem) == [pointer]
    assert expected in problem["errors"][0]["detail"]
    assert "hall" not in answer.text and "13912345678" not in answer.text


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"name": "a", "name": "a"}', "/name"),
        (b'{"name": "a", "cuts": {"deep": 1, "deep": 2}}', "/cuts/deep"),
        (b'{"name": "a", "cuts": {"deep": 1e999999}}', "/cuts/deep"),
        (b'{"name": "a", "cuts": {"deep": -1e999999}}', "/cuts/deep"),
        (b'{"name": "a", "cuts": {"deep": ' + b"9" * 5000 + b"}}", "/cuts/deep"),
    ],
)
async def test_json_that_readers_differ_about(
    client: httpx.AsyncClient, raw: bytes, pointer: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = await client.put("/things/1", content=raw, headers=headers)

    assert pointers(check_problem(answer, 422, "invalid-body")) == [pointer]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b'{"name": "\\ud800"}', b'{"name":' + b"[" * 100_000]
)
async def test_not_json(client: httpx.AsyncClient, raw: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await client.put("/things/1", content=raw, headers=headers)

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("media", [None, "text/plain", "application/json; charset=gbk", "x"])
async def test_content_types(client: httpx.AsyncClient, media: str | None) -> None:
    headers = {"content-type": media} if media else {}
    answer = await client.put("/things/1", content=b'{"name":"a"}', headers=headers)

    check_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("media", ["application/json", 'Application/JSON; charset="UTF-8"'])
async def test_json_content_types(client: httpx.AsyncClient, media: str) -> None:
    headers = {"content-type": media}
    answer = await client.put("/things/1", content=b'{"name":"a"}', headers=headers)

    assert answer.json() == {"id": 1, "name": "a"}


@pytest.mark.parametrize("text", ["1_0", " 1", "１", "1.", ".5", "+1", "0x1"])
async def test_a_decimal_is_spelled_plainly(client: httpx.AsyncClient, text: str) -> None:
    answer = await client.put("/things/1", json={"name": "a", "cuts": {"deep": text}})

    assert pointers(check_problem(answer, 422, "invalid-body")) == ["/cuts/deep"]


@pytest.mark.parametrize("deep", [1, 1.5, "1", "-1.5", "1e3", "1E-3"])
async def test_a_decimal_is_a_number_or_a_text(client: httpx.AsyncClient, deep: Any) -> None:
    answer = await client.put("/things/1", json={"name": "a", "cuts": {"deep": deep}})

    assert answer.status_code == 200


async def test_days_and_instants(client: httpx.AsyncClient) -> None:
    sent = {"name": "a", "since": "1900-01-01", "at": "2999-12-31T23:59:59Z"}

    assert (await client.put("/things/1", json=sent)).status_code == 200


async def test_an_encoding_of_no_body_is_no_matter(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things", headers={"content-encoding": "gzip"})

    assert answer.status_code == 200


async def test_a_compressed_body_is_not_taken(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = await client.put("/things/1", content=b"x", headers=headers)

    check_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_limit(client: httpx.AsyncClient, chunked: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * (BODY_BYTES_MAX // 8)

    content: Any = chunks() if chunked else b" " * (BODY_BYTES_MAX + 1)
    headers = {"content-type": "application/json"}
    answer = await client.put("/things/1", content=content, headers=headers)

    assert str(BODY_BYTES_MAX) in check_problem(answer, 413, "too-large")["detail"]


async def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Problem) as found:
        await received(Request({"type": "http"}, never), 0.01)
    assert (found.value.name, found.value.status) == ("too-slow", 408)


async def test_a_body_of_the_limit_passes(client: httpx.AsyncClient) -> None:
    sent = b'{"name":"a"}'.ljust(BODY_BYTES_MAX)
    answer = await client.put(
        "/things/1", content=sent, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 200


def test_a_lenient_body_is_refused_when_the_route_is_made() -> None:
    class Lenient(Body, frozen=True, forbid_unknown_fields=False):
        name: str

    with pytest.raises(TypeError, match="Lenient"):
        body(Lenient)
