"""The city's own numbers, for those who watch."""

from shared import metrics
from shared.database import Connection
from shared.units.amount import MG_PER_T

FIGURES = """
select (select coalesce(sum(balance), 0)::numeric from account),
    (select count(distinct id) from enterprise)
"""


async def measure(connection: Connection) -> None:
    """Tonnes of all years in the ledger, and registered enterprises."""
    [row] = await connection.fetch(FIGURES)
    metrics.CITY_TONNES.labels("industrial").set(float(row[0] / MG_PER_T))
    metrics.CITY_ACCOUNTS.labels("industrial").set(row[1])
