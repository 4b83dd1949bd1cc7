"""Doing what a page says, and comparing what it shows."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.docs.matching import json_fits, text_fits
from tests.deploy.docs.pages import Block, Step, steps
from tests.deploy.docs.shell import Said, Shell

# An event is posted a moment after it was accepted: who only asks may ask again.
QUESTION = re.compile(r"(get|tail|cat) ")
AGAIN_SECONDS, PAUSE = 30.0, 0.2
BLOCK_SECONDS = 120.0
# What nobody shows must not be a refusal.
_REFUSED = re.compile(r"urn:tanzhang:problem:|^[45]\d\d$", re.MULTILINE)
_PORT = re.compile(r"(127\.0\.0\.1:|--port )(81\d\d)\b")


@dataclass(slots=True, frozen=True)
class Place:
    """Where pages are followed: a directory like a clone, and the ports that took those shown."""

    directory: Path
    environment: Mapping[str, str]
    ports: Mapping[int, int]


def walk(page: Path, place: Place) -> None:
    """Follow a page from its top; AssertionError names the block that does not do as shown."""
    shell = Shell(place.directory, place.environment)
    try:
        for step in steps(page):
            _follow(step, place, shell)
    finally:
        shell.close()


def _follow(step: Step, place: Place, shell: Shell) -> None:
    text = _typed(step.block, place.ports)
    until = time.monotonic() + (AGAIN_SECONDS if _only_asks(step.block) else 0)
    said = shell.run(text, BLOCK_SECONDS)
    while said.code is None and not _as_shown(step, said) and time.monotonic() < until:
        time.sleep(PAUSE)
        said = shell.run(text, BLOCK_SECONDS)
    assert said.code is None, f"{step.block}: ended with {said.code}: {said.text}"
    shown = step.shown.text if step.shown else ""
    assert _as_shown(step, said), (
        f"{step.block}: shown is\n{shown or 'nothing'}\nit said\n{said.text}"
    )


def _as_shown(step: Step, said: Said) -> bool:
    if step.shown is None:
        return _REFUSED.search(said.text) is None
    fits = json_fits if step.shown.language == "json" else text_fits
    return fits(step.shown.text, said.text)


def _only_asks(block: Block) -> bool:
    return all(QUESTION.match(line) for line in block.text.splitlines())


def _typed(block: Block, ports: Mapping[int, int]) -> str:
    text = _PORT.sub(lambda found: f"{found[1]}{ports[int(found[2])]}", block.text)
    return text if block.language == "sh" else f"python - <<'PYTHON'\n{text}PYTHON\n"
