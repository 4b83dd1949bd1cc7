"""A ledger as small as a service can be: payments are summed per account.

`reverses` takes back the payment that it names. The currency `REFUSED` is refused, and `POISON`
makes `decide` raise what nobody expects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import asyncpg
import msgspec
from aiokafka import ConsumerRecord

from shared.database import Connection
from shared.database.migrations import statements
from shared.database.revisions import ENGINE_1, ENGINE_2, ENGINE_3
from shared.events.envelope import Event, Outgoing
from shared.events.ids import derived_id
from shared.events.kafka import HEADERS
from shared.events.types import Payment, PersonalReduction
from shared.stream.service import Batch, Decision, Service, waits_for_event

REDUCTION = "cn.tanzhang.personal.reduction.v1"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TABLES = (
    ENGINE_1
    + ENGINE_2
    + ENGINE_3
    + """
create table entry (
    account bigint,
    event_key bytea,
    content_hash bytea not null,
    amount bigint not null,
    named bytea,
    primary key (account, event_key)
);
create unique index entry_named on entry (account, named) where named is not null;
"""
)
LOAD = """
select e.account, e.event_key, e.amount, e.named is not null,
    exists (select from entry r where r.account = e.account and r.named = e.event_key)
from unnest($1::bigint[], $2::bytea[]) t(account, event_key) join entry e using (account, event_key)
"""
INSERT = """
insert into entry select * from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bytea[])
"""


class UnexpectedError(Exception):
    """What a mistake in the rules would raise."""


@dataclass(slots=True)
class Entry:
    account: int
    event_key: bytes
    content_hash: bytes
    amount: int
    named: bytes | None
    reversed: bool = False


State = dict[tuple[int, bytes], Entry]


async def load(connection: Connection, batch: Batch) -> State:
    named = [
        (batch.account(event).number, target)
        for event in batch.events
        if (target := event.target()) is not None
    ]
    rows = await connection.fetch(LOAD, [n[0] for n in named], [n[1] for n in named])
    return {
        (row[0], row[1]): Entry(row[0], row[1], b"", row[2], b"" if row[3] else None, row[4])
        for row in rows
    }


def decide(batch: Batch, state: State) -> Decision[list[Entry]]:
    decision: Decision[list[Entry]] = Decision([])
    for event in batch.events:
        _decide_one(batch, event, state, decision)
    return decision


def _decide_one(batch: Batch, event: Event, state: State, decision: Decision[list[Entry]]) -> None:
    account = batch.account(event)
    payment = cast(Payment, event.data)
    if payment.currency == "POISON":
        raise UnexpectedError(event.id)
    if payment.currency == "REFUSED":
        decision.refuse(event, "refused", "nobody takes this currency")
        return
    amount, target = int(payment.amount), event.target()
    if target is not None:
        original = state.get((account.number, target))
        if original is None:
            decision.park(event, waits_for_event(target))
            return
        if original.named is not None or original.reversed:
            decision.refuse(event, "not_reversible", "it is a reversal, or reversed")
            return
        original.reversed = True
        amount = -original.amount
    entry = Entry(account.number, event.key, event.content, amount, target)
    state[account.number, event.key] = entry
    decision.rows.append(entry)
    account.add(amount)
    decision.outgoing.append(_reduction(event, account.epoch, account.next_sequence(), amount))


def _reduction(event: Event, epoch: int, sequence: int, amount: int) -> Outgoing:
    data = PersonalReduction(
        epoch=epoch,
        sequence=sequence,
        scenario="toy",
        reduction_g=Decimal(amount),
        occurred_at=NOW,
        capped=False,
        factor_set="toy",
        cause=event.id,
    )
    id = derived_id(REDUCTION, event.key.hex())
    return Outgoing(REDUCTION, event.subject, id, "urn:toy", NOW, data)


async def write(connection: Connection, rows: list[Entry]) -> None:
    columns = [
        [getattr(row, name) for row in rows]
        for name in ("account", "event_key", "content_hash", "amount", "named")
    ]
    await connection.execute(INSERT, *columns)


def service(name: str = "toy", **changes: Any) -> Service[State, list[Entry]]:
    """The toy as the engine sees it."""
    described: dict[str, Any] = {
        "name": name,
        "topics": ("payments",),
        "load": load,
        "decide": decide,
        "write": write,
        "journal": "entry",
    }
    return Service(**(described | changes))


async def create_schema(url: str, name: str = "toy") -> None:
    """Make the toy's schema and tables."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'create schema "{name}"')
        await connection.execute(f'set search_path to "{name}"')
        for statement in statements(TABLES):
            await connection.execute(statement)
    finally:
        await connection.close()


def payment(
    id: str, subject: str = "bank:account-1", amount: int | str = 1, **data: Any
) -> dict[str, Any]:
    """A payment as a CloudEvent."""
    return {
        "specversion": "1.0",
        "type": "cn.tanzhang.payment.v1",
        "source": data.pop("source", "urn:bank:toy"),
        "id": id,
        "subject": subject,
        "time": "2026-03-01T10:00:00+08:00",
        "data": {"kind": "transfer", "channel": "online", "amount": str(amount), "currency": "CNY"}
        | data,
    }


def record(
    event: dict[str, Any], topic: str, partition: int, offset: int
) -> "ConsumerRecord[bytes, bytes]":
    """The event as the broker would give it."""
    key, value = str(event["subject"]).encode(), msgspec.json.encode(event)
    return ConsumerRecord(
        topic, partition, offset, 1_780_000_000_000, 0, key, value, None, len(key), len(value),
        HEADERS,
    )  # fmt: skip


def records(
    events: Sequence[dict[str, Any]], topic: str = "payments", partition: int = 0, start: int = 0
) -> "list[ConsumerRecord[bytes, bytes]]":
    """Events at consecutive offsets of one partition."""
    return [record(e, topic, partition, start + n) for n, e in enumerate(events)]
