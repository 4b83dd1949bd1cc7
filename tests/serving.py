"""Apps on ports of their own, in the test's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Literal

import uvicorn

# Seconds for an answer, also between services: none is away because the machine is busy.
PATIENCE = 60.0


@asynccontextmanager
async def serving(
    app: Any, lifespan: Literal["on", "off"] = "on", *, http: Any = "auto"
) -> AsyncIterator[str]:
    """The ASGI app on a free port of 127.0.0.1; its address. `off`: its lifespan runs already."""
    config = uvicorn.Config(app, port=0, http=http, lifespan=lifespan, ws="none", log_config=None)
    server = uvicorn.Server(config)
    # Several may end in any order, and signals are pytest's.
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:
                assert not task.done(), "the app did not start"
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
