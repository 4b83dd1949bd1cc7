"""SQL of deliveries: what waits, in order per subscription and subject, and what became of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from shared.database import Connection, Pool
from shared.webhooks.rules import PATIENCE

# As long as the topics themselves keep what they carry about persons.
KEPT_FOR = timedelta(days=30)
PRUNED_MAX = 10_000

# What comes behind something that waits for a later attempt waits as long.
ADD = """
insert into webhook_delivery
    (subscription, subject, event_id, type, body, state, created_at, due_at)
select d.subscription, d.subject, d.event_id, d.type, d.body, 'pending', $6,
    greatest($6, (select max(p.due_at) from webhook_delivery p
        where p.subscription = d.subscription and p.subject = d.subject and p.state = 'pending'))
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[]) with ordinality
    d(subscription, subject, event_id, type, body, n)
join webhook_subscription s on s.id = d.subscription
order by d.n
on conflict (subscription, subject, event_id) do nothing
"""
# The first of each subject only: the others wait for it.
DUE = """
select d.number, d.subject, d.event_id, d.body, d.attempts, d.first_attempt_at
from webhook_delivery d
where d.subscription = $1 and d.state = 'pending' and d.due_at <= $2
    and not exists (select from webhook_delivery e where e.subscription = d.subscription
        and e.subject = d.subject and e.state = 'pending' and e.number < d.number)
order by d.due_at, d.number limit $3
"""
DELIVERED = """
update webhook_delivery set state = 'delivered', attempts = attempts + 1, last_attempt_at = $3,
    first_attempt_at = coalesce(first_attempt_at, $3), last_status = $4, last_error = null
where subscription = $1 and number = $2 and state = 'pending'
"""
FAILED = """
update webhook_delivery set state = $7, attempts = attempts + 1, last_attempt_at = $3,
    first_attempt_at = coalesce(first_attempt_at, $3), last_status = $4, last_error = $5,
    due_at = $6
where subscription = $1 and number = $2 and state = 'pending'
"""
HOLD = """
update webhook_delivery set due_at = $3
where subscription = $1 and subject = $2 and state = 'pending' and due_at < $3
"""
LIST = """
select number, subject, event_id, type, state, attempts, created_at, due_at, last_attempt_at,
    last_status, last_error
from webhook_delivery
where subscription = $1 and ($2::text is null or state = $2) and ($3::bigint is null or number < $3)
order by number desc limit $4
"""
# Sent again under the same id, before what has come since.
REPLAY = """
update webhook_delivery set state = 'pending', due_at = $5, first_attempt_at = null
where subscription = $1 and state = any($2::text[]) and created_at >= $3
    and ($4::bigint is null or number = $4)
"""
FORGET = "delete from webhook_delivery where subject = $1"
PRUNE = """
delete from webhook_delivery where (subscription, number) in (
    select subscription, number from webhook_delivery where created_at < $1 limit $2)
"""
WAITING = "select count(*) from webhook_delivery where state = 'pending'"


class New(NamedTuple):
    """An event for a subscription."""

    subscription: UUID
    subject: str
    event_id: str
    type: str
    body: bytes


class Due(NamedTuple):
    """A delivery to be made."""

    number: int
    subject: str
    event_id: str
    body: bytes
    attempts: int
    first_attempt_at: datetime | None

    def is_given_up(self, now: datetime) -> bool:
        """Has it been tried for as long as we are patient?"""
        return self.first_attempt_at is not None and now - self.first_attempt_at >= PATIENCE


class Failure(NamedTuple):
    """Why a delivery was not taken: a status, or none when there was no answer."""

    status: int | None
    error: str


async def add(connection: Connection, new: Sequence[New], now: datetime) -> int:
    """Append deliveries in this order; how many were not there before."""
    if not new:
        return 0
    status = await connection.execute(ADD, *map(list, zip(*new, strict=True)), now)
    return int(status.split()[-1])


async def due(pool: Pool, subscription: UUID, now: datetime, limit: int) -> list[Due]:
    """What may be sent now: at most one of each subject."""
    return [Due(*row) for row in await pool.fetch(DUE, subscription, now, limit)]


async def delivered(
    connection: Connection, subscription: UUID, number: int, now: datetime, status: int
) -> None:
    """It was taken."""
    await connection.execute(DELIVERED, subscription, number, now, status)


async def failed(
    connection: Connection,
    subscription: UUID,
    what: Due,
    now: datetime,
    failure: Failure,
    again_at: datetime,
) -> str:
    """It was not taken: again later, and what is behind it after that, or never. The new state."""
    state = "failed" if what.is_given_up(now) else "pending"
    status, error = failure
    await connection.execute(FAILED, subscription, what.number, now, status, error, again_at, state)
    if state == "pending":
        await connection.execute(HOLD, subscription, what.subject, again_at)
    return state


async def listed(
    pool: Pool, subscription: UUID, state: str | None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """A subscription's deliveries, the newest first."""
    rows = await pool.fetch(LIST, subscription, state, before, limit)
    return [dict(row) for row in rows]


async def replay(
    pool: Pool,
    subscription: UUID,
    states: Sequence[str],
    since: datetime,
    number: int | None,
    now: datetime,
) -> int:
    """Let deliveries be made again; how many."""
    status = await pool.execute(REPLAY, subscription, list(states), since, number, now)
    return int(status.split()[-1])


async def forget(connection: Connection, subject: str) -> None:
    """Drop everything that was to be told of a subject, or has been."""
    await connection.execute(FORGET, subject)


async def prune(pool: Pool, now: datetime) -> int:
    """Drop some of what is older than we keep it, waiting or not; how many."""
    status = await pool.execute(PRUNE, now - KEPT_FOR, PRUNED_MAX)
    return int(status.split()[-1])


async def waiting(pool: Pool) -> int:
    """How many deliveries are still to be made."""
    counted: int = await pool.fetchval(WAITING)
    return counted
