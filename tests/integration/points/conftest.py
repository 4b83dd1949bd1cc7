"""The points service as its tests meet it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from shared.settings import Settings
from tanzhang.stack.postgres import Postgres
from tests.integration.databases import emptied, migrated
from tests.integration.points.desk import Points, open_desk


@pytest.fixture(scope="session")
def migrated_url(postgres: Postgres) -> Iterator[str]:
    """One database for the tests of this service."""
    with migrated(postgres, "points") as url:
        yield url


@pytest.fixture
async def points(migrated_url: str) -> AsyncIterator[Points]:
    """The points service on an empty database, without worker and relay."""
    url = await emptied(migrated_url, "points")
    async with open_desk(Settings(database_url=url, tanzhang_auth="off")) as desk:
        yield desk
