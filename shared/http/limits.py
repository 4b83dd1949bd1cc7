"""What no route takes: bodies that are too large, whether or not their length is said beforehand,
or compressed, and a NUL in the address."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import Problem, invalid, response, too_large, unsupported_media_type

BODY_BYTES_MAX = 8 * 1024 * 1024


class RequestLimits:
    """ASGI middleware: 413 for a larger body, 415 for a compressed one, 422 for a NUL."""

    def __init__(self, app: ASGIApp, bytes_max: int = BODY_BYTES_MAX) -> None:
        self.app = app
        self.bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif problem := self._refused(scope):
            await response(problem)(scope, receive, send)
        else:
            await self.app(scope, self._counted(receive), send)

    def _refused(self, scope: Scope) -> Problem | None:
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            # No stored text has one, and PostgreSQL takes none.
            return invalid("/path", "must not contain a NUL character", "invalid-parameter")
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
