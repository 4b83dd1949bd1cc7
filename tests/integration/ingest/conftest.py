"""The door as it runs: uvicorn on a real socket, a real broker, signed tokens."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from services.ingest.app import api
from shared.auth.keys import create_keys
from shared.settings import Settings
from tanzhang import topics
from tests.integration.ingest.door import SECONDS_MAX, Door, Opener
from tests.serving import serving


@pytest.fixture
def base_settings(broker: str, topic_prefix: str) -> Settings:
    return Settings(
        kafka_bootstrap_servers=broker,
        kafka_idempotence=bool(os.environ.get("TANZHANG_TEST_KAFKA")),
        tanzhang_topic_prefix=topic_prefix,
        tanzhang_partitions=4,
    )


@pytest.fixture
def key_paths(tmp_path: Path) -> tuple[Path, Path]:
    return create_keys(tmp_path / "auth")


@pytest.fixture
def open_door(base_settings: Settings, key_paths: tuple[Path, Path]) -> Iterator[Opener]:
    """`async with open_door(setting=...) as door`: a running door."""

    @asynccontextmanager
    async def opened(
        *, ready: bool = True, seconds: Callable[[], float] = time.monotonic, **change: Any
    ) -> AsyncIterator[Door]:
        settings = msgspec.structs.replace(
            base_settings, **{"tanzhang_jwks": str(key_paths[1]), **change}
        )
        if ready:
            await topics.create(settings)
        app = api(settings, seconds=seconds)
        async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
            door = Door(client, key_paths[0], settings)
            if ready:
                await _until_ready(client)
            yield door

    yield opened


async def _until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.05)


@pytest.fixture
async def door(open_door: Opener) -> AsyncIterator[Door]:
    async with open_door() as found:
        yield found
