"""The size limit of request bodies, whether or not the client says their length beforehand."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import Problem, response, too_large, unsupported_media_type

BODY_BYTES_MAX = 8 * 1024 * 1024


class BodyLimit:
    """ASGI middleware: 413 for a larger body, 415 for a compressed one."""

    def __init__(self, app: ASGIApp, bytes_max: int = BODY_BYTES_MAX) -> None:
        self.app = app
        self.bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif problem := self._refused(dict(scope["headers"])):
            await response(problem)(scope, receive, send)
        else:
            await self.app(scope, self._counted(receive), send)

    def _refused(self, headers: dict[bytes, bytes]) -> Problem | None:
        encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
        if encoding.lower() != "identity":
            # The limit holds for what is read into memory, so nothing is unpacked.
            detail = f"Content-encoding {encoding!r} is not taken, send the body as it is"
            return unsupported_media_type(detail)
        length = headers.get(b"content-length", b"0")
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
