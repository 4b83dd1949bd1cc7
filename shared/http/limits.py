"""What no route takes: bodies that are too large, whether or not their length is said beforehand,
or compressed, an address that is no text, and more requests at once than can be worked on."""

from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.measuring import UNMEASURED
from shared.http.problems import (
    Problem,
    invalid,
    response,
    too_large,
    unavailable,
    unsupported_media_type,
)

# Of a record, a question or a decision; batches of events have a limit of their own.
BODY_BYTES_MAX = 1024 * 1024
REQUESTS_MAX = 1000


class RequestLimits:
    """ASGI middleware: 413 for a larger body, 415 for a compressed one, 422 for no text."""

    def __init__(self, app: ASGIApp, bytes_max: int) -> None:
        self.app = app
        self.bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNMEASURED:
            await self.app(scope, receive, send)
        elif problem := _address_fault(scope) or self._refused(scope):
            await response(problem)(scope, receive, send)
        else:
            await self.app(scope, self._counted(receive), send)

    def _refused(self, scope: Scope) -> Problem | None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
        if encoding.lower() != "identity" and (length != b"0" or b"transfer-encoding" in headers):
            # The limit holds for what is read into memory, so nothing is unpacked.
            detail = f"Content-encoding {encoding!r} is not taken, send the body as it is"
            return unsupported_media_type(detail)
        if length.isdigit() and int(length) > self.bytes_max:
            return self._too_large()
        return None

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.bytes_max:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> Problem:
        return too_large(f"The body is larger than {self.bytes_max} bytes")


class Crowded:
    """ASGI middleware: 503 for what comes while so many requests are under way; never for probes.

    uvicorn's own limit would refuse /livez too, and a process that is merely busy be killed.
    """

    def __init__(self, app: ASGIApp, requests_max: int = REQUESTS_MAX) -> None:
        self.app = app
        self.requests_max = requests_max
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNMEASURED:
            return await self.app(scope, receive, send)
        if self.under_way >= self.requests_max:
            problem = unavailable(f"{self.requests_max} requests are under way; try again")
            return await response(problem)(scope, receive, send)
        self.under_way += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way -= 1


class Heads:
    """ASGI middleware: HEAD is answered as GET is, without the body (RFC 9110)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD":
            return await self.app(scope, receive, send)

        async def bodiless(message: Message) -> None:
            await send({**message, "body": b""} if "body" in message else message)

        await self.app({**scope, "method": "GET"}, receive, bodiless)


def _address_fault(scope: Scope) -> Problem | None:
    """A NUL (no stored text has one, and PostgreSQL takes none), or what is not UTF-8: that would
    be read as U+FFFD, and what is at one address found at another."""
    raw_path = scope.get("raw_path") or b""
    for pointer, raw in (("/path", raw_path), ("/query", scope["query_string"])):
        if raw.isascii() and b"%" not in raw:
            continue
        try:
            text = unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            return invalid(pointer, "expected UTF-8", "invalid-parameter")
        if "\x00" in text:
            return invalid(pointer, "must not contain a NUL character", "invalid-parameter")
    return None
