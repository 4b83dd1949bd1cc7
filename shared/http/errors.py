"""Whatever goes wrong becomes a problem: one handler per kind of exception."""

import traceback
from http import HTTPStatus

import asyncpg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.database import TRANSIENT
from shared.events.errors import FieldError, pointer
from shared.http.problems import Problem, response, unavailable

log = structlog.get_logger()

_NAMES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid-parameter",
    429: "too-many-requests",
    503: "unavailable",
}
# Values that pass every check here and that PostgreSQL cannot take (an integer past 64 bits,
# a NUL in a path): the client's error, not ours.
_UNSTORABLE = (
    asyncpg.DataError,
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
    asyncpg.NumericValueOutOfRangeError,
)


def add_handlers(app: FastAPI) -> None:
    """Register the handlers. Starlette picks the one nearest to the exception's class."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _parameters)
    app.add_exception_handler(ClientDisconnect, _gone)
    for away in TRANSIENT:
        app.add_exception_handler(away, _away)
    for unstorable in _UNSTORABLE:
        app.add_exception_handler(unstorable, _unstorable)


class Unexpected:
    """ASGI middleware around all that answers: a bug is logged and answered with a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            _log_failure("request_failed", scope, error)
            if started:
                raise
            detail = "Something went wrong here; it has been logged"
            await response(Problem("internal-error", 500, detail))(scope, receive, send)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return response(error)


async def _http(request: Request, error: Exception) -> Response:
    """Starlette's own answers: no such path, wrong method."""
    assert isinstance(error, HTTPException)
    details = {
        404: "There is nothing at this path",
        405: f"{request.method} is not possible at this path",
    }
    name = _NAMES.get(error.status_code) or HTTPStatus(error.status_code).phrase.lower()
    detail = details.get(error.status_code, str(error.detail))
    name = name.replace(" ", "-")
    headers = {"allow": _allowed(request)} if error.status_code == 405 else error.headers
    return response(Problem(name, error.status_code, detail, headers=headers))


def _allowed(request: Request) -> str:
    """The methods of a path: Starlette names those of its first route only."""
    found = [
        method
        for method in ("GET", "PUT", "POST", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    return ", ".join([*found[:1], "HEAD", *found[1:]] if "GET" in found else found)


async def _parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        FieldError(pointer(*e["loc"]), e["msg"].removeprefix("Value error, "))
        for e in error.errors()
    ]
    detail = "; ".join(f"{f.pointer}: {f.detail}" for f in faults)
    return response(Problem("invalid-parameter", 422, detail, faults))


async def _unstorable(_: Request, error: Exception) -> Response:
    return response(Problem("invalid-parameter", 422, "A value is out of range or not text"))


async def _away(request: Request, error: Exception) -> Response:
    _log_failure("database_away", request.scope, error)
    return response(unavailable("The database is away or busy; try again"))


async def _gone(_: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is left to read it


def _log_failure(event: str, scope: Scope, error: Exception) -> None:
    """Where and what; the path's values and PostgreSQL's details stay out: they name accounts."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    route = getattr(scope.get("route"), "path", None)
    log.error(
        event,
        method=scope["method"],
        route=route,
        error=type(error).__name__,
        reason=(str(error).splitlines() or [""])[0][:200],
        where=[f"{f.filename.rsplit('/', 2)[-1]}:{f.lineno} {f.name}" for f in frames],
    )
