"""A real file of meter readings through the command line, into an account."""

import asyncio
import csv
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.city import City
from tests.e2e.events import Author

STEEL = Path(__file__).parents[3] / "shared" / "data" / "energy" / "steel_2018_h1.csv"
COLUMNS = ("--time-column", "date", "--value-column", "Usage_kWh", "--step", "15m", "--day-first")
# No factor of 2018 is published for the province: the national one of 2015 stands in.
MG_PER_KWH = 610_100
ROWS = 17_376


def used() -> list[Decimal]:
    with STEEL.open(newline="") as file:
        return [Decimal(row["Usage_kWh"]) for row in csv.DictReader(file)]


async def import_it(city: City, author: Author) -> None:
    names = ("--enterprise", author.enterprise, "--meter", author.meter())
    command = ("import", "csv", str(STEEL), *names, *COLUMNS, "--midnight-belongs", "next")
    done = await asyncio.to_thread(city.up.run, *command)
    assert (done.returncode, done.stdout) == (
        0,
        f"{ROWS} events sent, {ROWS} accepted, 0 rejected\n",
    ), done.stderr
    await city.settled()


@pytest.mark.skipif(not STEEL.is_file(), reason=f"no file {STEEL.name} in ../shared/data/energy")
async def test_half_a_year_of_a_steel_works_twice(city: City, author: Author) -> None:
    await city.register_enterprise(author, sector="3120")
    await city.register_meter(author)
    values = used()
    assert len(values) == ROWS

    async def seen() -> dict[str, Any]:
        path = f"/v1/enterprises/{author.enterprise}"
        by = await city.get("industrial", f"{path}/breakdown?year=2018&by=carrier,month")
        entries = await city.get("industrial", f"{path}/entries?year=2018&limit=1000")
        return {"account": await city.industrial(author, 2018), "by": by, "entries": entries}

    await import_it(city, author)
    first = await seen()

    exact = Fraction(sum(values)) * MG_PER_KWH
    posted = sum(round(Fraction(value) * MG_PER_KWH) for value in values)
    assert abs(posted - exact) <= Fraction(ROWS, 2)
    account, parts = first["account"], first["by"]["items"]
    assert Decimal(account["energy_t"]) * 10**9 == posted
    assert account["total_t"] == account["energy_t"]
    assert sum(Decimal(part["quantity"]) for part in parts) == sum(values)
    assert [part["month"] for part in parts] == [f"2018-{n:02}" for n in range(1, 7)]
    assert (account["months_energy"], account["quality"]["actual"]) == (6, "1.000000")
    assert {entry["fallback"] for entry in first["entries"]["items"]} == {True}
    assert {entry["factor_mg_per_unit"] for entry in first["entries"]["items"]} == {str(MG_PER_KWH)}

    await import_it(city, author)
    assert await seen() == first
