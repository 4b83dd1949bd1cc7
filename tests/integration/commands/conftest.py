"""Services on real sockets, and the command line as people run it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI

from services.ingest.app import api as ingest_api
from shared.settings import Settings
from tanzhang import topics
from tests.serving import serving

_COMMAND_SECONDS = 120
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Finished]]
Serve = Callable[[FastAPI], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`url = await serve(app)`, for an app whose lifespan runs already."""
    async with AsyncExitStack() as stack:
        yield lambda app: stack.enter_async_context(serving(app, "off"))


@pytest.fixture
async def ingest_url(open_settings: Settings) -> AsyncIterator[str]:
    await topics.create(open_settings)
    async with serving(ingest_api(open_settings)) as url:
        yield url


@pytest.fixture
def run() -> Run:
    """`finished = await run("import", "csv", ...)`: the command line in a process of its own."""

    async def _run(*arguments: str) -> Finished:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tanzhang", *arguments, cwd=_ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(_COMMAND_SECONDS):
            out, err = await process.communicate()
        return Finished(process.returncode or 0, out.decode(), err.decode())

    return _run
