"""Offers, stock, tiers and answers of before stand after the migration."""

from importlib import import_module

import asyncpg

from shared.database.migrations import check, migrate

VERSIONS = "services.points.migrations.versions."
BEFORE = """
insert into subject values ('jsrcb:token-0001', 1);
insert into reward values ('bag', 'Bag', 20000, 7, null, null, now());
insert into redemption values
    (1, '00000000-0000-0000-0000-000000000001', 'bag', 3, 60000, 'redeemed', now(), null),
    (1, '00000000-0000-0000-0000-000000000002', 'bag', 2, 40000, 'cancelled', now(), now());
insert into idempotency values ('app', 'k', 1, '', '{}', now());
insert into tier values (1, 'light', 600000, '2026-01-01Z'), (2, 'deep', 9000000, '2026-01-01Z');
"""


async def test_stock_is_what_was_delivered_less_what_was_redeemed(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("create table subject (subject text, account bigint)")
        await connection.execute(import_module(VERSIONS + "0001_initial").POINTS)
        await connection.execute(BEFORE)
        await connection.execute(import_module(VERSIONS + "0003_offers").OFFERS)
        deliveries = await connection.fetch("select reward_id, reference, quantity from delivery")
        statuses = await connection.fetch("select status from idempotency")
        tiers = await connection.fetch("select account, changed_at = decided_at from tier")
    finally:
        await connection.close()
    assert [tuple(row) for row in deliveries] == [("bag", "", 10)]
    assert [row[0] for row in statuses] == [201]
    assert [tuple(row) for row in tiers] == [(1, True)]


async def test_the_tables_in_code_are_those_of_the_database(database_url: str) -> None:
    await migrate(database_url, "points")
    await check(database_url, "points")
