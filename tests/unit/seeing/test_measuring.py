"""Every answer is measured by the class of its status; probes are not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.ingest import api
from services.ingest.handler import Judgement, Rejection
from shared import metrics
from shared.auth.principal import Principal
from shared.http.app import create_app
from shared.http.measuring import Measured
from shared.http.problems import Problem
from shared.settings import Settings, SettingsError

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


@asynccontextmanager
async def nothing_to_start(app: FastAPI) -> AsyncIterator[None]:
    yield


async def scraped(service: str, ready: Callable[[], Awaitable[None]]) -> str:
    served = create_app(service, Settings(), (), nothing_to_start, ready=ready)
    transport = httpx.ASGITransport(served)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        return (await http.get("/metrics")).text


async def test_a_scrape_tells_whether_the_process_can_do_its_work() -> None:
    away = False

    async def ready() -> None:
        if away:
            raise ConnectionRefusedError

    assert 'tanzhang_ready{service="working"} 1.0' in await scraped("working", ready)
    away = True
    assert 'tanzhang_ready{service="working"} 0.0' in await scraped("working", ready)


async def test_a_database_that_hangs_holds_up_no_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.app.READY_SECONDS_MAX", 0.05)

    over = asyncio.Event()

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            # As a pool's connection does whose server doesn't answer that it gave up.
            await over.wait()

    said = await asyncio.wait_for(scraped("hanging", hangs), 60)
    assert 'tanzhang_ready{service="hanging"} 0.0' in said
    over.set()


def test_what_has_only_probes_starts_without_keys() -> None:
    async def ready() -> None: ...

    create_app("probes", Settings(), (), nothing_to_start, ready=ready)
    with pytest.raises(SettingsError, match="TANZHANG_JWKS is not set"):
        create_app("routes", Settings(), (APIRouter(),), nothing_to_start, ready=ready)


def test_clients_are_named_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_clients", set())
    monkeypatch.setattr(metrics, "CLIENTS_MAX", 2)

    found = [metrics.client_label(name) for name in ("grid", "bank", "person", "grid", "bank")]

    assert found == ["grid", "bank", "others", "grid", "bank"]


def test_the_door_names_clients_by_that_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "CLIENTS_MAX", 0)
    monkeypatch.setattr(metrics, "_clients", set())
    rejection = Rejection(0, None, Problem("not-json", 400, "no"))

    api._count(Principal("somebody-nobody-knows"), Judgement([], [rejection]), "accepted")

    own = {"service": "ingest", "type": "unknown", "outcome": "rejected"}
    name = "tanzhang_events_in_total"
    assert REGISTRY.get_sample_value(name, own | {"client": "others"}) == 1
    assert REGISTRY.get_sample_value(name, own | {"client": "somebody-nobody-knows"}) is None


def test_who_no_longer_sends_webhooks_is_silent_about_them() -> None:
    metrics.WEBHOOK_WAITING.labels("sending").set(5)
    for status in ("active", "disabled"):
        metrics.WEBHOOK_SUBSCRIPTIONS.labels("sending", status).set(5)

    metrics.end_webhooks("sending")
    metrics.end_webhooks("sending")

    own = {"service": "sending"}
    assert REGISTRY.get_sample_value("tanzhang_webhook_waiting", own) is None
    for status in ("active", "disabled"):
        labels = own | {"status": status}
        assert REGISTRY.get_sample_value("tanzhang_webhook_subscriptions", labels) is None
