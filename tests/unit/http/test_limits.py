"""HEAD, probes, and more requests at once than can be worked on."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.http.limits import Crowded
from shared.http.measuring import Measured
from tests.unit.http.asking import SECRET, check_problem, connect, make_app


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    answer, got = await client.head("/things"), await client.get("/things")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers == got.headers
    assert (await client.head("/livez")).status_code == 200
    assert (await client.head("/raise/missing")).status_code == 404


async def test_probes_are_answered_while_too_much_is_under_way() -> None:
    going, come = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            come.set()
            await going.wait()
        await Response("done")(scope, receive, send)

    async with connect(Crowded(slow, requests_max=1)) as client:
        first = asyncio.create_task(client.get("/slow"))
        await come.wait()
        refused = await client.get("/other")
        check_problem(refused, 503, "unavailable")
        assert refused.headers["retry-after"] == "2"
        for probe in ("/livez", "/readyz", "/metrics"):
            assert (await client.get(probe)).status_code == 200
        going.set()
        assert (await first).status_code == 200
        assert (await client.get("/other")).status_code == 200


def test_every_app_bounds_the_requests_under_way() -> None:
    made: list[Any] = [one.cls for one in make_app().user_middleware]

    # Refusals are measured.
    assert made.index(Measured) < made.index(Crowded)


async def test_probes_and_metrics(client: httpx.AsyncClient) -> None:
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200
    metrics = await client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "python_info" in metrics.text


async def test_not_ready() -> None:
    async def away() -> None:
        raise ConnectionRefusedError(SECRET)

    async with connect(make_app(away)) as client:
        answer = await client.get("/readyz")
        check_problem(answer, 503, "unavailable")
        assert (await client.get("/livez")).status_code == 200


async def test_ready_is_asked_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.app.READY_SECONDS_MAX", 0.05)

    async with connect(make_app(asyncio.Event().wait)) as client:
        check_problem(await client.get("/readyz"), 503, "unavailable")
