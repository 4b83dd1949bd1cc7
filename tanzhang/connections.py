"""Connections of the server: the head of a request is bounded too, before anyone looks at a token.

uvicorn reads a head as long as one is sent, and waits for its end for ever.
"""

from asyncio import Transport
from asyncio.events import TimerHandle
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.problems import MEDIA_TYPE, Problem, response

# Beyond the read in which a head begins. Tokens that list all enterprises of a city have 20 KiB.
HEAD_BYTES_MAX = 128 * 1024
# As long as a body has.
HEAD_SECONDS_MAX = 30.0
# Longer than the idle time of the usual load balancers (60 s).
KEEP_ALIVE_SECONDS = 75


class Connection(HttpToolsProtocol):
    """uvicorn's own, with an end to heads; what is not HTTP is answered as all that is wrong."""

    head_seconds_max = HEAD_SECONDS_MAX
    _heads = 0
    _head_bytes = 0
    _in_head = False
    _late: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(KEEP_ALIVE_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._heads
        super().data_received(data)
        if self._in_head and self._heads == before:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(431, "too-large", f"The head is larger than {HEAD_BYTES_MAX} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._heads, self._head_bytes, self._in_head = self._heads + 1, 0, True
        self._wait(self.head_seconds_max)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._wait(None)
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "not-http", msg)

    def _wait(self, seconds: float | None) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # Nothing more is read meanwhile: the client is not the slow one.
            self._wait(self.head_seconds_max)
        elif self._in_head:
            limit = f"The head did not arrive within {self.head_seconds_max:g} s"
            self._refuse(408, "too-slow", limit)
        else:
            self.transport.close()

    def _is_next(self) -> bool:
        """Is it this request's turn to be answered? Not while an earlier one waits for its answer."""
        found = self.cycle
        if found is None or found.response_complete:
            return True
        return found.more_body and not found.response_started and not self.pipeline

    def _refuse(self, status: int, name: str, detail: str) -> None:
        """Answer, if it is its turn, and end the connection."""
        if self.transport.is_closing():
            return
        if self._is_next():
            body = bytes(response(Problem(name, status, detail)).body)
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
                f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()
