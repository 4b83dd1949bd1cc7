"""Asking running services over HTTP: are they ready, have they worked off everything."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping

import httpx

IDLE = re.compile(r"^tanzhang_idle(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
# Longer than a worker's poll, so that two answers in a row come from two polls.
BETWEEN_LOOKS = 0.7


async def why_not_ready(client: httpx.AsyncClient, url: str) -> str:
    """What GET /readyz answers instead of 200; empty when the service is ready."""
    try:
        answer = await client.get(f"{url}/readyz")
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    return "" if answer.status_code == 200 else f"{answer.status_code} {answer.text}"


async def is_ready(client: httpx.AsyncClient, url: str) -> bool:
    """Whether GET /readyz says 200."""
    return not await why_not_ready(client, url)


async def is_idle(client: httpx.AsyncClient, url: str) -> bool:
    """Whether the worker found nothing to read and its outbox is empty."""
    try:
        answer = await client.get(f"{url}/metrics")
    except httpx.HTTPError:
        return False
    values = [float(value) for value in IDLE.findall(answer.text)]
    return bool(values) and min(values) == 1


async def drained(urls: Mapping[str, str], seconds: float) -> list[str]:
    """Wait until all are idle, twice in a row; the names of those that were not at the end."""
    deadline = time.monotonic() + seconds
    in_a_row = 0
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        while True:
            busy = [name for name, url in urls.items() if not await is_idle(client, url)]
            in_a_row = 0 if busy else in_a_row + 1
            if in_a_row == 2:
                return []
            if time.monotonic() > deadline:
                return busy or list(urls)
            await asyncio.sleep(BETWEEN_LOOKS)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Look every 100 ms until the condition holds; False when the time is up."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True
