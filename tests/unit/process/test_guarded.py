"""A task that ends unasked takes its process with it."""

import asyncio

import pytest
from fastapi import FastAPI

from shared.service_app import guarded


async def cancelled_by_a_library() -> None:
    inner = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    inner.cancel()
    await inner


async def failing() -> None:
    raise ValueError("no such thing")


@pytest.mark.parametrize("work", [cancelled_by_a_library, failing])
async def test_what_ends_unasked_stops_the_server(work: object) -> None:
    app, stopped = FastAPI(), asyncio.Event()
    app.state.stop_server = stopped.set
    await asyncio.create_task(guarded(app, work()))  # type: ignore[operator]
    assert stopped.is_set()
    assert app.state.fatal is not None


async def test_what_is_cancelled_on_purpose_does_not() -> None:
    app, stopped = FastAPI(), asyncio.Event()
    app.state.stop_server = stopped.set
    task = asyncio.create_task(guarded(app, asyncio.sleep(3600)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not stopped.is_set()
