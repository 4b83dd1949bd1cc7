"""SQL of subscriptions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.auth.principal import Principal
from shared.database import Connection, Pool
from shared.webhooks import deliveries
from shared.webhooks.rules import NOTICE, PATIENCE, UNASKED, Subscription

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
# What another url failed at says nothing of this one.
REPLACE = """
update webhook_subscription s set url = $3, types = $4, subjects = $5, filter = $6, bank = $7,
    resume_at = null, failures = 0, failing_since = case when s.url = $3 then failing_since end
from (select url from webhook_subscription where id = $1 and client = $2 for update) was
where s.id = $1
returning was.url <> $3
"""
DELETE = "delete from webhook_subscription where id = $1 and client = $2"
# What waited goes on at once; a disabled one has as long again as a new one.
ENABLE = """
update webhook_subscription
set status = 'active', disabled_at = null, disabled_reason = null, failing_since = null,
    failures = 0, resume_at = null
where id = $1 and client = $2 and status = 'disabled'
returning id
"""
NEW_SECRET = """
update webhook_subscription set secret = $3, old_secret = secret, old_secret_until = $4
where id = $1 and client = $2
"""
LEAD = """
insert into webhook_sender values ($1, 1)
on conflict (service) do update set generation = webhook_sender.generation + 1
returning generation
"""
# In any order: with more than there is room for, each has its turn.
LANES = """
select s.id from webhook_subscription s
where s.status = 'active' and (s.resume_at is null or s.resume_at <= $1)
    and exists (select from webhook_delivery d
        where d.subscription = s.id and d.state = 'pending' and d.due_at <= $1)
order by random()
"""
RECEIVER = """
select id, client, bank, url, types, subjects, filter, secret, old_secret, old_secret_until,
    failing_since, failures
from webhook_subscription
where id = $1 and status = 'active' and (resume_at is null or resume_at <= $2)
    and exists (select from webhook_sender where generation = $3)
"""
SUCCEEDED = """
update webhook_subscription set failing_since = null, failures = 0, last_error = null
where id = $1 and failing_since is not null
"""
# A url that has been replaced meanwhile is not the new one's fault. Nor do days without any
# attempt count: nobody was asked.
FAILED = """
update webhook_subscription
set failing_since = case when last_failed_at > $2::timestamptz - $6::interval
        then coalesce(failing_since, $2) else $2 end,
    last_failed_at = $2, last_error = $3, resume_at = greatest(resume_at, $4)
where id = $1 and url = $5
returning failing_since
"""
PAUSE = """
update webhook_subscription set failures = failures + 1, resume_at = greatest(resume_at, $3)
where id = $1 and url = $2
"""
HOLD = "update webhook_subscription set resume_at = greatest(resume_at, $2) where id = $1"
DISABLE = """
update webhook_subscription set status = 'disabled', disabled_at = $2, disabled_reason = $3
where id = $1 and status = 'active' and url = $4
returning id, client, url, failing_since
"""
# Of those who asked for nobody else nothing is left to be told.
FORGET = """
update webhook_subscription
set subjects = array(select s from unnest(subjects) s where rtrim(s, ':/*') <> $1)
where exists (select from unnest(subjects) s where rtrim(s, ':/*') = $1)
"""
REMOVE_EMPTY = "delete from webhook_subscription where subjects = '{}'"
SECRETS = "select id, secret, old_secret from webhook_subscription"
RENEW = """
update webhook_subscription set
    secret = case when secret = $2 then $3 else secret end,
    old_secret = case when old_secret = $2 then $3 else old_secret end
where id = $1
"""
OLD_SECRETS = """
update webhook_subscription set old_secret = null, old_secret_until = null
where old_secret_until <= $1
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
    reader: Principal
    types: frozenset[str]
    filter: dict[str, list[str]]
    failing_since: datetime | None
    failures: int


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


async def replace(pool: Pool, id: UUID, client: str, wish: Wish, now: datetime) -> None:
    """Change what a subscription asks for; what waits goes to a new url at once."""
    async with pool.acquire() as connection, connection.transaction():
        elsewhere = await connection.fetchval(
            REPLACE, id, client, wish.url, wish.types, wish.subjects, wish.filter, wish.bank
        )
        if elsewhere:
            await deliveries.revive(connection, id, now)


