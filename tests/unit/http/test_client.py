"""Questions to other services: an answer, None, or Unavailable; never anything else."""

import httpx
import pytest
from fastapi import FastAPI, Request

from shared.http.client import Unavailable, ask, open_client
from shared.settings import Settings

URL = "http://other.test/"


def answering(status: int = 200, content: bytes = b'{"a": 1}') -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/echo":
            sent = {k: request.headers.get(k) for k in ("authorization",)}
            return httpx.Response(200, json=sent | dict(request.url.params))
        return httpx.Response(status, content=content)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def asking(client: httpx.AsyncClient, settings: Settings | None = None, sent: str = "") -> Request:
    """A request to this process, on behalf of which it asks."""
    app = FastAPI()
    app.state.client, app.state.settings = client, settings or Settings()
    headers = [(b"authorization", sent.encode())] if sent else []
    return Request({"type": "http", "app": app, "headers": headers})


async def test_an_answer() -> None:
    async with answering() as client:
        assert await ask(asking(client), URL, "/v1/x") == {"a": 1}


async def test_the_token_is_the_services_own_else_the_callers() -> None:
    own = Settings(tanzhang_service_token="own")
    async with answering() as client:
        by_own = await ask(asking(client, own, "Bearer theirs"), URL, "/echo", year=2020)
        by_theirs = await ask(asking(client, None, "Bearer theirs"), URL, "/echo")
        by_none = await ask(asking(client, None, "Basic theirs"), URL, "/echo")

    assert by_own == {"authorization": "Bearer own", "year": "2020"}
    assert by_theirs == {"authorization": "Bearer theirs"}
    assert by_none == {"authorization": None}


async def test_nothing_known() -> None:
    async with answering(404) as client:
        assert await ask(asking(client), URL, "/v1/x") is None


@pytest.mark.parametrize(
    ("status", "content"), [(500, b""), (503, b"{}"), (401, b"{}"), (302, b""), (200, b"<html>")]
)
async def test_no_usable_answer(status: int, content: bytes) -> None:
    async with answering(status, content) as client:
        with pytest.raises(Unavailable, match=r"other\.test"):
            await ask(asking(client), URL, "/v1/x")


async def test_nobody_there() -> None:
    async with open_client() as client:
        with pytest.raises(Unavailable, match="ConnectError"):
            await ask(asking(client), "http://127.0.0.1:1", "/v1/x")
        with pytest.raises(Unavailable):
            await ask(asking(client), "not a url", "/v1/x")
