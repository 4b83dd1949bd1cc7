"""`tanzhang re-emit` as it is typed."""

from datetime import datetime

import pytest
from typer.testing import CliRunner

from tanzhang.cli import app
from tanzhang.commands.re_emit import instant

NOWHERE = {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2026-03-01", "2026-03-01T00:00:00+08:00"),
        ("2026-03-01T10:00:00+02:00", "2026-03-01T10:00:00+02:00"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00+00:00"),
    ],
)
def test_since_is_a_day_of_the_city_or_an_instant(given: str, meant: str) -> None:
    assert instant(given, "Asia/Shanghai") == datetime.fromisoformat(meant)


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", "2026-03-01T10:00:00", ""])
def test_any_other_since_is_refused_and_says_what_is_expected(given: str) -> None:
    result = CliRunner().invoke(app, ["re-emit", "points", "--since", given], env=NOWHERE)
    assert result.exit_code == 2
    assert "--since" in result.output
    assert "2026-03-01T10:00:00+08:00" in result.output


def test_a_database_that_does_not_answer_is_named() -> None:
    given = ["re-emit", "agri", "--since", "2026-03-01"]
    result = CliRunner().invoke(app, given, env=NOWHERE)
    assert result.exit_code == 1
    assert "the database of agri does not do it" in result.output
