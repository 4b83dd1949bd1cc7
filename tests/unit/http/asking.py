"""An application that goes wrong in every way, and how its answers are looked at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import asyncpg
import httpx
from fastapi import APIRouter, Depends, FastAPI
from msgspec import Meta
from starlette.types import ASGIApp

from shared.events.errors import FieldError
from shared.http.app import create_app, json_response
from shared.http.bodies import NOT_BLANK, Body, accepts, body
from shared.http.paging import Page, paging
from shared.http.problems import Problem, conflict, not_found
from shared.settings import Settings

SECRET = "the-secret-of-the-house"
RAISED: dict[str, Exception] = {
    "bug": RuntimeError(SECRET),
    "refused": ConnectionRefusedError(SECRET),
    "slow": TimeoutError(),
    "lost": asyncpg.ConnectionDoesNotExistError(SECRET),
    "closed": asyncpg.InterfaceError(SECRET),
    "full": asyncpg.TooManyConnectionsError(SECRET),
    "canceled": asyncpg.QueryCanceledError(SECRET),
    "range": asyncpg.DataError(SECRET),
    "nul": asyncpg.CharacterNotInRepertoireError(SECRET),
    "missing": not_found("thing", "x"),
    "conflict": conflict("Not enough points", "not-enough-points", balance="1.000"),
    "teapot": Problem("teapot", 418, "Short and stout", [FieldError("/spout", "is missing")]),
}


class Cuts(Body, frozen=True):
    deep: Decimal


class Thing(Body, frozen=True):
    name: Annotated[str, Meta(pattern=NOT_BLANK, examples=["a"])]
    kind: Literal["site", "line"] | None = None
    cuts: Cuts | None = None
    sizes: list[int] | None = None
    since: date | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None


def make_app(ready: Any = None) -> FastAPI:
    router = APIRouter()

    @router.get("/raise/{what}")
    async def raise_it(what: str) -> None:
        raise RAISED[what]

    @router.put("/things/{id}", openapi_extra=accepts(Thing))
    async def put(id: int, thing: Annotated[Thing, Depends(body(Thing))]) -> Any:
        return json_response({"id": id, "name": thing.name})

    @router.get("/notes/{id}")
    async def note(id: int) -> Any:
        return json_response({"id": id})

    @router.delete("/notes/{id}")
    async def remove(id: int) -> Any:
        return json_response({"id": id})

    @router.get("/things")
    async def things(page: Annotated[Page, Depends(paging)], year: int | None = None) -> Any:
        after = page.after(tuple[int])
        rows = [n for n in range(5) if after is None or n > after[0]]
        return json_response(page.listing(rows, lambda n: n, lambda n: (n,)))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    async def always() -> None:
        return None

    settings = Settings(tanzhang_auth="off")
    return create_app("test", settings, [router], lifespan, ready=ready or always)


def connect(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def check_problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"urn:tanzhang:problem:{name}"
    assert found["status"] == status
    assert found["title"] and found["detail"]
    assert isinstance(found["errors"], list)
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    return found


def pointers(problem: dict[str, Any]) -> list[str]:
    return [e["pointer"] for e in problem["errors"]]
