"""Links of all pages lead somewhere: to a file, a heading, a test."""

import re
from pathlib import Path

import pytest

from tests.deploy.docs import pages

LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
TEST = re.compile(r"`(test_\w+)`")
HEADING = re.compile(r"^#{1,6} +(.+?)#*$", re.MULTILINE)
RUNBOOK = re.compile(r"operating\.md#(\w+)")
ALERTS = pages.ROOT / "deploy/prometheus/alerts.yaml"


def _links(page: Path) -> list[tuple[str, str]]:
    """Words and target of each link that leads into the project."""
    found = LINK.findall(pages.prose(page))
    return [(words, target) for words, target in found if "://" not in target]


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them: of small letters, without marks, with - for blanks."""
    headings = HEADING.findall(pages.prose(page))
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


def _fault(page: Path, words: str, target: str) -> str | None:
    path, _, anchor = target.partition("#")
    goal = (page.parent / path).resolve() if path else page
    if not goal.exists():
        return f"{target}: there is no such file"
    if anchor and anchor not in _anchors(goal):
        return f"{target}: there is no such heading"
    if (test := TEST.fullmatch(words)) and f"def {test[1]}(" not in goal.read_text("utf-8"):
        return f"{target} has no {test[1]}"
    return None


@pytest.mark.parametrize("page", pages.EVERY, ids=pages.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    faults = [fault for link in _links(page) if (fault := _fault(page, *link))]
    assert faults == []


@pytest.mark.parametrize(
    ("words", "target", "fault"),
    [
        ("a", "nothing.md", "nothing.md: there is no such file"),
        ("a", "README.md#nothing", "README.md#nothing: there is no such heading"),
        ("`test_nothing`", "tests/conftest.py", "tests/conftest.py has no test_nothing"),
        ("a", "README.md#two-commands", None),
    ],
)
def test_a_link_that_leads_nowhere_is_found(words: str, target: str, fault: str | None) -> None:
    assert _fault(pages.ROOT / "README.md", words, target) == fault


def test_the_translation_leads_where_the_original_does() -> None:
    original, translated = (
        [target for _, target in _links(page) if not target.startswith("README")]
        for page in (pages.ROOT / "README.md", pages.TRANSLATED)
    )
    assert translated == original


def test_every_alert_has_its_section() -> None:
    named = {name.lower() for name in RUNBOOK.findall(ALERTS.read_text("utf-8"))}
    assert named
    assert named <= _anchors(pages.ROOT / "docs/operating.md")


def test_every_page_is_in_the_index() -> None:
    index = pages.ROOT / "docs/README.md"
    listed = {(index.parent / target.partition("#")[0]).resolve() for _, target in _links(index)}
    assert {*pages.RUN, pages.TRANSLATED} - {index} <= listed
