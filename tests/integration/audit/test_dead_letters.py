"""Dead letters of a real service: listed without contents, shown, sent again."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tanzhang import dead_letters
from tanzhang.commands.dead_letters import app
from tests.integration.audit.conftest import BANK, City, event, payment

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PERSONAL = ("personal",)
WORDS = "select reason from personal.dead_letter order by reason"


async def buried(city: City) -> None:
    """A conflict, a reversal of a reversal, and a record that is no event."""
    back = payment("back", reverses="p1", time="2026-03-02T10:00:00+08:00")
    await city.start("personal")
    await city.publish("payments", [payment("p1"), back])
    await city.wait("select count(*) >= 2 from personal.ledger_entry")
    again = payment("back-back", reverses="back", time="2026-03-03T10:00:00+08:00")
    broken = event("cn.tanzhang.payment.v1", "broken", BANK, {"kind": "gift"}, "yesterday")
    await city.publish("payments", [payment("p1", amount="11.00"), again, broken])
    await city.wait("select count(*) = 3 from personal.dead_letter")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--service", "personal"])


async def test_a_list_tells_why_and_never_what(city: City) -> None:
    await buried(city)
    letters = await dead_letters.listed(city.settings, PERSONAL, None, 10)
    reasons = {letter.reason for letter in letters}
    assert {"conflict", "not_a_payment"} < reasons
    assert len(letters) == 3
    assert all(letter.origin.startswith("payments/") for letter in letters)
    assert BANK not in repr(letters)
    [conflict] = await dead_letters.listed(city.settings, PERSONAL, "conflict", 10)
    assert "p1" in conflict.detail
    counts = await dead_letters.counted(city.settings, PERSONAL, None)
    assert {(c.reason, c.letters, c.replayed) for c in counts} == {(r, 1, 0) for r in reasons}


async def test_a_letter_is_sent_again_and_found_wanting_again(city: City) -> None:
    await buried(city)
    outcome = await dead_letters.replay_reason(
        city.settings, PERSONAL, "conflict", again=False, now=NOW
    )
    assert (outcome.sent, outcome.refused) == (1, [])
    await city.wait("select seen = 2 from personal.dead_letter where reason = 'conflict'")
    marked = "select reason from personal.dead_letter where replayed_at is not null"
    assert [row[0] for row in await city.database.fetch(marked)] == ["conflict"]

    twice = await dead_letters.replay_reason(
        city.settings, PERSONAL, "conflict", again=False, now=NOW
    )
    assert twice.sent == 0


async def test_letters_are_sent_in_the_order_in_which_they_came(
    city: City, read_topic: Callable[[str], Any]
) -> None:
    await city.start("personal")
    wrong = [payment("p1", amount=f"{n}.00") for n in range(20)]
    await city.publish("payments", wrong)
    await city.wait("select count(*) = 19 from personal.dead_letter")
    outcome = await dead_letters.replay_reason(
        city.settings, PERSONAL, "conflict", again=False, now=NOW
    )
    assert outcome.sent == 19
    amounts = [e["data"]["amount"] for e in await read_topic("payments")]
    assert amounts[20:] == amounts[1:20]


async def test_what_is_no_event_is_refused_by_name(city: City) -> None:
    await buried(city)
    reasons = [row[0] for row in await city.database.fetch(WORDS)]
    [broken] = set(reasons) - {"conflict", "not_a_payment"}
    outcome = await dead_letters.replay_reason(
        city.settings, PERSONAL, broken, again=False, now=NOW
    )
    assert outcome.sent == 0
    [(digest, _)] = outcome.refused
    [letter] = await dead_letters.found(city.settings, PERSONAL, digest)
    assert b'"broken"' in letter.raw


@pytest.mark.usefixtures("environment")
async def test_the_commands(city: City) -> None:
    await buried(city)
    listed = await asyncio.to_thread(run, "list", "--reason", "conflict")
    assert listed.exit_code == 0, listed.output
    assert "personal: 1 conflict, 0 replayed" in listed.output
    assert BANK not in listed.output
    digest = next(w for w in listed.output.split() if len(w) == 32)

    shown = await asyncio.to_thread(run, "show", digest[:10])
    assert (shown.exit_code, BANK in shown.output) == (0, True)

    sent = await asyncio.to_thread(run, "replay", digest)
    assert (sent.exit_code, "1 sent again" in sent.output) == (0, True)
    await city.wait("select seen = 2 from personal.dead_letter where reason = 'conflict'")

    neither = await asyncio.to_thread(run, "replay")
    unknown = await asyncio.to_thread(run, "show", "0123456789")
    assert (neither.exit_code, unknown.exit_code) == (2, 1)
