"""Every answer is measured by the class of its status; probes are not."""

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from shared.http.measuring import Measured

STATUSES = ("2xx", "3xx", "4xx", "5xx")


async def answer(request: Request) -> Response:
    return PlainTextResponse("", int(request.path_params["status"]))


APP = Starlette(routes=[Route("/livez", lambda _: Response()), Route("/{status}", answer)])


def counts(service: str) -> dict[str, float]:
    name = "tanzhang_http_seconds_count"
    return {
        status: REGISTRY.get_sample_value(name, {"service": service, "status": status}) or 0
        for status in STATUSES
    }


async def ask(service: str, *paths: str) -> None:
    transport = httpx.ASGITransport(Measured(APP, service))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        for path in paths:
            await http.get(path)


async def test_answers_are_counted_by_the_class_of_their_status() -> None:
    await ask("measured", "/200", "/202", "/304", "/404", "/422", "/503")

    assert counts("measured") == {"2xx": 2, "3xx": 1, "4xx": 2, "5xx": 1}


async def test_every_class_is_there_before_the_first_answer() -> None:
    Measured(APP, "silent")

    found = REGISTRY.get_sample_value(
        "tanzhang_http_seconds_count", {"service": "silent", "status": "5xx"}
    )
    assert found == 0


async def test_probes_are_not_counted() -> None:
    await ask("probed", "/livez")

    assert counts("probed") == dict.fromkeys(STATUSES, 0)


async def test_who_leaves_before_an_answer_is_not_counted() -> None:
    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await Measured(nothing, "left")({"type": "http", "path": "/200"}, _never, _nowhere)

    assert counts("left") == dict.fromkeys(STATUSES, 0)


async def _never() -> dict[str, str]:
    raise AssertionError("nothing is read")


async def _nowhere(message: object) -> None:
    raise AssertionError("nothing is sent")
