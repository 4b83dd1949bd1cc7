"""Schemathesis over a running service, by the document that the service itself gives."""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.serving import PATIENCE, serving

METHODS = ("get", "put", "post", "delete")
# How often a parameter that has an example in the document is given that value.
CHANCE = 0.5
# Cases per operation in each phase: all services together stay under two minutes.
EXAMPLES_MAX = 20
SECONDS_MAX = 400
# What a request that is true to its schema may be answered with.
ACCEPTED = ("2xx", "401", "403", "404", "409", "503")
# And what one that is not.
REFUSED = ("400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429", "503")

Known = Mapping[str, Sequence[str | int]]


@dataclass(slots=True)
class Recorder:
    """ASGI middleware that notes which statuses each operation has answered with."""

    app: ASGIApp
    seen: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and (route := scope.get("route")):
                self.seen[f"{scope['method']} {route.path_format}"].add(message["status"])
            await send(message)

        await self.app(scope, receive, noting)


@dataclass(slots=True, frozen=True)
class Served:
    """A service behind a port of this machine."""

    url: str
    recorder: Recorder


@dataclass(slots=True, frozen=True, kw_only=True)
class Ways:
    """What schemathesis cannot know of a service.

    `beyond_schema`: operations as "PUT /v1/things/{id}" that have rules that no schema can state,
    and may refuse (400, 422) what theirs allows; all with a cursor may. `keeps`: what a DELETE has
    ended can still be read. `overlapping`: operations whose path another's parameter fits, too.
    `known`: values by path, and by place such as "path.id" or "body.url".
    """

    beyond_schema: Collection[str] = ()
    keeps: bool = False
    overlapping: Collection[str] = ()
    known: Mapping[str, Known] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Report:
    """What schemathesis found, and what the service answered meanwhile."""

    code: int
    text: str
    answers: Mapping[str, set[int]]
    document: Mapping[str, Any]

    def never_good(self) -> list[str]:
        """The operations that have refused everything: whether they work was not seen."""
        names = [f"{method.upper()} {path}" for method, path, _ in operations(self.document)]
        return [name for name in names if not any(200 <= s < 300 for s in self.answers[name])]


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[Served]:
    """The app, already started, on a free port."""
    recorder = Recorder(app)
    async with serving(recorder, "off") as url:
        yield Served(url, recorder)


async def fuzz(service: Served, token: str, directory: Path, ways: Ways) -> Report:
    """All phases and checks, the same cases each time."""
    async with httpx.AsyncClient(base_url=service.url, timeout=PATIENCE) as client:
        document = (await client.get("/openapi.json")).json()
    config = directory / "schemathesis.toml"
    config.write_text("\n".join(_configuration(document, token, ways)), "utf-8")
    code, text = await _run(config, f"{service.url}/openapi.json", directory)
    return Report(code, text, service.recorder.seen, document)


async def _run(config: Path, url: str, directory: Path) -> tuple[int, str]:
    options = ["--generation-deterministic", "--no-color"]
    options += ["--max-examples", str(EXAMPLES_MAX), "--continue-on-failure"]
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(config), "run", url, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=directory,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS_MAX)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    assert process.returncode is not None
    return process.returncode, output.decode()


def _configuration(document: dict[str, Any], token: str, ways: Ways) -> Iterator[str]:
    """What is known of a parameter, such as its example, is given it half of the time."""
    yield f"headers = {{ Authorization = {json.dumps(f'Bearer {token}')} }}"
    yield "[checks.negative_data_rejection]"
    yield f"expected-statuses = {json.dumps(REFUSED)}"
    yield "[checks.use_after_free]"
    yield f"enabled = {json.dumps(not ways.keeps)}"
    for number, (method, path, operation) in enumerate(operations(document)):
        name, places = f"{method.upper()} {path}", _places(operation)
        for start, more in ways.known.items():
            places |= more if path.startswith(start) else {}
        yield from _dictionaries(number, places)
        yield "[[operations]]"
        yield f"include-name = {json.dumps(name)}"
        yield "[operations.parameters]"
        for n, place in enumerate(places):
            given = f'{{ dictionary = "known_{number}_{n}", probability = {CHANCE} }}'
            yield f"{json.dumps(place)} = {given}"
        yield from _checks(name, operation, ways)


def _places(operation: dict[str, Any]) -> dict[str, Sequence[str | int]]:
    """The examples of parameters, by place."""
    found = {_place(p): p["schema"].get("examples") for p in operation.get("parameters", ())}
    return {place: values for place, values in found.items() if values}


def _dictionaries(number: int, places: Known) -> Iterator[str]:
    for n, values in enumerate(places.values()):
        yield f"[dictionaries.known_{number}_{n}]"
        yield f"values = {json.dumps(values)}"


def _checks(name: str, operation: dict[str, Any], ways: Ways) -> Iterator[str]:
    has_cursor = "query.cursor" in map(_place, operation.get("parameters", ()))
    if name in ways.beyond_schema or has_cursor:
        yield "[operations.checks.positive_data_acceptance]"
        yield f"expected-statuses = {json.dumps(['400', '422', *ACCEPTED])}"
    if name in ways.overlapping:
        yield "[operations.checks]"
        yield "unsupported_method.enabled = false"
        yield "allow_header_conformance.enabled = false"


def _place(parameter: dict[str, Any]) -> str:
    return f"{parameter['in']}.{parameter['name']}"


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]
