"""A page that does not do as it shows is found, with the line where it begins."""

import os
from pathlib import Path

import pytest

from tests.deploy.docs import pages, walking
from tests.deploy.docs.matching import json_fits, text_fits
from tests.deploy.docs.walking import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(walking, "AGAIN_SECONDS", 0.5)
    return Place(tmp_path, dict(os.environ), {8101: 9, 8190: 10})


def _page(place: Place, *blocks: str) -> Path:
    path = place.directory / "page.md"
    path.write_text("\n".join(f"Some words.\n\n```{block}\n```" for block in blocks))
    return path


def test_variables_functions_and_jobs_last_for_the_page(place: Place) -> None:
    say = 'sh\nNAME=city\nsay() { echo "$NAME $1"; }\nsleep 60 &'
    walking.walk(_page(place, say, "sh\nsay works", "text\ncity works"), place)


def test_ports_are_those_that_are_taken(place: Place) -> None:
    walking.walk(
        _page(place, "sh\necho 127.0.0.1:8101 --port 8190", "text\n127.0.0.1:9 --port 10"), place
    )


def test_who_asks_may_ask_again(place: Place) -> None:
    (place.directory / "log").write_text("")
    later = "sh\n(sleep 0.2; echo came > log) &"
    walking.walk(_page(place, later, "sh\ncat log", "text\ncame"), place)


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        (("sh\necho no", "text\nyes"), r"page\.md:3: shown is\nyes\n\nit said\nno"),
        (("sh\nfalse\necho hidden",), r"page\.md:3: ended with 1"),
        (("sh\necho $UNKNOWN",), r"page\.md:3: ended with 2"),
        (("python\nraise SystemExit(3)",), r"page\.md:3: ended with 3"),
        (("sh\ncat log", "text\ncame"), r"page\.md:3: ended with 1"),
        (("sh\necho 403",), r"page\.md:3: shown is\nnothing\nit said\n403"),
        (('sh\necho \'{"type": "urn:tanzhang:problem:forbidden"}\'',), r"page\.md:3: shown is"),
    ],
)
def test_what_differs_or_fails_is_told(place: Place, blocks: tuple[str, ...], reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        walking.walk(_page(place, *blocks), place)


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        (("text\nfrom nowhere",), "shows what no command before it says"),
        (("sh no-run: no time\nmake demo", "text\ndone"), "shows what no command before it says"),
        (("sh\necho begun",), "this block is not closed"),
    ],
)
def test_a_page_that_cannot_be_followed_is_refused(
    place: Place, blocks: tuple[str, ...], reason: str
) -> None:
    page = _page(place, *blocks)
    if "closed" in reason:
        page.write_text(page.read_text().removesuffix("```"))
    with pytest.raises(ValueError, match=rf"page\.md:\d+: {reason}"):
        pages.steps(page)


@pytest.mark.parametrize(
    ("shown", "said", "fitting"),
    [
        ("all agrees", " all  agrees\n", True),
        ("…\nall agrees", "a table\nall agrees\n", True),
        ("…\nall agrees", "1 wrong", False),
        ("a.b", "axb", False),
    ],
)
def test_text_is_compared(shown: str, said: str, fitting: bool) -> None:
    assert text_fits(shown, said) is fitting


@pytest.mark.parametrize(
    ("shown", "said", "fitting"),
    [
        ('{"a": 1, "b": "…"}', '{"b": "x y", "a": 1}', True),
        ('{"a": 1, "b": …}', '{"a": 1, "b": {"c": 2}}', True),
        ('{… "b": 2, …}', '{"a": 1, "b": 2}', True),
        ('{"a": {"b": 1, …}}', '{"a": {"b": 1, "c": 2}}', True),
        ('[{"a": 1}, …]', '[{"a": 1}, {"a": 2}]', True),
        ('"id-…-end"', '"id-17-end"', True),
        ('{"a": 1}', '{"a": 1, "b": 2}', False),
        ('{"a": 1, "b": 2}', '{"a": 1}', False),
        ('{"a": {"b": 1}, …}', '{"a": {"b": 1, "c": 2}}', False),
        ('{"a": "1"}', '{"a": 1}', False),
        ('[{"a": 1}]', '[{"a": 1}, {"a": 2}]', False),
        ('{"a": true}', '{"a": 1}', False),
        ("{}", "no JSON", False),
    ],
)
def test_json_is_compared(shown: str, said: str, fitting: bool) -> None:
    assert json_fits(shown, said) is fitting
