"""SQL of behaviours that several payments report: their locks, and which report counts.

Whoever changes what counts of a reference holds the lock of its row first, then the accounts'.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import NamedTuple, cast

from services.personal.behaviours import Behaviour, Report, reference
from services.personal.domain import Slot
from shared.database import Connection, OvertakenError
from shared.events.envelope import Event
from shared.events.types import Payment
from shared.methodology import methodology
from shared.stream.service import Batch

NAMED = """
select e.reference from unnest($1::text[], $2::bytea[]) t(subject, event_key)
join subject s using (subject)
join ledger_entry e on e.account = s.account and e.event_key = t.event_key and e.line = 0
where e.reference is not null
"""
# Rows of their own to lock: as many advisory locks would not fit into the server's lock table.
# First those that nobody has seen, in order, then those that stood here before, in order.
MAKE = """
insert into channel_reference (reference) select * from unnest($1::bytea[])
on conflict do nothing returning reference
"""
LOCK = """
select from channel_reference where reference = any($1::bytea[]) order by reference for update
"""
# Of each behaviour as many reports as can matter, the one that counts first. Their ledger lines and
# names are looked up one by one: nobody can tell the planner how few they are.
FIRST = """
from unnest($1::bytea[], $2::smallint[], $3::integer[]) w(reference, scenario, number)
cross join lateral (
    select * from behaviour_report r
    where r.reference = w.reference and r.scenario = w.scenario
    order by r.movable, r.occurred_at, r.event_key, r.content_hash, r.account
    limit w.number
) b
"""
SUBJECTS = f"""
select distinct s.subject {FIRST}
cross join lateral (select subject from subject where account = b.account limit 1) s
"""
REPORTS = f"""
select b.reference, b.scenario, b.movable, b.occurred_at, b.event_key, b.content_hash, b.account,
    e.day, e.event_id {FIRST}
left join lateral (
    select day, event_id from ledger_entry
    where account = b.account and event_key = b.event_key and line = 0
    limit 1
) e on true
"""
WITHDRAW = """
delete from behaviour_report b
using unnest($1::bytea[], $2::smallint[], $3::timestamptz[], $4::bytea[], $5::bigint[])
    w(reference, scenario, occurred_at, event_key, account)
where (b.reference, b.scenario, b.occurred_at, b.event_key, b.account)
    = (w.reference, w.scenario, w.occurred_at, w.event_key, w.account) and b.movable
"""
# What an erased account was credited is not credited again. Nothing says any more that it was this
# account: who has reported the same from another bank would tell who it was.
OWN = """e.account = $1 and e.line = 0 and e.reference is not null
    and (b.reference, b.scenario, b.occurred_at, b.event_key, b.account)
        = (e.reference, e.scenario, e.occurred_at, e.event_key, e.account) and b.movable"""
KEEP = f"""
update behaviour_report b
set movable = false, occurred_at = 'epoch', event_key = '', content_hash = '', account = 0
from ledger_entry e
where {OWN} and not exists (
    select from behaviour_report r where r.reference = b.reference and r.scenario = b.scenario
        and (r.movable, r.occurred_at, r.event_key, r.content_hash, r.account)
            < (b.movable, b.occurred_at, b.event_key, b.content_hash, b.account))
"""
DROP = f"delete from behaviour_report b using ledger_entry e where {OWN}"

UNLINK = "update ledger_entry set reference = null where account = $1 and reference is not null"


class Reported(NamedTuple):
    """A row of `behaviour_report`: its fields are the columns.

    One that is not movable says that an account was credited which is erased, and nothing else.
    """

    reference: bytes
    scenario: int
    movable: bool
    occurred_at: datetime
    event_key: bytes
    content_hash: bytes
    account: int


class Withdrawn(NamedTuple):
    """A report whose payment was reversed."""

    reference: bytes
    scenario: int
    occurred_at: datetime
    event_key: bytes
    account: int


async def reach(connection: Connection, events: Sequence[Event]) -> Collection[str]:
    """Lock the references of these events; the subjects of the accounts that may change."""
    taken = Counter(await _named(connection, events))
    known = await _lock(connection, {*_referred(events), *taken})
    if not known:
        return ()
    wanted = {Behaviour(name, n): 1 + taken[name] for name in known for n in _scenarios()}
    return [row[0] for row in await connection.fetch(SUBJECTS, *_columns(wanted))]


async def load(
    connection: Connection,
    batch: Batch,
    wanted: Mapping[Behaviour, int],
    named: Collection[bytes],
) -> dict[Behaviour, list[Report]]:
    """Of each behaviour so many reports, the one that counts first.

    `named` are the references of payments to be reversed. Raises OvertakenError when a report's
    account isn't locked.
    """
    if not wanted:
        return {}
    if named:
        # Locked already, unless the payment was posted after this batch had looked for it.
        await connection.execute(LOCK, list(named))
    found: dict[Behaviour, list[Report]] = {}
    for name, number, movable, at, key, content, account, day, id in await connection.fetch(
        REPORTS, *_columns(wanted)
    ):
        slot = Slot(account, number, day or date.min)
        report = Report(movable, at, key, content, slot, id or "")
        found.setdefault(Behaviour(name, number), []).append(report)
    locked = {account.number for account in batch.accounts.values()}
    if any(r.movable and r.slot.account not in locked for some in found.values() for r in some):
        raise OvertakenError("a behaviour's credit moves to an account that is not locked")
    return found


async def write(
    connection: Connection, reports: Sequence[Reported], withdrawn: Sequence[Withdrawn]
) -> None:
    """Store the reports that have come, remove those that were reversed."""
    if withdrawn:
        await connection.execute(WITHDRAW, *map(list, zip(*withdrawn, strict=True)))
    if reports:
        await connection.copy_records_to_table(
            "behaviour_report", records=reports, columns=Reported._fields
        )


async def erase(connection: Connection, account: int) -> None:
    """Remember what a locked account was credited, and nothing else that it reported."""
    for statement in (KEEP, DROP, UNLINK):
        await connection.execute(statement, account)


@cache
def _scenarios() -> list[int]:
    """The numbers of all scenarios that there have ever been."""
    days = {document.header.valid_from for document in methodology().files["scenarios"].documents}
    return sorted({scenario.number for day in days for scenario in methodology().scenarios(day)})


def _referred(events: Sequence[Event]) -> Iterator[bytes]:
    """The references of the payments among these events."""
    for event in events:
        channel_ref = cast(Payment, event.data).channel_ref
        if channel_ref is not None and (name := reference(channel_ref)) is not None:
            yield name


async def _named(connection: Connection, events: Sequence[Event]) -> list[bytes]:
    """The reference of each payment that these events reverse and that has one."""
    named = [(event.subject, target) for event in events if (target := event.target()) is not None]
    if not named:
        return []
    rows = await connection.fetch(NAMED, [n[0] for n in named], [n[1] for n in named])
    return [row[0] for row in rows]


async def _lock(connection: Connection, references: Collection[bytes]) -> list[bytes]:
    """Lock references until the transaction ends; those that have been reported before."""
    if not references:
        return []
    wanted = sorted(references)
    made = {row[0] for row in await connection.fetch(MAKE, wanted)}
    known = [name for name in wanted if name not in made]
    if known:
        await connection.execute(LOCK, known)
    return known


def _columns(wanted: Mapping[Behaviour, int]) -> tuple[list[bytes], list[int], list[int]]:
    return [b.reference for b in wanted], [b.scenario for b in wanted], list(wanted.values())
