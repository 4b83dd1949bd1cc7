"""Problems: every answer that is an error has this one form (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from shared.events.errors import FieldError

MEDIA_TYPE = "application/problem+json"
# An answer is for one token and of one moment: nobody may show it again, a refusal neither.
NO_STORE = {"cache-control": "no-store"}

TITLES = {
    "unauthorized": "A bearer token is needed",
    "forbidden": "The token does not allow this",
    "no-consent": "The person has not consented to this",
    "not-found": "Not found",
    "method-not-allowed": "Method not allowed",
    "not-acceptable": "Not acceptable",
    "conflict": "In conflict with what is stored",
    "too-slow": "The request came too slowly",
    "too-large": "The request is too large",
    "unsupported-media-type": "Unsupported content type",
    "not-json": "The body is not JSON",
    "invalid-body": "The body has a wrong field",
    "invalid-parameter": "A path, query or header value is wrong",
    "invalid-cursor": "The cursor is not one of ours",
    "too-many-requests": "Past the client's rate",
    "unavailable": "Not available at the moment",
    "internal-error": "Internal error",
}


class Problem(Exception):
    """An error answer: raise it anywhere below a route.

    `name` ends the `type` urn; `errors` name the wrong fields; `extensions` become
    further members of the answer.
    """

    def __init__(
        self,
        name: str,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail)
        self.name = name
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.extensions = extensions

    def document(self) -> dict[str, Any]:
        """The answer's body as plain values."""
        found: dict[str, Any] = {
            "type": f"urn:tanzhang:problem:{self.name}",
            "title": TITLES.get(self.name) or self.name.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "errors": [{"pointer": e.pointer, "detail": e.detail} for e in self.errors],
        }
        return found | self.extensions


def response(problem: Problem) -> Response:
    """The problem as an HTTP answer."""
    body = msgspec.json.encode(problem.document())
    headers = NO_STORE | dict(problem.headers or {})
    return Response(body, problem.status, headers, media_type=MEDIA_TYPE)


def not_found(what: str, id: str) -> Problem:
    """404: `what` is the kind of thing, such as "enterprise"."""
    return Problem("not-found", 404, f"There is no {what} {id!r}")


def conflict(detail: str, name: str = "conflict", **extensions: Any) -> Problem:
    """409, with a name of its own where a client must tell conflicts apart."""
    return Problem(name, 409, detail, **extensions)


def invalid(pointer: str, detail: str, name: str = "invalid-body") -> Problem:
    """422 for one wrong field."""
    return Problem(name, 422, f"{pointer}: {detail}", [FieldError(pointer, detail)])


def unauthorized(detail: str) -> Problem:
    """401: there is no token, or it is not a good one."""
    return Problem("unauthorized", 401, detail, headers={"www-authenticate": "Bearer"})


def forbidden(detail: str, errors: Sequence[FieldError] = (), **extensions: Any) -> Problem:
    """403: a good token that does not allow this."""
    return Problem("forbidden", 403, detail, errors, **extensions)


def too_large(detail: str) -> Problem:
    """413: the detail names the limit."""
    return Problem("too-large", 413, detail)


def unsupported_media_type(detail: str) -> Problem:
    """415: the detail names what is taken."""
    return Problem("unsupported-media-type", 415, detail)


def unavailable(detail: str, retry_after_s: int = 2) -> Problem:
    """503: sending again later is safe."""
    return Problem("unavailable", 503, detail, headers={"retry-after": str(retry_after_s)})
