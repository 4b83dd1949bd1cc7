"""Every error of an application is a problem, whoever raises it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Any, Literal

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from shared.events.errors import FieldError
from shared.http.answers import sample
from shared.http.app import create_app, json_response
from shared.http.bodies import Body, accepts, body
from shared.http.limits import BODY_BYTES_MAX
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
    name: Annotated[str, sample("a")]
    kind: Literal["site", "line"] | None = None
    cuts: Cuts | None = None
    sizes: list[int] | None = None


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


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with connect(make_app()) as found:
        yield found


def connect(app: FastAPI) -> httpx.AsyncClient:
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


@pytest.mark.parametrize(
    ("what", "status", "name"),
    [
        ("bug", 500, "internal-error"),
        ("refused", 503, "unavailable"),
        ("slow", 503, "unavailable"),
        ("lost", 503, "unavailable"),
        ("closed", 503, "unavailable"),
        ("full", 503, "unavailable"),
        ("canceled", 503, "unavailable"),
        ("range", 422, "invalid-parameter"),
        ("nul", 422, "invalid-parameter"),
        ("missing", 404, "not-found"),
        ("conflict", 409, "not-enough-points"),
        ("teapot", 418, "teapot"),
    ],
)
async def test_what_is_raised(client: httpx.AsyncClient, what: str, status: int, name: str) -> None:
    answer = await client.get(f"/raise/{what}")

    check_problem(answer, status, name)
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_extensions_and_errors_are_shown(client: httpx.AsyncClient) -> None:
    assert (await client.get("/raise/conflict")).json()["balance"] == "1.000"
    teapot = (await client.get("/raise/teapot")).json()
    assert teapot["errors"] == [{"pointer": "/spout", "detail": "is missing"}]


async def test_paths_and_methods(client: httpx.AsyncClient) -> None:
    check_problem(await client.get("/nowhere"), 404, "not-found")
    check_problem(await client.get("/things/"), 404, "not-found")
    answer = await client.delete("/things")
    check_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=1001", "/query/limit"),
        ("limit=many", "/query/limit"),
        ("year=x", "/query/year"),
        ("cursor=", "/query/cursor"),
        ("cursor=!!", "/query/cursor"),
        ("cursor=AAAAAAAA", "/query/cursor"),
        ("cursor=" + "A" * 2000, "/query/cursor"),
    ],
)
async def test_queries(client: httpx.AsyncClient, query: str, pointer: str) -> None:
    answer = await client.get(f"/things?{query}")

    assert answer.status_code == 422
    assert pointers(answer.json()) == [pointer]


async def test_path_values(client: httpx.AsyncClient) -> None:
    answer = await client.put("/things/x", json={"name": "a"})

    assert pointers(check_problem(answer, 422, "invalid-parameter")) == ["/path/id"]


@pytest.mark.parametrize(
    ("sent", "pointer", "expected"),
    [
        ({}, "/name", "is missing"),
        ({"name": 1}, "/name", "str"),
        ({"name": "a", "nmae": 1}, "/nmae", "not a field"),
        ({"name": "a", "kind": "hall"}, "/kind", "must be one of: line, site"),
        ({"name": "a", "cuts": {}}, "/cuts/deep", "is missing"),
        ({"name": "a", "cuts": {"deep": "NaN"}}, "/cuts/deep", "plain decimal number"),
        ({"name": "a", "cuts": {"deep": "1e99999999"}}, "/cuts/deep", "finite"),
        ({"name": "a", "cuts": {"deep": "1e-99"}}, "/cuts/deep", "finite"),
        ({"name": "a", "sizes": [1, "x"]}, "/sizes/1", "int"),
        ({"name": "a\0b"}, "/name", "NUL"),
        ([], "", "object"),
    ],
)
async def test_bodies(client: httpx.AsyncClient, sent: Any, pointer: str, expected: str) -> None:
    answer = await client.put("/things/1", json=sent)

    problem = check_problem(answer, 422, "invalid-body")
    assert pointers(problem) == [pointer]
    assert expected in problem["errors"][0]["detail"]
    assert "hall" not in answer.text


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


async def test_a_nul_in_the_address_is_refused(client: httpx.AsyncClient) -> None:
    for address in ("/raise/a%00b", "/things?year=%00", "/raise/x?more=%00"):
        problem = check_problem(await client.get(address), 422, "invalid-parameter")
        assert "NUL" in problem["detail"]


async def test_allow_names_every_method_of_a_path(client: httpx.AsyncClient) -> None:
    answer = await client.patch("/notes/1")

    check_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, DELETE"


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


async def test_a_body_of_the_limit_passes(client: httpx.AsyncClient) -> None:
    sent = b'{"name":"a"}'.ljust(BODY_BYTES_MAX)
    answer = await client.put(
        "/things/1", content=sent, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 200


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


def test_a_lenient_body_is_refused_when_the_route_is_made() -> None:
    class Lenient(Body, frozen=True, forbid_unknown_fields=False):
        name: str

    with pytest.raises(TypeError, match="Lenient"):
        body(Lenient)
