"""Sums that were kept by month are sums by year after the migration."""

from decimal import Decimal
from importlib import import_module

import asyncpg
import msgspec

VERSIONS = "services.industrial.migrations.versions."

MONTHS = """
insert into account_month (account, month, energy_mg, pv_mg, energy_readings, output,
    output_reports, actual_mg)
values (1, '2021-12-01', 5, 0, 1, 0, 0, 5), (1, '2022-01-01', 7, 1, 2, 1.5, 1, 4),
    (1, '2022-03-01', -2, 0, 3, 0.25, 2, 2), (2, '2022-03-01', 0, 0, 0, 9, 1, 0)
"""
SETS = """
insert into account_factor_set values (1, 2021, 'a@1', 1), (1, 2022, 'a@1', 4), (1, 2022, 'b@2', 1)
"""


async def test_sums_by_month_become_sums_by_year(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(import_module(VERSIONS + "0001_initial").SUMS)
        await connection.execute(MONTHS)
        await connection.execute(SETS)
        await connection.execute(import_module(VERSIONS + "0003_years").YEARS)
        rows = await connection.fetch("select * from account_year order by account, year")
    finally:
        await connection.close()
    none = [0] * 12
    found = [(*list(row)[:-3], *map(msgspec.json.decode, list(row)[-3:])) for row in rows]
    assert found == [
        (1, 2021, 5, 0, 0, 0, 0, 0, 5, 0, 0, [*none[1:], 1], none, {"a@1": 1}),
        (1, 2022, 5, 0, 0, 1, Decimal("1.75"), 0, 6, 0, 0,
         [2, 0, 3, *none[3:]], [1, 0, 2, *none[3:]], {"a@1": 4, "b@2": 1}),
        (2, 2022, 0, 0, 0, 0, 9, 0, 0, 0, 0, none, [0, 0, 1, *none[3:]], {}),
    ]  # fmt: skip


ENTRIES = """
insert into ledger_entry (account, event_key, line, caused_by, month, category, activity, quantity,
    unit, factor, fallback, quality, amount_mg, cause, rule, sequence, posted_at)
select 1, decode(md5(n::text), 'hex'), 0, '', month::date, category, 'x', 1, 't', 1, false,
    'actual', mg, 'posted', 'x', 1, now()
from (values (1, '2021-12-01', 'energy', 5), (2, '2022-01-01', 'energy', 7),
    (3, '2022-01-01', 'energy', -2), (4, '2022-03-01', 'process', 11),
    (5, '2022-12-01', 'avoided', 13), (6, '2022-03-01', 'output', 0)
) v(n, month, category, mg)
"""


async def test_emissions_by_month_are_summed_from_the_entries(database_url: str) -> None:
    initial = import_module(VERSIONS + "0001_initial")
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(initial.REGISTRY + initial.LEDGER + initial.SUMS)
        await connection.execute(MONTHS)
        await connection.execute(import_module(VERSIONS + "0003_years").YEARS)
        await connection.execute(ENTRIES)
        await connection.execute(import_module(VERSIONS + "0006_warnings").CHANGES)
        rows = await connection.fetch(
            "select account, year, energy_months, process_months, avoided_months "
            "from account_year order by account, year"
        )
    finally:
        await connection.close()
    none = [0] * 12
    assert [(*row[:2], *map(msgspec.json.decode, row[2:])) for row in map(tuple, rows)] == [
        (1, 2021, [*none[1:], 5], none, none),
        (1, 2022, [5, *none[1:]], [0, 0, 11, *none[3:]], [*none[1:], 13]),
        (2, 2022, none, none, none),
    ]
