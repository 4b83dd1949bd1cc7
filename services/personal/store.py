"""The personal service's SQL: set-based, a handful of statements per batch."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from services.personal import reports
from services.personal.behaviours import Behaviour, Report
from services.personal.domain import EXACT, Claim, Fact, Slot, SlotState
from services.personal.reports import Reported, Withdrawn
from shared.database import Connection

TARGETS = """
select e.account, e.event_key, e.scenario, e.day, e.occurred_at, e.cause, e.reference,
    exists (select from ledger_entry r where r.account = e.account
        and r.event_key = e.event_key and r.cause = 'reversed') as reversed,
    (select max(l.line) + 1 from ledger_entry l
        where l.account = e.account and l.event_key = e.event_key) as lines
from unnest($1::bigint[], $2::bytea[]) t(account, event_key)
join ledger_entry e on e.account = t.account and e.event_key = t.event_key and e.line = 0
"""

# Sorted by account and event: each event's lines come together, its first line first.
SLOTS = """
select e.account, e.scenario, e.day, e.event_key, e.line, e.occurred_at, e.quantity,
    e.credited, e.amount_mg, case when e.cause = 'reversed' then e.cause_key end,
    case when e.cause = 'displaced' or e.reason = 'duplicate_behaviour' then true
        when e.cause = 'counted' then false end
from unnest($1::bigint[], $2::smallint[], $3::date[]) s(account, scenario, day)
join ledger_entry e
    on e.account = s.account and e.scenario = s.scenario and e.day = s.day
order by e.account, e.event_key, e.line
"""


class Entry(NamedTuple):
    """A row of `ledger_entry`: its fields are the columns."""

    account: int
    event_key: bytes
    line: int
    content_hash: bytes | None
    scenario: int | None
    day: date | None
    occurred_at: datetime
    quantity: Decimal | None
    credited: Decimal
    amount_mg: int
    cause: str
    cause_key: bytes | None
    reason: str | None
    factor_set: str | None
    rule: str | None
    reference: bytes | None
    sequence: int | None
    source: str | None
    event_id: str | None
    posted_at: datetime
    epoch: int = 1  # of `sequence`


@dataclass(slots=True)
class Change:
    """What a batch changes in the city's sums, for one bank: a row of `city_change`.

    `customers`: how many more have saved anything at all. Sums by month and scenario. Accounts and
    years whose sums have changed, and whether they fell.
    """

    bank: str
    customers: int = 0
    months: list[date] = field(default_factory=list)
    scenarios: list[int] = field(default_factory=list)
    amounts_mg: list[int] = field(default_factory=list)
    payments: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    years: list[int] = field(default_factory=list)
    fallen: list[bool] = field(default_factory=list)


CHANGE_COLUMNS = tuple(column.name for column in fields(Change))


@dataclass(slots=True, frozen=True)
class Target:
    """A payment that a reversal names; `slot` None when it earned nothing."""

    slot: Slot | None
    occurred_at: datetime
    cause: str
    reversed: bool
    lines: int
    reference: bytes | None = None

    def behaviour(self) -> Behaviour | None:
        """What it reports."""
        if self.slot is None or self.reference is None:
            return None
        return Behaviour(self.reference, self.slot.scenario)


@dataclass(slots=True, frozen=True)
class State:
    """What the batch touches, as it stands.

    `claims` and where they count, event by event; `named` are the payments that reversals name,
    `reports` those of the behaviours that the batch is about, as many as can matter.
    """

    claims: Sequence[tuple[Slot | None, Claim] | None]
    named: Collection[tuple[int, bytes]]
    slots: dict[Slot, SlotState]
    targets: dict[tuple[int, bytes], Target]
    reports: dict[Behaviour, list[Report]] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Rows:
    """What a decision writes."""

    entries: list[Entry]
    changes: list[Change] = field(default_factory=list)
    reports: list[Reported] = field(default_factory=list)
    withdrawn: list[Withdrawn] = field(default_factory=list)


async def load_targets(
    connection: Connection, keys: Collection[tuple[int, bytes]]
) -> dict[tuple[int, bytes], Target]:
    """The payments that the batch's reversals name."""
    if not keys:
        return {}
    rows = await connection.fetch(TARGETS, [k[0] for k in keys], [k[1] for k in keys])
    return {
        (row["account"], row["event_key"]): Target(
            Slot(row["account"], row["scenario"], row["day"]) if row["scenario"] else None,
            row["occurred_at"],
            row["cause"],
            row["reversed"],
            row["lines"],
            row["reference"],
        )
        for row in rows
    }


async def load_slots(connection: Connection, slots: Collection[Slot]) -> dict[Slot, SlotState]:
    """The payments of each slot with what they have been given."""
    if not slots:
        return {}
    rows = await connection.fetch(
        SLOTS, [s.account for s in slots], [s.scenario for s in slots], [s.day for s in slots]
    )
    found: dict[Slot, SlotState] = defaultdict(SlotState)
    for account, scenario, day, key, line, at, quantity, credited, mg, by, displaced in rows:
        facts = found[Slot(account, scenario, day)].facts
        if line == 0:
            facts[key] = Fact(key, at, quantity)
        fact = facts[key]
        fact.lines = line + 1
        fact.credited = EXACT.add(fact.credited, credited)
        fact.amount_mg += mg
        fact.reversed_by = fact.reversed_by or by
        if displaced is not None:
            fact.displaced = displaced
    return found


async def write(connection: Connection, rows: Rows) -> None:
    """Append the decision's entries, and what they change in the city's sums."""
    if rows.entries:
        await connection.copy_records_to_table(
            "ledger_entry", records=rows.entries, columns=Entry._fields
        )
    if rows.changes:
        await connection.copy_records_to_table(
            "city_change", records=map(_record, rows.changes), columns=CHANGE_COLUMNS
        )
    await reports.write(connection, rows.reports, rows.withdrawn)


def _record(change: Change) -> tuple[object, ...]:
    # Not `astuple`, which copies every list.
    return tuple(getattr(change, name) for name in CHANGE_COLUMNS)
