"""The city's own numbers, for those who watch."""

from services.points.domain import PLACES, TIERS
from shared import metrics
from shared.database import Connection

NAME = "points"
FIGURES = """
select (select coalesce(sum(balance), 0)::numeric from account),
    (select coalesce(sum(points), 0)::numeric from claim),
    (select coalesce(sum(points), 0)::numeric from redemption where status = 'redeemed')
"""
PEOPLE = """
select (select count(*) from freezing where lifted_at is null),
    (select count(*) from consent where ended_at is null and until > now())
"""
BY_TIER = "select tier, count(*) from tier where tier <> 'none' group by tier"
BY_STATUS = "select status, count(*) from redemption group by status"
ON_OFFER = """
select count(*) filter (where stock > 0), count(*) filter (where stock = 0)
from reward
where coalesce(valid_from, now()) <= now() and coalesce(valid_until, 'infinity') > now()
"""


async def measure(connection: Connection) -> None:
    """Points by what became of them; accounts by tier; redemptions and rewards."""
    [(balances, claims, redeemed)] = await connection.fetch(FIGURES)
    metrics.POINTS_ISSUED.labels(NAME).set(float((balances - claims + redeemed).scaleb(-PLACES)))
    metrics.POINTS_REDEEMED.labels(NAME).set(float(redeemed.scaleb(-PLACES)))
    metrics.POINTS_OWED.labels(NAME).set(float(claims.scaleb(-PLACES)))
    [(frozen, consents)] = await connection.fetch(PEOPLE)
    metrics.ACCOUNTS_FROZEN.labels(NAME).set(frozen)
    metrics.CONSENTS.labels(NAME).set(consents)
    tiers = {row[0]: row[1] for row in await connection.fetch(BY_TIER)}
    for tier in TIERS[1:]:
        metrics.POINTS_TIERS.labels(tier).set(tiers.get(tier, 0))
    statuses = {row[0]: row[1] for row in await connection.fetch(BY_STATUS)}
    for status in ("redeemed", "cancelled"):
        metrics.REDEMPTIONS.labels(status).set(statuses.get(status, 0))
    [(in_stock, sold_out)] = await connection.fetch(ON_OFFER)
    metrics.REWARDS.labels("in_stock").set(in_stock)
    metrics.REWARDS.labels("sold_out").set(sold_out)
