"""Clients of applications."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.http.asking import connect, make_app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with connect(make_app()) as found:
        yield found
