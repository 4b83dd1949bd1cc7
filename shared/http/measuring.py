"""How long answers take, for those who watch."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics

# Asked by machines every few seconds: they would hide what clients see.
UNMEASURED = frozenset({"/livez", "/readyz", "/metrics"})
# Questions under way: a loop forgets tasks that nobody holds.
_late: "set[asyncio.Future[None]]" = set()


async def why_not(ready: Callable[[], Awaitable[None]], seconds_max: float) -> Exception | None:
    """What `ready` raises, a TimeoutError when it takes too long; None when all is well.

    It is not waited for after that: a connection to a server that hangs does not even end.
    """
    task = asyncio.ensure_future(ready())
    _late.add(task)
    task.add_done_callback(_over)
    done, _ = await asyncio.wait({task}, timeout=seconds_max)
    if not done or task.cancelled():
        task.cancel()
        return TimeoutError(f"no answer within {seconds_max:g} s")
    error = task.exception()
    return error if isinstance(error, Exception) else None


def _over(task: "asyncio.Future[None]") -> None:
    _late.discard(task)
    if not task.cancelled():
        task.exception()


def show_ready(service: str, ready: bool) -> None:
    """Asked at every scrape: Prometheus does not look at /readyz, and nobody else may."""
    metrics.READY.labels(service).set(ready)


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
