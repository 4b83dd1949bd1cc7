"""The city's own numbers, for those who watch."""

from services.agri.domain.lines import NEUTRALISING
from shared import metrics
from shared.database import Connection
from shared.units.amount import MG_PER_T

FIGURES = """
select (select coalesce(sum(balance), 0)::numeric from account),
    (select count(distinct farm_id) from farm)
"""
PATHWAYS = "select pathway, sum(amount_mg)::numeric from ledger_entry group by pathway"


async def measure(connection: Connection) -> None:
    """Tonnes neutralised in the ledger, by pathway too, and registered farms."""
    [row] = await connection.fetch(FIGURES)
    metrics.CITY_TONNES.labels("agri").set(float(row[0] / MG_PER_T))
    metrics.CITY_ACCOUNTS.labels("agri").set(row[1])
    amounts = {row[0]: row[1] for row in await connection.fetch(PATHWAYS)}
    for pathway in (*NEUTRALISING, "gross"):
        metrics.AGRI_TONNES.labels(pathway).set(float(amounts.get(pathway, 0) / MG_PER_T))
