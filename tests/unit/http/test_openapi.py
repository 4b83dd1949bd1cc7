"""A route's document: its answers, its problems, and an example of each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Query
from jsonschema import Draft202012Validator
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from shared.auth.principal import CITY_ONLY, Principal, authenticated, require, require_city
from shared.http.answers import (
    NOT_FOUND,
    Answer,
    Listing,
    Refusal,
    Tonnes,
    answers,
    conflicts,
    sample,
)
from shared.http.app import create_app, json_response
from shared.http.bodies import Body, accepts
from shared.http.examples import NoExample
from shared.http.paging import Page, listing, paging
from shared.settings import Settings

Reader = Annotated[Principal, Depends(require("labels:read"))]


class Part(Answer, frozen=True, kw_only=True):
    """A part of a thing."""

    name: Annotated[str, sample("wheel", "What people call it")]
    total_t: Tonnes | None
    note: Annotated[str, sample("left")] | UnsetType = UNSET


class Thing(Answer, frozen=True, kw_only=True):
    parts: list[Part]
    by_kind: dict[Annotated[str, sample("round")], Part]


class Room(Answer, frozen=True, kw_only=True):
    room: int


class ThingBody(Body, frozen=True, kw_only=True):
    name: Annotated[str, sample("cart")]
    count: Annotated[int, Meta(ge=2)]
    note: str | None = None


def document(router: APIRouter) -> dict[str, Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    async def ready() -> None:
        return None

    settings = Settings(tanzhang_auth="off")
    return create_app("test", settings, [router], lifespan, ready=ready).openapi()


def things() -> APIRouter:
    router = APIRouter()

    @router.put(
        "/things/{id}",
        openapi_extra=accepts(ThingBody),
        responses=answers(
            Thing, 200, 201, NOT_FOUND, conflicts("It has parts"), conflicts("Full", "full")
        ),
    )
    async def put_thing(id: str, who: Reader) -> Response:
        return json_response({})

    @router.get("/parts", responses=answers(Listing[Part]))
    async def list_parts(page: Annotated[Page, Depends(paging)]) -> Response:
        return json_response(listing([]))

    @router.delete("/parts", status_code=204, responses=answers(None, 204))
    async def remove(who: Annotated[Principal, Depends(authenticated)]) -> Response:
        return Response(status_code=204)

    return router


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    found: dict[str, Any] = document(things())["paths"]
    return found


def test_an_operation_answers_what_its_route_says_and_what_is_true_of_its_kind(
    paths: dict[str, Any],
) -> None:
    put = paths["/things/{id}"]["put"]
    expected = ["200", "201", "400", "401", "403", "404", "408", "409", "413", "415", "422", "503"]
    assert list(put["responses"]) == expected
    assert list(paths["/parts"]["get"]["responses"]) == ["200", "422"]
    assert list(paths["/parts"]["delete"]["responses"]) == ["204", "401", "422", "503"]
    assert list(paths["/livez"]["get"]["responses"]) == ["200"]
    assert list(paths["/readyz"]["get"]["responses"]) == ["200", "503"]


def test_the_scope_is_named(paths: dict[str, Any]) -> None:
    assert paths["/things/{id}"]["put"]["security"] == [{"HTTPBearer": ["labels:read"]}]
    assert "Takes the scope `labels:read`." in paths["/things/{id}"]["put"]["description"]
    assert paths["/parts"]["delete"]["security"] == [{"HTTPBearer": []}]


def test_what_is_the_citys_is_named() -> None:
    router = APIRouter()

    @router.get("/x", responses=answers(Room))
    async def x(who: Annotated[Principal, Depends(require_city("labels:read"))]) -> Response:
        return json_response({})

    found = document(router)["paths"]["/x"]["get"]
    assert found["security"] == [{"HTTPBearer": ["labels:read"]}]
    assert "a token of the city itself" in found["description"]
    problems = found["responses"]["403"]["content"]["application/problem+json"]["examples"]
    assert problems["forbidden"]["value"]["detail"] == CITY_ONLY


def test_an_example_is_made_of_those_of_the_fields(paths: dict[str, Any]) -> None:
    part = {"name": "wheel", "total_t": "14150.75", "note": "left"}
    content = paths["/things/{id}"]["put"]["responses"]["201"]["content"]["application/json"]
    assert content["example"] == {"parts": [part], "by_kind": {"round": part}}
    asked = paths["/things/{id}"]["put"]["requestBody"]["content"]["application/json"]
    assert asked["example"] == {"name": "cart", "count": 2}


def test_problems_of_one_status_are_beside_each_other(paths: dict[str, Any]) -> None:
    answer = paths["/things/{id}"]["put"]["responses"]["409"]
    examples = answer["content"]["application/problem+json"]["examples"]
    assert {name: one["value"]["detail"] for name, one in examples.items()} == {
        "conflict": "It has parts",
        "full": "Full",
    }


def test_an_answer_without_a_body_has_no_content(paths: dict[str, Any]) -> None:
    assert "content" not in paths["/parts"]["delete"]["responses"]["204"]


def test_a_problem_with_further_members_has_their_shape() -> None:
    router = APIRouter()
    refusal = Refusal(409, "full", "No place", {"room": 3}, Room)

    @router.get("/x", responses=answers(Part, refusal))
    async def x() -> Response:
        return json_response({})

    found = document(router)
    content = found["paths"]["/x"]["get"]["responses"]["409"]["content"]
    problem = content["application/problem+json"]
    assert {"$ref": "#/components/schemas/Room"} in problem["schema"]["allOf"]
    assert problem["examples"]["full"]["value"]["room"] == 3


def test_two_types_of_one_name_are_refused() -> None:
    other = type("Part", (Answer,), {"__annotations__": {"other": int}}, frozen=True)
    router = things()

    @router.get("/other", responses=answers(other))
    async def read_other() -> Response:
        return json_response({})

    with pytest.raises(ValueError, match="are named Part"):
        document(router)


def test_a_text_without_an_example_is_named() -> None:
    class Bare(Answer, frozen=True, kw_only=True):
        parts: list[str]

    router = APIRouter()

    @router.get("/bare", responses=answers(Bare))
    async def bare() -> Response:
        return json_response({})

    with pytest.raises(NoExample, match=r"^Bare/parts/0: "):
        document(router)


def test_a_parameter_that_may_be_left_out_is_never_null() -> None:
    router = APIRouter()

    @router.get("/years", responses=answers(Room))
    async def years(
        year: Annotated[int | None, Query(ge=1990, description="Which", examples=[2026])] = None,
    ) -> Response:
        return json_response({})

    (parameter,) = document(router)["paths"]["/years"]["get"]["parameters"]
    assert (parameter["schema"]["type"], parameter["schema"]["minimum"]) == ("integer", 1990)
    assert "anyOf" not in parameter["schema"]
    assert parameter["example"] == 2026


def test_a_decimal_of_a_body_may_be_a_number() -> None:
    class Sized(Body, frozen=True, kw_only=True):
        size: Decimal

    schema = accepts(Sized)["requestBody"]["x-components"]["Sized"]["properties"]["size"]
    fits = Draft202012Validator(schema).is_valid
    assert fits(1.5) and fits("1.5") and fits("-1e3")
    assert not fits("NaN") and not fits("") and not fits(True)
