"""The city's own numbers, for those who watch."""

from services.personal import statements
from shared import metrics
from shared.database import Connection
from shared.units.amount import MG_PER_T


async def measure(connection: Connection) -> None:
    """Tonnes saved, and customers who have saved anything."""
    [(customers, total)] = await connection.fetch(statements.CITY)
    metrics.CITY_TONNES.labels("personal").set(total / MG_PER_T)
    metrics.CITY_ACCOUNTS.labels("personal").set(customers)
