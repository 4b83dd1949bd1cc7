"""How long answers take, for those who watch."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics

# Asked by machines every few seconds: they would hide what clients see.
UNMEASURED = frozenset({"/livez", "/readyz", "/metrics"})


class Measured:
    """ASGI middleware, outside of all that answers: observes every request that was answered."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.seconds = {
            status: metrics.HTTP_SECONDS.labels(service, status) for status in metrics.STATUSES
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNMEASURED:
            return await self.app(scope, receive, send)
        status: str | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = f"{message['status'] // 100}xx"
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, noting)
        finally:
            # None: the client has gone before an answer.
            if status is not None:
                self.seconds[status].observe(time.perf_counter() - began)
