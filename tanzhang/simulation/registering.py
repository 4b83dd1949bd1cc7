"""Registering a city with the services, stage by stage."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from itertools import groupby

import httpx

from tanzhang.posting import Patience, PostingError, client, refusal, send, share_out
from tanzhang.simulation.registration import Registration


async def register(
    registrations: Iterable[Registration],
    urls: Mapping[str, str],
    token: str | None,
    *,
    concurrency: int = 8,
    patience: Patience | None = None,
    on_done: Callable[[], None] = lambda: None,
) -> int:
    """PUT all registrations, at most `concurrency` at once; returns how many.

    `urls` by service. A stage begins when the one before it is done. Raises PostingError,
    naming the request, when one is refused or a service stays away.
    """
    waits, done = patience or Patience(), 0
    async with AsyncExitStack() as stack:
        services = {
            name: await stack.enter_async_context(client(url, token, concurrency=concurrency))
            for name, url in urls.items()
        }
        for _, stage in groupby(registrations, key=lambda one: one.stage):
            done += await _register_stage(iter(stage), services, waits, concurrency, on_done)
    return done


async def _register_stage(
    stage: Iterator[Registration],
    services: Mapping[str, httpx.AsyncClient],
    patience: Patience,
    concurrency: int,
    on_done: Callable[[], None],
) -> int:
    done = 0

    async def work() -> None:
        nonlocal done
        for one in stage:
            door = services[one.service]
            request = door.build_request(one.method, one.path, json=one.body)
            response = await send(door, request, patience)
            if not response.is_success:
                raise PostingError(refusal(response))
            done += 1
            on_done()

    await share_out(work, concurrency)
    return done
