"""The city's own numbers, for those who watch."""

from asyncpg import Record

from services.industrial.store import region
from shared import metrics
from shared.database import Connection
from shared.units.amount import MG_PER_T

NAME = "industrial"
FIGURES = """
select (select coalesce(sum(balance), 0)::numeric from account),
    (select count(distinct id) from enterprise)
"""
WAITING = """
select (select count(*) from review where state = 'open'),
    (select extract(epoch from now() - min(opened_at)) from review where state = 'open'),
    (select count(*) from warning where told_at > now() - interval '30 days')
"""
YEARS = "select distinct year from account_year order by year desc limit 3"
MONTHS = 12
CATEGORIES = ("energy", "process", "avoided")
COVERAGE = {"registered": "enterprises", "covered": "covered", "complete": "complete"}


async def measure(connection: Connection) -> None:
    """Tonnes and enterprises, of the latest years too; what waits for a person."""
    [row] = await connection.fetch(FIGURES)
    metrics.CITY_TONNES.labels("industrial").set(float(row[0] / MG_PER_T))
    metrics.CITY_ACCOUNTS.labels("industrial").set(row[1])
    [(reviews, oldest, warnings)] = await connection.fetch(WAITING)
    metrics.REVIEWS_OPEN.labels(NAME).set(reviews)
    metrics.REVIEWS_AGE_SECONDS.labels(NAME).set(oldest or 0)
    metrics.INDUSTRY_WARNINGS.labels(NAME).set(warnings)
    years = [row[0] for row in await connection.fetch(YEARS)]
    totals = {
        year: await region.totals(connection, year, MONTHS, region.MONTHS_NEEDED) for year in years
    }
    # A year that is no longer among the latest goes.
    for metric in (
        metrics.INDUSTRY_TONNES,
        metrics.INDUSTRY_SECTOR_TONNES,
        metrics.INDUSTRY_ENTERPRISES,
    ):
        metric.clear()
    for year, rows in totals.items():
        for row in rows:
            _show(str(year), row)


def _show(year: str, row: Record) -> None:
    energy, process, avoided = (row[f"{category}_mg"] / MG_PER_T for category in CATEGORIES)
    if row["sector"] is not None:
        sector = metrics.INDUSTRY_SECTOR_TONNES.labels(year, row["sector"])
        sector.set(energy + process - avoided)
    elif row["district"] is None:
        for category, tonnes in zip(CATEGORIES, (energy, process, avoided), strict=True):
            metrics.INDUSTRY_TONNES.labels(year, category).set(tonnes)
        for coverage, column in COVERAGE.items():
            metrics.INDUSTRY_ENTERPRISES.labels(year, coverage).set(row[column])
