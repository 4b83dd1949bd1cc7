"""SQL of subscriptions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.auth.principal import Principal
from shared.database import Connection, Pool
from shared.webhooks.rules import NOTICE, PATIENCE, Subscription

# Both secrets sign so long after a change.
OLD_SECRET_KEPT = timedelta(days=1)
PER_CLIENT_MAX = 100

COLUMNS = """id, client, bank, url, types, subjects, filter, created_at, status, disabled_at,
    disabled_reason, failing_since, last_error"""
ACTIVE = """
select id, client, bank, types, subjects, filter, created_at from webhook_subscription
where status = 'active'
"""
INSERT = """
insert into webhook_subscription
    (id, client, bank, url, types, subjects, filter, secret, created_at, status)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active')
"""
# Two at once could pass the limit by one each: it guards against accidents only.
COUNT = "select count(*) from webhook_subscription where client = $1"
GET = f"select {COLUMNS} from webhook_subscription where id = $1 and client = $2"
LIST = f"""
select {COLUMNS} from webhook_subscription
where client = $1 and ($2::timestamptz is null or (created_at, id) > ($2, $3::uuid))
order by created_at, id limit $4
"""
REPLACE = """
update webhook_subscription set url = $3, types = $4, subjects = $5, filter = $6, bank = $7,
    resume_at = null
where id = $1 and client = $2
"""
DELETE = "delete from webhook_subscription where id = $1 and client = $2"
# What waited goes on at once; a disabled one has as long again as a new one.
ENABLE = """
with enabled as (
    update webhook_subscription
    set status = 'active', disabled_at = null, disabled_reason = null, failing_since = null,
        resume_at = null
    where id = $1 and client = $2 and status = 'disabled'
    returning id
)
update webhook_delivery d set due_at = $3, first_attempt_at = null
from enabled where d.subscription = enabled.id and d.state = 'pending'
"""
NEW_SECRET = """
update webhook_subscription set secret = $3, old_secret = secret, old_secret_until = $4
where id = $1 and client = $2
"""
LANES = """
select s.id from webhook_subscription s
where s.status = 'active' and (s.resume_at is null or s.resume_at <= $1)
    and exists (select from webhook_delivery d
        where d.subscription = s.id and d.state = 'pending' and d.due_at <= $1)
"""
RECEIVER = """
select id, url, secret, old_secret, old_secret_until, failing_since from webhook_subscription
where id = $1 and status = 'active' and (resume_at is null or resume_at <= $2)
"""
SUCCEEDED = """
update webhook_subscription set failing_since = null, last_error = null
where id = $1 and failing_since is not null
"""
FAILED = """
update webhook_subscription
set failing_since = coalesce(failing_since, $2), last_error = $3,
    resume_at = case when $4::timestamptz > $2 then $4 end
where id = $1
returning failing_since
"""
DISABLE = """
update webhook_subscription set status = 'disabled', disabled_at = $2, disabled_reason = $3
where id = $1 and status = 'active'
returning id, client, url, failing_since
"""
TO_NOTIFY = f"""
select id from webhook_subscription
where client = $1 and status = 'active' and '{NOTICE}' = any(types)
"""
STATUSES = "select status, count(*) from webhook_subscription group by status"


@dataclass(slots=True, frozen=True)
class Receiver:
    """Where a subscription's deliveries go; `secrets` as the database keeps them."""

    id: UUID
    url: str
    secrets: tuple[bytes, ...]
    failing_since: datetime | None


@dataclass(slots=True, frozen=True)
class Disabled:
    """A subscription that has just been disabled."""

    id: UUID
    client: str
    url: str
    failing_since: datetime | None


@dataclass(slots=True, frozen=True)
class Wish:
    """What a client asks for."""

    url: str
    types: list[str]
    subjects: list[str]
    filter: dict[str, list[str]]
    bank: str | None


async def active(connection: Connection) -> list[Subscription]:
    """The subscriptions that are not disabled."""
    return [_subscription(row) for row in await connection.fetch(ACTIVE)]


async def add(pool: Pool, id: UUID, client: str, wish: Wish, secret: bytes, now: datetime) -> bool:
    """Keep a new subscription; False when the client has as many as it may."""
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(COUNT, client) >= PER_CLIENT_MAX:
            return False
        await connection.execute(
            INSERT, id, client, wish.bank, wish.url, wish.types, wish.subjects, wish.filter, secret, now,
        )  # fmt: skip
        return True


async def get(pool: Pool, id: UUID, client: str) -> dict[str, Any] | None:
    """A subscription of this client."""
    row = await pool.fetchrow(GET, id, client)
    return dict(row) if row else None


async def of_client(
    pool: Pool, client: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """A client's subscriptions, the oldest first."""
    rows = await pool.fetch(LIST, client, *(after or (None, None)), limit)
    return [dict(row) for row in rows]


async def replace(pool: Pool, id: UUID, client: str, wish: Wish) -> None:
    """Change what a subscription asks for; what waits goes to the new url."""
    await pool.execute(
        REPLACE, id, client, wish.url, wish.types, wish.subjects, wish.filter, wish.bank
    )


async def remove(pool: Pool, id: UUID, client: str) -> None:
    """Drop a subscription and all its deliveries."""
    await pool.execute(DELETE, id, client)


async def enable(pool: Pool, id: UUID, client: str, now: datetime) -> None:
    """Let a disabled subscription go on."""
    await pool.execute(ENABLE, id, client, now)


async def change_secret(pool: Pool, id: UUID, client: str, secret: bytes, now: datetime) -> None:
    """Sign with a new secret, and with the old one for a day."""
    await pool.execute(NEW_SECRET, id, client, secret, now + OLD_SECRET_KEPT)


async def with_work(connection: Connection, now: datetime) -> list[UUID]:
    """The subscriptions that have something to be sent now."""
    return [row[0] for row in await connection.fetch(LANES, now)]


async def receiver(pool: Pool, id: UUID, now: datetime) -> Receiver | None:
    """Where to send to; None when nothing may be sent at the moment."""
    row = await pool.fetchrow(RECEIVER, id, now)
    if row is None:
        return None
    secrets = [row["secret"]]
    if row["old_secret_until"] is not None and row["old_secret_until"] > now:
        secrets.append(row["old_secret"])
    return Receiver(id, row["url"], tuple(secrets), row["failing_since"])


async def succeeded(connection: Connection, id: UUID) -> None:
    """A delivery was taken: the subscription fails no more."""
    await connection.execute(SUCCEEDED, id)


async def failed(
    connection: Connection, id: UUID, now: datetime, error: str, resume_at: datetime | None
) -> bool:
    """A delivery was not taken; has that been so for longer than we are patient?"""
    since: datetime | None = await connection.fetchval(FAILED, id, now, error, resume_at)
    return since is not None and now - since >= PATIENCE


async def disable(
    connection: Connection, id: UUID, now: datetime, reason: str
) -> tuple[Disabled, list[UUID]] | None:
    """Disable a subscription: it, and those of the same client that want to know."""
    row = await connection.fetchrow(DISABLE, id, now, reason)
    if row is None:
        return None
    told = await connection.fetch(TO_NOTIFY, row["client"])
    return Disabled(**row), [found[0] for found in told]


async def statuses(connection: Connection) -> dict[str, int]:
    """How many subscriptions there are by status."""
    return {row[0]: row[1] for row in await connection.fetch(STATUSES)}


def _subscription(row: Any) -> Subscription:
    reader = Principal(row["client"], subjects=tuple(row["subjects"]), bank=row["bank"])
    return Subscription(
        row["id"], reader, frozenset(row["types"]), row["filter"], row["created_at"]
    )