async def remove(pool: Pool, id: UUID, client: str) -> None:
    """Drop a subscription and all its deliveries."""
    await pool.execute(DELETE, id, client)


async def enable(pool: Pool, id: UUID, client: str, now: datetime) -> None:
    """Let a disabled subscription go on."""
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(ENABLE, id, client):
            await deliveries.revive(connection, id, now)


async def change_secret(pool: Pool, id: UUID, client: str, secret: bytes, now: datetime) -> None:
    """Sign with a new secret, and with the old one for a day."""
    await pool.execute(NEW_SECRET, id, client, secret, now + OLD_SECRET_KEPT)


async def lead(connection: Connection, service: str) -> int:
    """Become the one who sends: the generation, which a later one ends."""
    generation: int = await connection.fetchval(LEAD, service)
    return generation


async def with_work(connection: Connection, now: datetime) -> list[UUID]:
    """The subscriptions that have something to be sent now."""
    return [row[0] for row in await connection.fetch(LANES, now)]


async def receiver(pool: Pool, id: UUID, now: datetime, generation: int) -> Receiver | None:
    """Where to send to; None when nothing may be sent at the moment, or not by us."""
    row = await pool.fetchrow(RECEIVER, id, now, generation)
    if row is None:
        return None
    secrets = [row["secret"]]
    if row["old_secret_until"] is not None and row["old_secret_until"] > now:
        secrets.append(row["old_secret"])
    return Receiver(
        id,
        row["url"],
        tuple(secrets),
        _reader(row),
        frozenset(row["types"]),
        row["filter"],
        row["failing_since"],
        row["failures"],
    )


async def succeeded(pool: Pool, id: UUID) -> None:
    """A delivery was taken: the subscription fails no more."""
    await pool.execute(SUCCEEDED, id)


async def failed(
    connection: Connection, to: Receiver, now: datetime, error: str, resume_at: datetime | None
) -> bool:
    """A delivery was not taken; has that been so for longer than we are patient?"""
    since: datetime | None = await connection.fetchval(
        FAILED, to.id, now, error, resume_at, to.url, UNASKED
    )
    return since is not None and now - since >= PATIENCE


async def pause(pool: Pool, to: Receiver, until: datetime) -> None:
    """Nothing of a round was taken, and some for the first time: send nothing until then."""
    await pool.execute(PAUSE, to.id, to.url, until)


async def hold(pool: Pool, id: UUID, until: datetime) -> None:
    """Send nothing until then, through no fault of the receiver."""
    await pool.execute(HOLD, id, until)


async def disable(
    connection: Connection, id: UUID, url: str, now: datetime, reason: str
) -> tuple[Disabled, list[UUID]] | None:
    """Disable a subscription to this url: it, and those of the same client that want to know."""
    row = await connection.fetchrow(DISABLE, id, now, reason, url)
    if row is None:
        return None
    told = await connection.fetch(TO_NOTIFY, row["client"])
    return Disabled(**row), [found[0] for found in told]


async def forget(connection: Connection, subject: str) -> None:
    """Drop a subject's name, and the subscriptions that asked for nobody else."""
    await connection.execute(FORGET, subject)
    await connection.execute(REMOVE_EMPTY)


async def renew_secrets(connection: Connection, renewed: Callable[[bytes], bytes]) -> int:
    """Keep all secrets under the newest key; how many were not."""
    changed = 0
    for id, *kept in await connection.fetch(SECRETS):
        for secret in filter(None, kept):
            new = renewed(secret)
            if new != secret:
                await connection.execute(RENEW, id, secret, new)
                changed += 1
    return changed


async def drop_old_secrets(connection: Connection, now: datetime) -> None:
    """Forget secrets that sign no more."""
    await connection.execute(OLD_SECRETS, now)


async def statuses(connection: Connection) -> dict[str, int]:
    """How many subscriptions there are by status."""
    return {row[0]: row[1] for row in await connection.fetch(STATUSES)}


def _subscription(row: Any) -> Subscription:
    return Subscription(
        row["id"], _reader(row), frozenset(row["types"]), row["filter"], row["created_at"]
    )


def _reader(row: Any) -> Principal:
    return Principal(row["client"], subjects=tuple(row["subjects"]), bank=row["bank"])
