"""Every command of the documentation is run, page by page, and says what the page shows."""

import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from shared.settings import SERVICES
from tanzhang.stack import directory
from tanzhang.stack.ports import free_port
from tests.deploy.docs import pages, walking
from tests.deploy.docs.walking import Place
from tests.e2e.up import Up

FIRST_PORT = 8101
# Where the receiver of webhooks listens on the page for finance platforms.
RECEIVER = 8190
NOT_OF_A_CLONE = {".git", ".tanzhang", ".cache"}


@pytest.fixture(scope="module")
def place(stack_directory: Path) -> Iterator[Place]:
    """A directory with what a clone has, and `make up` running in it, on ports that are free."""
    clone = stack_directory / "clone"
    clone.mkdir(mode=0o711)
    for entry in pages.ROOT.iterdir():
        if entry.name not in NOT_OF_A_CLONE:
            (clone / entry.name).symlink_to(entry)
    up = Up(clone / ".tanzhang", options=("--webhooks",))
    state = up.start()
    try:
        ports = {FIRST_PORT + n: state.port(name) for n, name in enumerate(SERVICES)}
        yield Place(clone, up.environment, ports | {RECEIVER: free_port()})
        assert up.interrupt() == 0, up.said()
    finally:
        up.kill()


@pytest.mark.parametrize("page", [*filter(pages.steps, pages.RUN)], ids=pages.name)
def test_the_commands_of_a_page_do_what_it_shows(place: Place, page: Path) -> None:
    walking.walk(page, place)


async def test_what_the_databases_are_asked_can_be_asked(place: Place) -> None:
    state = directory.read(place.directory / ".tanzhang")
    assert state is not None
    runbook = pages.prose(pages.ROOT / "docs/operating.md")
    questions = re.findall(r"`(select [^`]+)`", runbook)
    assert questions
    database = await asyncpg.connect(state.environment["INDUSTRIAL_DATABASE_URL"])
    try:
        for question in questions:
            await database.fetch(question)
    finally:
        await database.close()


def test_the_translation_has_the_commands_of_the_original() -> None:
    original, translated = (
        [(b.language, b.note, _without_comments(b.text)) for b in pages.blocks(page)]
        for page in (pages.ROOT / "README.md", pages.TRANSLATED)
    )
    assert translated == original


def _without_comments(text: str) -> str:
    return "\n".join(line.partition("    #")[0].rstrip() for line in text.splitlines())
