"""Which form of an answer a client gets."""

import pytest

from shared.http.negotiation import preferred
from shared.http.problems import Problem

OFFERED = ("application/json", "text/csv")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("Text/CSV; charset=utf-8", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.9", "application/json"),
        ("application/json;q=0.1, text/csv", "text/csv"),
        ("*/*;q=0.1, text/csv", "text/csv"),
        ("text/html, */*;q=0.8", "application/json"),
        ("application/json;q=0, */*", "text/csv"),
        ("text/csv;q=best", "text/csv"),
        (" , ", "application/json"),
        ("application/json;q=0.5, text/csv;q=nan", "text/csv"),
        ("application/json;q=1, text/csv;q=9", "application/json"),
        ("application/json;q=inf, text/csv", "application/json"),
        ("application/json;q=0.001, text/csv;q=0.000", "application/json"),
    ],
)
def test_the_best_of_what_there_is(accept: str | None, media: str) -> None:
    assert preferred(accept, OFFERED) == media


@pytest.mark.parametrize("accept", ["application/xml", "text/csv;q=0", "image/*"])
def test_a_form_that_there_is_not(accept: str) -> None:
    with pytest.raises(Problem, match="expected one of application/json, text/csv") as refused:
        preferred(accept, OFFERED)
    assert refused.value.status == 406
