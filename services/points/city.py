"""The city's own numbers, for those who watch."""

from services.points.domain import PLACES
from shared import metrics
from shared.database import Connection

FIGURES = """
select (select coalesce(sum(balance), 0)::numeric from account),
    (select coalesce(sum(points), 0)::numeric from claim),
    (select coalesce(sum(points), 0)::numeric from redemption where status = 'redeemed')
"""


async def measure(connection: Connection) -> None:
    """Points issued, less what was taken back or has expired, and points redeemed."""
    [(balances, claims, redeemed)] = await connection.fetch(FIGURES)
    metrics.POINTS_ISSUED.set(float((balances - claims + redeemed).scaleb(-PLACES)))
    metrics.POINTS_REDEEMED.set(float(redeemed.scaleb(-PLACES)))
