"""How the process of a service ends: by a signal, by a failed task, or before it has started."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from tanzhang import serving

Task = Callable[[FastAPI], Awaitable[None]]


def _app(task: Task, *, left: list[str]) -> FastAPI:
    """An app with one task beside it; `left` says what its shutdown came to."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.ensure_future(task(app))
        yield
        await running
        left.append("in order")

    return FastAPI(lifespan=lifespan)


async def _fail(app: FastAPI) -> None:
    app.state.fatal = RuntimeError("the worker failed")
    app.state.stop_server()


def test_sigterm_leaves_in_order_with_exit_code_0() -> None:
    left: list[str] = []
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert serving.serve(_app(_nothing, left=left), "127.0.0.1", 0) == 0
    assert left == ["in order"]


def test_a_failed_task_ends_the_process_with_exit_code_1() -> None:
    left: list[str] = []
    assert serving.serve(_app(_fail, left=left), "127.0.0.1", 0) == 1
    assert left == ["in order"]


def test_sigterm_during_a_startup_that_hangs_is_not_lost() -> None:
    @asynccontextmanager
    async def hangs(app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        yield

    assert serving.serve(FastAPI(lifespan=hangs), "127.0.0.1", 0) == 0


def test_a_startup_that_fails_and_a_taken_port_give_exit_code_1(
    caplog: pytest.LogCaptureFixture,
) -> None:
    left: list[str] = []

    @asynccontextmanager
    async def fails(_: FastAPI) -> AsyncIterator[None]:
        if not left:
            raise RuntimeError("no database")
        yield

    assert serving.serve(FastAPI(lifespan=fails), "127.0.0.1", 0) == 1
    assert "no database" in caplog.text

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app = _app(_nothing, left=left)
        assert serving.serve(app, "127.0.0.1", taken.getsockname()[1]) == 1
    assert left == ["in order"]
    assert "address already in use" in caplog.text


async def _nothing(_: FastAPI) -> None:
    return None
