"""What is waited for, and what is an event's own fault."""

import asyncpg
import pytest
import typer

from shared.database import TRANSIENT, reason
from tanzhang.commands import dead_letters

# By SQLSTATE: what a worker meets while servers fail, change their parts, or are worked on.
WAITED_FOR = [
    "08000",
    "08001",
    "08003",
    "08004",
    "08006",
    "25006",
    "25P03",
    "25P04",
    "28000",
    "28P01",
    "3D000",
    "40001",
    "40P01",
    "42501",
    "42703",
    "42P01",
    "42P10",
    "53100",
    "53200",
    "53300",
    "53400",
    "55000",
    "55006",
    "55P03",
    "57014",
    "57P01",
    "57P02",
    "57P03",
    "57P04",
    "57P05",
    "58000",
    "58030",
]
NOT_WAITED_FOR = [
    "22003",
    "22P02",
    "22001",
    "23502",
    "23505",
    "23514",
    "25P02",
    "42601",
    "54000",
    "XX001",
]


def error(sqlstate: str) -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new({"S": "ERROR", "C": sqlstate, "M": "said so"})


@pytest.mark.parametrize("sqlstate", WAITED_FOR)
def test_a_server_in_trouble_is_waited_for(sqlstate: str) -> None:
    assert isinstance(error(sqlstate), TRANSIENT)


@pytest.mark.parametrize("sqlstate", NOT_WAITED_FOR)
def test_what_an_event_causes_is_not(sqlstate: str) -> None:
    assert not isinstance(error(sqlstate), TRANSIENT)


def test_a_timeout_has_words_too() -> None:
    assert reason(TimeoutError()) == "it takes too long"
    assert reason(OSError("refused")) == "refused"


def test_a_command_says_that_its_connection_was_cut(capsys: pytest.CaptureFixture[str]) -> None:
    async def cut() -> None:
        raise asyncpg.InterfaceError("the underlying connection is closed")

    with pytest.raises(typer.Exit):
        dead_letters._run(cut())
    assert "a server does not do it: the underlying connection" in capsys.readouterr().err
