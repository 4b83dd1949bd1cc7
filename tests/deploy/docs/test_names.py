"""What pages name in passing is there: settings, metrics, paths, scopes, events, files, commands."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.auth.principal import SCOPES
from shared.events.types import INPUTS, OUTPUTS
from shared.settings import Settings
from shared.webhooks.rules import NOTICE
from tests.deploy.docs import pages, reading

CODE = re.compile(r"`([^`\n]+)`")
VARIABLE = re.compile(r"\b(?:TANZHANG|KAFKA)_[A-Z_]+\b|\b[A-Z]+_DATABASE_URL\b")
METRIC = re.compile(r"\btanzhang_[a-z_]+\b")
ROUTE = re.compile(r"/v1/[\w{}.<>/-]*")
SCOPE = re.compile(r"\b[a-z]+:(?:write:[a-z-]+|write(?!:)|read|redeem|erase|freeze|decide)\b")
EVENT = re.compile(r"\bcn\.tanzhang\.[a-z.]+\.v\d+\b")
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?")
COMMAND = re.compile(r"(?:tanzhang|make|docker|kubectl) ")
# Words that stand for the reader's own.
PLACEHOLDERS = {"SERVICE": "points", "YEAR": "2020", "DIGEST": "0", "grading|points": "points"}
# What a reader makes.
MADE = {"deploy/compose/secrets", "deploy/compose/settings.env"}


def _variables() -> set[str]:
    """Those of settings, and those that the command line, Compose and its scripts read."""
    read = [*Path(pages.ROOT, "tanzhang").rglob("*.py"), pages.ROOT / "docker-compose.yml"]
    known = {found for path in read for found in VARIABLE.findall(path.read_text("utf-8"))}
    return known | {name.upper() for name in Settings.__struct_fields__}


def _routes() -> list[re.Pattern[str]]:
    documents = (pages.ROOT / "docs/openapi").glob("*.json")
    paths = {path for one in documents for path in json.loads(one.read_text("utf-8"))["paths"]}
    return [re.compile(re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(path))) for path in paths]


METRICS = set(METRIC.findall((pages.ROOT / "docs/metrics.md").read_text("utf-8")))
KNOWN = {
    "setting": (VARIABLE, _variables()),
    "metric": (METRIC, METRICS),
    "scope": (SCOPE, set(SCOPES)),
    "event": (EVENT, {*INPUTS, *OUTPUTS, NOTICE}),
}
ROUTES = _routes()
# What the project is made of; `.tanzhang` and `.cache` are made by commands, where they were run.
FOLDERS = {path.name for path in pages.ROOT.iterdir() if path.is_dir()} - {".tanzhang", ".cache"}


def _faults(page: Path, code: str) -> Iterator[str]:
    for what, (form, known) in KNOWN.items():
        yield from (
            f"there is no {what} {name}" for name in form.findall(code) if name not in known
        )
    for route in ROUTE.findall(code):
        if not any(known.fullmatch(route) for known in ROUTES):
            yield f"no service has {route}"
    if FILE.fullmatch(code) and code.partition("/")[0] in FOLDERS and code not in MADE:
        yield from _missing(page, code)
    if COMMAND.match(code):
        yield from _wrong_command(code)


def _missing(page: Path, path: str) -> Iterator[str]:
    if not any((folder / path).exists() for folder in (pages.ROOT, page.parent)):
        yield f"there is no {path}"


def _wrong_command(code: str) -> Iterator[str]:
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(code) if word != "..."]
    found = reading.fault(words)
    # In passing a command is named without its arguments.
    if found and "Missing parameter" not in found:
        yield f"{code}: {found}"


@pytest.mark.parametrize("page", pages.EVERY, ids=pages.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    named = CODE.findall(pages.prose(page))
    assert [fault for code in named for fault in _faults(page, code)] == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("TANZHANG_NOTHING=1", "there is no setting TANZHANG_NOTHING"),
        ("tanzhang_nothing", "there is no metric tanzhang_nothing"),
        ("events:write:nothing", "there is no scope events:write:nothing"),
        ("cn.tanzhang.nothing.v1", "there is no event cn.tanzhang.nothing.v1"),
        ("GET /v1/nothing/{id}", "no service has /v1/nothing/{id}"),
        ("shared/nothing.py", "there is no shared/nothing.py"),
        ("make nothing", "make nothing: make has no nothing"),
        ("tanzhang audit --nothing", "tanzhang audit --nothing: No such option: --nothing"),
        ("tanzhang run SERVICE --role nothing", "'nothing' is not one of"),
        ("tanzhang run SERVICE --role worker", None),
        ("tanzhang import csv", None),
        ("/v1/leagues/villages?year=", None),
    ],
)
def test_a_wrong_name_is_found(code: str, fault: str | None) -> None:
    found = list(_faults(pages.ROOT / "README.md", code))
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]
