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
# In one statement: a million take longer than the database lets one run.
REPLAYED_MAX = 50_000

ADDED_MAX = 5_000

# Locked, so that one which is removed at the same time is gone, or waits for this.
STAND = """
select id from webhook_subscription where id = any($1::uuid[]) order by id for key share
"""
# What comes behind something that waits for a later attempt waits as long.
ADD = """
insert into webhook_delivery
    (subscription, subject, event_id, type, body, state, created_at, due_at)
select d.subscription, d.subject, d.event_id, d.type, d.body, 'pending', $6,
    greatest($6, (select p.due_at from webhook_delivery p
        where p.subscription = d.subscription and p.subject = d.subject and p.state = 'pending'
        order by p.number desc limit 1))
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[]) with ordinality
    d(subscription, subject, event_id, type, body, n)
order by d.n
on conflict (subscription, subject, event_id) do nothing
"""
# The first of each subject only: the others wait for it. A long queue behind one is not walked
# to its end. What is first in webhook_delivery_queue from there on is of the same subject, as the
# row itself is there. With `=`, before there are statistics of a sudden backlog, the server takes
# webhook_delivery_due for as good, and reads it through for each subject.
DUE = """
select d.number, d.subject, d.event_id, d.type, d.body, d.attempts, d.first_attempt_at
from (select * from webhook_delivery
    where subscription = $1 and state = 'pending' and due_at <= $2
    order by due_at, number limit 1000) d
where d.number = (select e.number from webhook_delivery e
    where (e.subscription, e.subject, e.number) >= ($1, d.subject, 0) and e.state = 'pending'
    order by e.subscription, e.subject, e.number limit 1)
order by d.due_at, d.number limit $3
"""
# The subscription first, as wherever both are locked: who removes it or lets it go on locks it too.
# One that is pending, said so that the server finds it by its key and not among all that are.
DELIVERED = """
with standing as materialized (select id from webhook_subscription where id = $1 for share)
update webhook_delivery d set state = 'delivered', attempts = attempts + 1,
    last_attempt_at = v.at, first_attempt_at = coalesce(first_attempt_at, v.at),
    last_status = v.status, last_error = null
from standing, unnest($2::bigint[], $3::timestamptz[], $4::integer[]) v(number, at, status)
where d.subscription = standing.id and d.number = v.number
    and d.state not in ('delivered', 'failed')
"""
FAILED = """
update webhook_delivery set state = $7, attempts = attempts + 1, last_attempt_at = $3,
    first_attempt_at = coalesce(first_attempt_at, $3), last_status = $4, last_error = $5,
    due_at = $6
where subscription = $1 and number = $2 and state not in ('delivered', 'failed')
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
# Sent again under the same id, before what has come since: due as long as it has been there, so
# that within a subject what is first is due first.
REPLAY = """
update webhook_delivery d set state = 'pending', due_at = created_at, attempts = 0,
    first_attempt_at = null
from (select number from webhook_delivery
    where subscription = $1 and state = any($2::text[]) and created_at >= $3
        and ($4::bigint is null or number = $4) and number > $5
    order by number limit $6) lot
where d.subscription = $1 and d.number = lot.number and d.state = any($2::text[])
returning d.number
"""
# Tried again at once, and for as long as what is new. Most of what waits was never tried.
REVIVE = """
update webhook_delivery set due_at = least(due_at, $2), attempts = 0, first_attempt_at = null
where subscription = $1 and state = 'pending' and (due_at > $2 or first_attempt_at is not null)
"""
FORGET = """
delete from webhook_delivery
where subscription in (select id from webhook_subscription) and subject = $1
"""
DROP = "delete from webhook_delivery where subscription = $1 and number = any($2::bigint[])"
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
    type: str
    body: bytes
    attempts: int
    first_attempt_at: datetime | None

    def is_given_up(self, now: datetime) -> bool:
        """Has it been tried for as long as we are patient?"""
        return self.first_attempt_at is not None and now - self.first_attempt_at >= PATIENCE


class Taken(NamedTuple):
    """A delivery that was taken, when, and with which status."""

    number: int
    at: datetime
    status: int


class Failure(NamedTuple):
    """Why a delivery was not taken: a status, or none when there was no answer."""

    status: int | None
    error: str


async def add(connection: Connection, new: Sequence[New], now: datetime) -> int:
    """Append deliveries in this order; how many were not there before."""
    if not new:
        return 0
    standing = await connection.fetch(STAND, list({one.subscription for one in new}))
    known = {row[0] for row in standing}
    added, wanted = 0, [one for one in new if one.subscription in known]
    for start in range(0, len(wanted), ADDED_MAX):
        columns = map(list, zip(*wanted[start : start + ADDED_MAX], strict=True))
        added += _count(await connection.execute(ADD, *columns, now))
    return added


async def due(pool: Pool, subscription: UUID, now: datetime, limit: int) -> list[Due]:
    """What may be sent now: at most one of each subject."""
    return [Due(*row) for row in await pool.fetch(DUE, subscription, now, limit)]


async def delivered(pool: Pool, subscription: UUID, taken: Sequence[Taken]) -> None:
    """These were taken."""
    await pool.execute(DELIVERED, subscription, *map(list, zip(*taken, strict=True)))


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
) -> int:
    """Let deliveries be made again; how many."""
    last, again = -1, 0
    async with pool.acquire() as connection, connection.transaction():
        while lot := await connection.fetch(
            REPLAY, subscription, list(states), since, number, last, REPLAYED_MAX
        ):
            last, again = max(row[0] for row in lot), again + len(lot)
    return again


async def revive(connection: Connection, subscription: UUID, now: datetime) -> None:
    """Let what was held back be tried at once, as if for the first time."""
    await connection.execute(REVIVE, subscription, now)


async def forget(connection: Connection, subject: str) -> None:
    """Drop everything that was to be told of a subject, or has been."""
    await connection.execute(FORGET, subject)


async def drop(pool: Pool, subscription: UUID, numbers: Sequence[int]) -> None:
    """Drop what may not, or shall not, be told any more."""
    await pool.execute(DROP, subscription, numbers)


async def prune(connection: Connection, now: datetime) -> int:
    """Drop some of what is older than we keep it, waiting or not; how many."""
    return _count(await connection.execute(PRUNE, now - KEPT_FOR, PRUNED_MAX))


async def waiting(connection: Connection) -> int:
    """How many deliveries are still to be made."""
    counted: int = await connection.fetchval(WAITING)
    return counted


def _count(status: str) -> int:
    return int(status.rsplit(maxsplit=1)[-1])
