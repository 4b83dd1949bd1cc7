"""Every error of an application is a problem, whoever raises it."""

import httpx
import pytest

from shared.events.errors import MOST_ERRORS
from tests.unit.http.asking import check_problem, pointers


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
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=1001", "/query/limit"),
        ("limit=many", "/query/limit"),
        ("year=x", "/query/year"),
        ("limit=1_0", "/query/limit"),
        ("limit=1.0", "/query/limit"),
        ("limit=+1", "/query/limit"),
        ("limit=１", "/query/limit"),
        ("yaer=2020", "/query/yaer"),
        ("year=2020&year=2021", "/query/year"),
        ("year=%FF", "/query"),
        ("%FF=1", "/query"),
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


async def test_an_unknown_parameter_is_answered_with_those_that_there_are(
    client: httpx.AsyncClient,
) -> None:
    problem = (await client.get("/things?yaer=2020")).json()

    assert problem["detail"] == "/query/yaer: expected one of year, limit, cursor"


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("a/b~", "/query/a~1b~0"),
        ("x" * 1000, "/query/" + "x" * 64),
        ("13912345678", "/query"),
    ],
)
async def test_an_unknown_parameter_is_named_as_far_as_it_may_be(
    client: httpx.AsyncClient, name: str, pointer: str
) -> None:
    answer = await client.get(f"/things?{name}=1")

    assert pointers(check_problem(answer, 422, "invalid-parameter")) == [pointer]
    assert "13912345678" not in answer.text


async def test_unknown_parameters_are_not_all_listed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things?" + "&".join(f"p{n}" for n in range(10_000)))

    problem = check_problem(answer, 422, "invalid-parameter")
    assert pointers(problem) == [f"/query/p{n}" for n in range(MOST_ERRORS)]
    assert len(answer.content) < 5000


async def test_a_path_that_is_no_text_is_refused(client: httpx.AsyncClient) -> None:
    problem = check_problem(await client.get("/raise/%FF"), 422, "invalid-parameter")

    assert pointers(problem) == ["/path"]


async def test_path_values(client: httpx.AsyncClient) -> None:
    answer = await client.put("/things/x", json={"name": "a"})

    assert pointers(check_problem(answer, 422, "invalid-parameter")) == ["/path/id"]


async def test_a_nul_in_the_address_is_refused(client: httpx.AsyncClient) -> None:
    for address in ("/raise/a%00b", "/things?year=%00", "/raise/x?more=%00"):
        problem = check_problem(await client.get(address), 422, "invalid-parameter")
        assert "NUL" in problem["detail"]


async def test_allow_names_every_method_of_a_path(client: httpx.AsyncClient) -> None:
    answer = await client.patch("/notes/1")

    check_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, DELETE"
