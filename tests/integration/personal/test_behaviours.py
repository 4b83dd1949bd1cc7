"""One behaviour is credited once, whichever banks report it: on the real database."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from shared.database.migrations import check
from shared.stream import outbox
from tests.integration.personal.behaviours import (
    HERE,
    NOW,
    RIDE,
    THERE,
    Service,
    back,
    paid,
)


@pytest.fixture
async def service(start: Any, client: Callable[..., Any]) -> AsyncIterator[Service]:
    app = await start("personal", role="api")
    app.state.clock = lambda: NOW
    async with client(app) as http:
        yield Service(app.state, http)


async def test_the_tables_are_what_the_migrations_make(service: Service) -> None:
    await check(service.state.settings.database("personal"), "personal")


async def test_the_first_report_counts_and_the_other_says_why_not(service: Service) -> None:
    await service.post(paid("b", THERE, 1))
    await service.post(paid("a", HERE, 2))
    assert await service.amount("b", THERE) == (None, RIDE)
    assert await service.amount("a", HERE) == ("duplicate_behaviour", 0)
    assert await service.findings() == []


async def test_an_earlier_report_moves_the_credit_and_a_reversal_moves_it_back(
    service: Service,
) -> None:
    await service.post(paid("b", THERE, 1))
    await service.post(paid("a", HERE, 0))
    assert (await service.balance(HERE), await service.balance(THERE)) == (RIDE, 0)
    assert await service.findings() == []
    await service.post(back("a", HERE))
    assert (await service.balance(HERE), await service.balance(THERE)) == (0, RIDE)
    assert await service.findings() == []
    entries = (await service.http.get(f"/v1/accounts/{THERE}/entries")).json()["items"]
    assert [(e["cause"], e["reduction_g"]) for e in entries] == [
        ("payment", "98.000"),
        ("displaced", "-98.000"),
        ("counted", "98.000"),
    ]


async def test_what_moves_is_told_with_the_next_sequence_of_its_account(service: Service) -> None:
    await service.post(paid("b", THERE, 1))
    await service.post(paid("a", HERE, 0))
    async with service.state.pool.acquire() as connection:
        rows = await outbox.waiting(connection, 100)
    told = [msgspec.json.decode(value) for row in rows for _, value in row[2]]
    there = [e["data"] for e in told if e["subject"] == THERE]
    assert [(d["sequence"], d["reduction_g"], d["cause"]) for d in there] == [
        (1, "98.000", "b"),
        (2, "-98.000", "b"),
    ]


async def test_a_reversal_that_comes_first_leaves_the_credit_to_the_next(service: Service) -> None:
    await service.post(back("a", HERE), paid("b", THERE, 1))
    await service.post(paid("a", HERE, 0))
    assert (await service.balance(HERE), await service.balance(THERE)) == (0, RIDE)
    assert await service.findings() == []


async def test_repetitions_and_conflicts_move_nothing(service: Service) -> None:
    await service.post(paid("b", THERE, 1), paid("a", HERE, 0))
    again = await service.post(paid("b", THERE, 1), paid("a", HERE, 0))
    assert again.duplicates == 2
    conflict = await service.post(paid("b", THERE, 0, "ride-2"))
    assert conflict.refused == {"conflict": 1}
    assert await service.balance(HERE) == RIDE
    assert await service.findings() == []


async def test_what_an_erased_account_was_credited_stays_and_excludes_others(
    service: Service,
) -> None:
    await service.post(paid("b", THERE, 1), paid("c", THERE, 3, "ride-2"))
    await service.post(paid("early", HERE, 2, "ride-2"))
    await service.erase(THERE)
    await service.post(paid("a", HERE, 0))
    assert await service.amount("a", HERE) == ("duplicate_behaviour", 0)
    assert await service.amount("b", THERE) == (None, RIDE)
    # What it had not been credited it never will be.
    await service.post(back("early", HERE))
    assert await service.amount("c", THERE) == (None, 0)
    assert await service.balance(HERE) == 0
    assert await service.findings() == []


async def test_nothing_links_an_erased_account_to_what_others_report(service: Service) -> None:
    await service.post(paid("b", THERE, 1), paid("c", THERE, 3, "ride-2"))
    await service.post(paid("a", HERE, 2), paid("d", HERE, 2, "ride-2"))
    pool = service.state.pool
    number = await pool.fetchval("select account from subject where subject = $1", THERE)
    await service.erase(THERE)
    sql = "select count(*) from {} where account = $1 {}"
    assert await pool.fetchval(sql.format("behaviour_report", ""), number) == 0
    assert await pool.fetchval(sql.format("ledger_entry", "and reference is not null"), number) == 0
    kept = await pool.fetch("select account, event_key from behaviour_report where not movable")
    assert [tuple(row) for row in kept] == [(0, b"")]


async def test_a_fresh_account_under_an_erased_name_is_not_credited_again(
    service: Service,
) -> None:
    await service.post(paid("b", THERE, 1))
    await service.erase(THERE)
    later = paid("again", THERE, 60 * 24 * 100)
    await service.post(later)
    assert await service.amount("again", THERE) == ("duplicate_behaviour", 0)
    assert await service.findings() == []
