"""Questions to other services: an answer, None, or Unavailable; never anything else."""

import httpx
import pytest

from shared.http.client import Unavailable, ask

URL = "http://other.test/"


def client(status: int = 200, content: bytes = b'{"a": 1}') -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/echo":
            sent = {k: request.headers.get(k) for k in ("authorization",)}
            return httpx.Response(200, json=sent | dict(request.url.params))
        return httpx.Response(status, content=content)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def test_an_answer() -> None:
    async with client() as found:
        assert await ask(URL, "/v1/x", None, client=found) == {"a": 1}
        asked = await ask(URL, "/echo", "t", params={"year": 2020}, client=found)
    assert asked == {"authorization": "Bearer t", "year": "2020"}


async def test_nothing_known() -> None:
    async with client(404) as found:
        assert await ask(URL, "/v1/x", None, client=found) is None


@pytest.mark.parametrize(
    ("status", "content"), [(500, b""), (503, b"{}"), (401, b"{}"), (302, b""), (200, b"<html>")]
)
async def test_no_usable_answer(status: int, content: bytes) -> None:
    async with client(status, content) as found:
        with pytest.raises(Unavailable, match=r"other\.test"):
            await ask(URL, "/v1/x", None, client=found)


async def test_nobody_there() -> None:
    with pytest.raises(Unavailable, match="ConnectError"):
        await ask("http://127.0.0.1:1", "/v1/x", None)
    with pytest.raises(Unavailable):
        await ask("not a url", "/v1/x", None)
