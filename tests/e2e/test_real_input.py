"""A real file of meter readings through the command line, into an account."""

import asyncio
import csv
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.e2e.city import City
from tests.e2e.events import Author

STEEL = Path(__file__).parents[3] / "shared" / "data" / "energy" / "steel_2018_h1.csv"
COLUMNS = ("--time-column", "date", "--value-column", "Usage_kWh", "--step", "15m", "--day-first")
# No factor of 2018 is published for the province: the national one of 2015 stands in.
MG_PER_KWH = 610_100
ROWS = 17_376


# Of 2018: 261 days from Monday to Friday, 104 others.
NIGHT_HOURS_A_YEAR, WEEKEND_HOURS_A_YEAR = 8 * 261, 24 * 104


def used() -> list[Decimal]:
    with STEEL.open(newline="") as file:
        return [Decimal(row["Usage_kWh"]) for row in csv.DictReader(file)]


def quarters() -> list[tuple[datetime, Fraction]]:
    """Start and kWh of each row: the time is the end, a row at 00:00 ends the day it names."""
    found = []
    with STEEL.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            end = datetime.strptime(row["date"], "%d/%m/%Y %H:%M")
            if end.time() == time():
                end += timedelta(days=1)
            found.append((end - timedelta(minutes=15), Fraction(row["Usage_kWh"])))
    return found


def by_day(wanted: Callable[[datetime], bool]) -> dict[date, list[Fraction]]:
    """The demands in kW of the wanted quarters, by day."""
    days: dict[date, list[Fraction]] = defaultdict(list)
    for start, used_kwh in quarters():
        if wanted(start):
            days[start.date()].append(4 * used_kwh)
    return dict(days)


def mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def level_and_quietest(days: dict[date, list[Fraction]]) -> tuple[Fraction, Fraction]:
    """The mean of the days' demands, none counted above their median, and that of the day which a
    tenth of the days do not exceed. All days of the file are whole."""
    means = sorted(mean(demands) for demands in days.values())
    most = median(means)
    return mean([min(one, most) for one in means]), means[(len(means) - 1) // 10]


def is_working_night(start: datetime) -> bool:
    return start.weekday() <= 4 and not 6 <= start.hour < 22


async def check_findings(city: City, author: Author) -> None:
    """Night, week-end and peak, as the file alone shows them."""
    path = f"/v1/enterprises/{author.enterprise}/opportunities?year=2018"
    items = (await city.get("industrial", path))["items"]
    found = {item["finding"]: item for item in items}
    # Without production no other rule has anything to say, and no step lasts.
    assert [item["finding"] for item in items] == ["weekend_load", "night_load", "peak_demand"]

    def figures(kind: str) -> dict[str, Decimal]:
        shown = found[kind]["evidence"]["figures"]
        return {name: Decimal(shown[name]) for name in ("level", "target")}

    # One night in seven is worked, at up to 215 kW; the others draw 12 to 28 kW.
    night, quiet = level_and_quietest(by_day(is_working_night))
    assert (round(night, 1), round(quiet, 1)) == (Fraction("13.6"), Fraction("12.5"))
    weekend, still = level_and_quietest(by_day(lambda start: start.weekday() > 4))
    assert figures("night_load") == {"level": six(night), "target": six(quiet)}
    assert figures("weekend_load") == {"level": six(weekend), "target": six(still)}
    for kind, avoidable in (
        ("night_load", (night - quiet) * NIGHT_HOURS_A_YEAR),
        ("weekend_load", (weekend - still) * WEEKEND_HOURS_A_YEAR),
    ):
        assert Decimal(found[kind]["avoidable"]) == six(avoidable)
        assert Decimal(found[kind]["avoidable_t"]) * 10**9 == round(avoidable * MG_PER_KWH)

    peaks = {day: max(demands) for day, demands in by_day(lambda _: True).items()}
    months = [[day for day in peaks if day.month == month] for month in range(1, 7)]
    highest = [max(peaks[day] for day in days) for days in months]
    usual = [median(peaks[day] for day in days if day.weekday() <= 4) for days in months]
    assert figures("peak_demand") == {"level": six(mean(highest)), "target": six(mean(usual))}
    shown = found["peak_demand"]["evidence"]
    assert Decimal(shown["figures"]["peak"]) == six(max(highest))
    assert [Decimal(point["peak"]) for point in shown["series"]] == [six(p) for p in highest]
    assert found["peak_demand"]["avoidable_t"] == "0"
    at_peak = sum(
        used for start, used in quarters() if start.hour in {8, 9, 10, 17, 18, 19, 20, 21}
    )
    share = Fraction(at_peak) / Fraction(sum(used for _, used in quarters()))
    assert Decimal(shown["figures"]["peak_hours_share"]) == six(share)
    assert found["peak_demand"]["avoidable_yuan"] == str(
        round(six((mean(highest) - mean(usual)) * 12 * 48), 2)
    )
    noon = [4 * used for start, used in quarters() if start.hour == 12 and start.weekday() <= 4]
    assert Decimal(found["night_load"]["evidence"]["series"][12]["working"]) == six(mean(noon))


def six(value: Fraction) -> Decimal:
    return Decimal(round(value * 10**6)).scaleb(-6)


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

    await check_findings(city, author)
    await import_it(city, author)
    assert await seen() == first
