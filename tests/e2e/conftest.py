"""One stack for all tests of this folder: `tanzhang up`, tokens required, real processes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.city import City, visiting
from tests.e2e.events import Author
from tests.e2e.up import Up


@pytest.fixture(scope="session")
def running(stack_directory: Path) -> Iterator[Up]:
    up = Up(stack_directory / "e2e")
    up.start()
    yield up
    try:
        assert up.interrupt() == 0, up.said()
    finally:
        up.kill()


@pytest.fixture
async def city(running: Up) -> AsyncIterator[City]:
    """A client of the stack, with a token for everything unless told otherwise."""
    async with visiting(running) as found:
        yield found


@pytest.fixture
def author() -> Author:
    """Who writes the events of this test."""
    return Author()
