"""Waiting that ends early when the process is asked to stop."""

import asyncio


async def wait(until: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, `seconds` at the most; whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await until.wait()
    except TimeoutError:
        return until.is_set()
