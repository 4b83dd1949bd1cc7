"""The points service as its tests meet it."""

from collections.abc import AsyncIterator

import pytest

from shared.settings import Settings
from tests.integration.points.desk import Points, open_desk


@pytest.fixture
async def points(database_url: str) -> AsyncIterator[Points]:
    """The points service on an empty database, without worker and relay."""
    async with open_desk(Settings(database_url=database_url, tanzhang_auth="off")) as desk:
        yield desk
