"""The city's own numbers, for those who watch."""

from shared import metrics
from shared.database import Connection
from shared.units.amount import MG_PER_T

FIGURES = """
select (select coalesce(sum(balance), 0)::numeric from account),
    (select count(distinct farm_id) from farm)
"""


async def measure(connection: Connection) -> None:
    """Tonnes neutralised in the ledger, and registered farms."""
    [row] = await connection.fetch(FIGURES)
    metrics.CITY_TONNES.labels("agri").set(float(row[0] / MG_PER_T))
    metrics.CITY_ACCOUNTS.labels("agri").set(row[1])
