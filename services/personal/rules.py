"""The operator's rules: their versions in the table, and what a worker remembers of them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from services.personal.classification import Rule, Rulebook, Version, timeline
from shared.database import Connection, Pool

# Rules begin on days that nothing in hand can have (see `classification.earliest`), so that a
# worker may look at them once a minute instead of once a batch.
EVERY = timedelta(minutes=1)

READ = """
select id, valid_from, priority, kind, channel, mcc_from, mcc_to, with_quantity, scenario, reason,
    changed_by, changed_at
from classification order by id, valid_from
"""
SAY = """
insert into classification (id, valid_from, priority, kind, channel, mcc_from, mcc_to,
    with_quantity, scenario, reason, changed_by, changed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (id, valid_from) do update set priority = excluded.priority, kind = excluded.kind,
    channel = excluded.channel, mcc_from = excluded.mcc_from, mcc_to = excluded.mcc_to,
    with_quantity = excluded.with_quantity, scenario = excluded.scenario,
    reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at
"""
WITHDRAW = "delete from classification where id = $1 and valid_from > $2"

Rules = Callable[[Connection, datetime], Awaitable[Rulebook]]


async def versions(connection: Connection | Pool) -> list[Version]:
    """All that operators have said, in order."""
    return [
        Version(id, begin, None if fields[0] is None else Rule(*fields), by, at)
        for id, begin, *fields, by, at in map(tuple, await connection.fetch(READ))
    ]


async def say(connection: Connection, version: Version) -> None:
    """Store a version; one of the same id and day is replaced: no payment has come under it."""
    rule = version.rule
    fields = (
        (None,) * 8
        if rule is None
        else (
            rule.priority,
            rule.kind,
            rule.channel,
            rule.mcc_from,
            rule.mcc_to,
            rule.with_quantity,
            rule.scenario,
            rule.reason,
        )
    )
    await connection.execute(
        SAY, version.id, version.valid_from, *fields, version.changed_by, version.changed_at
    )


async def end(connection: Connection, version: Version) -> None:
    """A rule ends: what was to come later of it is withdrawn. In a transaction."""
    await connection.execute(WITHDRAW, version.id, version.valid_from)
    await say(connection, version)


def remembered() -> Rules:
    """The rules for a batch, read at most once a minute of the batches' clock."""
    read_at: datetime | None = None
    found: list[Version] = []
    rulebook = Rulebook(timeline())

    async def rules(connection: Connection, now: datetime) -> Rulebook:
        nonlocal read_at, found, rulebook
        if read_at is None or not timedelta(0) <= now - read_at < EVERY:
            current = await versions(connection)
            if current != found:
                found, rulebook = current, Rulebook(timeline(current))
            read_at = now
        return rulebook

    return rules
