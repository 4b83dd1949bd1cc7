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
