"""One changed row, one that is missing, one that is there twice: the comparison finds each."""

from collections.abc import Callable

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from tests.faults.comparison import Differences, differences
from tests.faults.oracle import Expected, expected
from tests.faults.workload import Workload
from tests.integration.conftest import Start
from tests.integration.faults.conftest import Put, Settled, register

SERVICES = ("personal", "points", "industrial", "agri", "grading")
EVENTS = 250

# What was done to the ledgers -> the statement that does it, lost and doubled entries, a word of
# the line that says so. Of rows that qualify the first one is taken.
TAMPERED = {
    "a payment changed": (
        "update personal.ledger_entry set amount_mg = amount_mg + 1 where {one}",
        "personal.ledger_entry where amount_mg > 0 order by account, event_key",
        (0, 0, "mg of personal event"),
    ),
    "a payment missing": (
        "delete from personal.ledger_entry where {one}",
        "personal.ledger_entry e where amount_mg > 0 and not exists (select from"
        " personal.ledger_entry o where o.account = e.account and o.event_key = e.event_key"
        " and o.line <> e.line) order by account, event_key",
        # Its points are then credited for nothing.
        (1, 1, "lost"),
    ),
    "a payment twice": (
        "insert into personal.ledger_entry select * from jsonb_populate_record("
        "null::personal.ledger_entry, (select to_jsonb(e) || '{{\"line\": 99}}'"
        " from personal.ledger_entry e where {one}))",
        "personal.ledger_entry where amount_mg > 0 order by account, event_key",
        (0, 1, "posted twice"),
    ),
    "points missing": (
        "delete from points.posting where {one}",
        "points.posting order by account, event_key",
        (1, 0, "points, how often, of"),
    ),
    "points twice": (
        "insert into points.posting select * from jsonb_populate_record(null::points.posting,"
        " (select to_jsonb(e) || '{{\"line\": 99}}' from points.posting e where {one}))",
        "points.posting order by account, event_key",
        (0, 1, "posted twice"),
    ),
    "a reading missing": (
        "delete from industrial.fact where {one}",
        "industrial.fact order by account, event_key",
        (1, 0, "industrial event"),
    ),
    "a line of a reading twice": (
        "insert into industrial.ledger_entry select * from jsonb_populate_record("
        "null::industrial.ledger_entry, (select to_jsonb(e) || '{{\"line\": 99}}'"
        " from industrial.ledger_entry e where {one}))",
        "industrial.ledger_entry where category = 'energy' order by account, event_key",
        (0, 1, "entries of"),
    ),
    "a straw record changed": (
        "update agri.ledger_entry set amount_mg = amount_mg - 1 where {one}",
        "agri.ledger_entry where pathway = 'straw' order by account, event_key",
        (0, 0, "straw, soil, manure, gross of"),
    ),
    "a label changed": (
        "update grading.label set label = 'red' where {one}",
        "grading.label where label <> 'red' order by account, year",
        (0, 0, "label of"),
    ),
    "a balance changed": (
        "update points.account set balance = balance + 1 where {one}",
        "points.account order by number",
        (0, 0, "points balance"),
    ),
    "a dead letter missing": (
        "delete from personal.dead_letter where {one}",
        "personal.dead_letter order by digest",
        (1, 0, "dead letter"),
    ),
}


@pytest.fixture
async def ledgers(
    start: Start,
    put: Put,
    settled: Settled,
    client: Callable[[FastAPI], httpx.AsyncClient],
) -> Expected:
    """Ledgers that agree with the oracle."""
    workload = Workload(3, enterprises=2, farms=2, customers=10, conflicts=0.05)
    apps = {service: await start(service) for service in SERVICES}
    await register(workload, apps, client)
    workload.take(EVENTS)
    await put(workload.sent)
    found = expected(workload.sent, workload.registrations())
    assert (await settled(found)).wrong == []
    return found


async def test_every_tampering_is_found(ledgers: Expected, database_url: str) -> None:
    for what, (statement, rows, (lost, doubled, word)) in TAMPERED.items():
        found = await _tampered(database_url, statement, rows, ledgers)
        assert found, what
        assert (found.lost, found.doubled) == (lost, doubled), (what, found)
        assert any(word in line for line in found.wrong), (what, found.wrong)


async def _tampered(url: str, statement: str, rows: str, wanted: Expected) -> Differences:
    """What the comparison says of one row that was changed; the change is undone afterwards."""
    table = rows.split(maxsplit=1)[0]
    copy = f"kept_{table.replace('.', '_')}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"create table {copy} as table {table}")
        place = await connection.fetchval(f"select ctid::text from {rows} limit 1")
        done = await connection.execute(statement.format(one=f"ctid = '{place}'::tid"))
        assert done.endswith(" 1"), done
        found = await differences(url, wanted)
        await connection.execute(f"truncate {table}; insert into {table} select * from {copy}")
        await connection.execute(f"drop table {copy}")
    finally:
        await connection.close()
    assert not await differences(url, wanted)
    return found
