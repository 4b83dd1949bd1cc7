"""What is in the ledgers, as two ways of posting the same events can be compared by."""

from collections.abc import Sequence
from typing import Any

import asyncpg

# What no order and no cut into batches may change.
LEDGERS = {
    "industrial": """
        select s.subject, y.* from industrial.account_year y
        join industrial.subject s using (account) order by 1, 3""",
    "agri": """
        select s.subject, e.year, e.pathway, sum(e.amount_mg) from agri.ledger_entry e
        join agri.subject s using (account) group by 1, 2, 3 order by 1, 2, 3""",
    "personal": """
        select s.subject, e.event_key, sum(e.amount_mg), sum(e.credited)
        from personal.ledger_entry e join personal.subject s using (account)
        group by 1, 2 order by 1, 2""",
    "points": """
        select s.subject, a.balance, coalesce(c.points, 0)
        from points.subject s join points.account a on a.number = s.account
        left join points.claim c on c.account = s.account
        where (a.balance, coalesce(c.points, 0)) <> (0, 0) order by 1""",
    "grading": """
        select s.subject, l.year, l.label, l.ratio_numerator, l.ratio_denominator
        from grading.label l join grading.subject s using (account) order by 1, 2""",
}
LETTERS = "select reason, count(*) from {}.dead_letter group by 1 order by 1"


async def ledger(database: asyncpg.Connection, service: str) -> list[tuple[Any, ...]]:
    rows = await database.fetch(LEDGERS[service])
    return [tuple(value for name, value in row.items() if name != "account") for row in rows]


async def everything(database: asyncpg.Connection, services: Sequence[str]) -> dict[str, Any]:
    """What must be as if nothing had happened: the ledgers, and what was refused."""
    found: dict[str, Any] = {name: await ledger(database, name) for name in services}
    letters = {name: await database.fetch(LETTERS.format(name)) for name in services}
    return found | {"letters": letters}
