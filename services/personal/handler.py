"""A batch of payments in, a decision out."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

from services.personal import domain, store
from services.personal.domain import Credit, Fact, Slot, SlotState, scenario_of
from services.personal.store import Entry, Rows, State, Target
from shared.database import Connection
from shared.events.envelope import Event, Outgoing
from shared.events.ids import derived_id
from shared.events.types import Payment, PersonalReduction
from shared.stream.service import Account, Batch, Decision, waits_for_event
from shared.units.calendar import CITY, local_date

REDUCTION = "cn.tanzhang.personal.reduction.v1"
SOURCE = "urn:tanzhang:personal"
ZERO = Decimal(0)


async def load(connection: Connection, batch: Batch, *, zone: ZoneInfo = CITY) -> State:
    """The slots that the batch's payments and reversals touch."""
    slots: set[Slot] = set()
    named: set[tuple[int, bytes]] = set()
    for event in batch.events:
        account = batch.account(event).number
        target = event.target()
        if target is not None:
            named.add((account, target))
            continue
        if event.time is not None:
            slots.update(_touched(event, account, zone))
    targets = await store.load_targets(connection, named)
    for target_row in targets.values():
        if target_row.slot is not None:
            slots.update(_neighbours(target_row.slot))
    return State(await store.load_slots(connection, slots), targets)


def decide(batch: Batch, state: State, *, zone: ZoneInfo = CITY) -> Decision[Rows]:
    """Credit each payment, take back what is reversed, refill caps."""
    work = _Work(batch, zone, state.slots, state.targets, Decision(Rows([], batch.now)))
    for event in batch.events:
        named = event.target()
        if event.time is None:
            work.decision.refuse(event, "time_missing", "/time: expected the time of the payment")
        elif named is None:
            _pay(work, event)
        else:
            _reverse(work, event, named)
    accounts = {account.number: account for account in batch.accounts.values()}
    for slot in sorted(work.causes):
        _settle(work, slot, accounts[slot.account])
    return work.decision


@dataclass(slots=True)
class _Work:
    """A batch being decided: the loaded state, changed as its events are taken in."""

    batch: Batch
    zone: ZoneInfo
    slots: dict[Slot, SlotState]
    targets: dict[tuple[int, bytes], Target]
    decision: Decision[Rows]
    causes: dict[Slot, Event] = field(default_factory=dict)
    arrived: dict[tuple[int, bytes], Event] = field(default_factory=dict)
    reversing: dict[tuple[int, bytes], Event] = field(default_factory=dict)

    def touch(self, slot: Slot, event: Event) -> None:
        """The slot must be settled again; `event` is the cause of what changes in it."""
        self.causes[slot] = event
        if _is_saving(slot):
            self.causes[domain.year_after(slot)] = event

    def append(self, entry: Entry) -> None:
        self.decision.rows.entries.append(entry)


def _payment(event: Event) -> Payment:
    return cast(Payment, event.data)


def _time(event: Event) -> datetime:
    assert event.time is not None, "refused before"
    return event.time


def _touched(event: Event, account: int, zone: ZoneInfo) -> tuple[Slot, ...]:
    slot, _ = _slot(event, account, zone)
    return () if slot is None else _neighbours(slot)


def _slot(event: Event, account: int, zone: ZoneInfo) -> tuple[Slot | None, domain.Claim]:
    """Where a payment counts, None when it earns nothing; and what it claims."""
    day = local_date(_time(event), zone)
    claim = domain.claim(_payment(event), day)
    if claim.scenario is None:
        return None, claim
    return Slot(account, claim.scenario.number, domain.period(claim.scenario, day)), claim


def _neighbours(slot: Slot) -> tuple[Slot, ...]:
    """The slots that must be read to settle this one and those it affects."""
    if not _is_saving(slot):
        return (slot,)
    return (domain.year_before(slot), slot, domain.year_after(slot))


def _is_saving(slot: Slot) -> bool:
    return scenario_of(slot.scenario, slot.day).formula == "saving"


def _pay(work: _Work, event: Event) -> None:
    """Record a payment; one that earns nothing is recorded with the reason."""
    account = work.batch.account(event).number
    at = _time(event)
    slot, claim = _slot(event, account, work.zone)
    if slot is None:
        work.append(_fact_entry(event, account, at, reason=claim.reason))
        work.targets[account, event.key] = Target(None, at, "payment", False, 1)
        return
    work.slots.setdefault(slot, SlotState()).facts[event.key] = Fact(event.key, at, claim.quantity)
    work.targets[account, event.key] = Target(slot, at, "payment", False, 0)
    work.arrived[account, event.key] = event
    work.touch(slot, event)


def _reverse(work: _Work, event: Event, named: bytes) -> None:
    """Take a payment out of its slot; whatever it gave goes back when the slot is settled."""
    account = work.batch.account(event).number
    target = work.targets.get((account, named))
    if target is None:
        work.decision.park(event, waits_for_event(named))
        return
    if target.cause != "payment":
        work.decision.refuse(event, "not_a_payment", "/data/reverses names a reversal")
        return
    if target.reversed:
        detail = "/data/reverses names a payment that was reversed before"
        work.decision.refuse(event, "already_reversed", detail)
        return
    work.targets[account, named] = replace(target, reversed=True)
    work.targets[account, event.key] = Target(None, _time(event), "reversal", False, 1)
    work.append(_fact_entry(event, account, _time(event), cause="reversal", cause_key=named))
    if target.slot is None:
        line = replace(
            _fact_entry(event, account, target.occurred_at, cause="reversed"),
            event_key=named,
            line=target.lines,
            content_hash=None,
            cause_key=event.key,
        )
        work.append(line)
        return
    work.slots[target.slot].facts[named].reversed_by = event.key
    work.reversing[account, named] = event
    work.touch(target.slot, event)


def _fact_entry(
    event: Event,
    account: int,
    at: datetime,
    *,
    cause: str = "payment",
    cause_key: bytes | None = None,
    reason: str | None = None,
) -> Entry:
    """The first line of an event that has no slot: it gives nothing."""
    return Entry(
        account, event.key, 0, event.content, None, None, at, None, ZERO, 0, cause, cause_key,
        reason, None, None, event.source, event.id,
    )  # fmt: skip


def _settle(work: _Work, slot: Slot, account: Account) -> None:
    """Post the difference between what a slot's payments should have and what they have."""
    scenario = scenario_of(slot.scenario, slot.day)
    state = work.slots.get(slot)
    if state is None:
        return
    baseline = work.slots.get(domain.year_before(slot)) if _is_saving(slot) else None
    for credit in domain.credits(scenario, state, baseline):
        fact = credit.fact
        if fact.lines == 0:
            event = work.arrived[slot.account, fact.key]
            _post(work, slot, account, credit, "payment", event)
        reversal = work.reversing.get((slot.account, fact.key))
        if reversal is None and credit.is_due():
            _post(work, slot, account, credit, "cap", work.causes[slot])
        if reversal is not None:
            _post(work, slot, account, credit, "reversed", reversal)


def _post(work: _Work, slot: Slot, account: Account, credit: Credit, cause: str, by: Event) -> None:
    """One entry, and the reduction it tells the world unless it is zero."""
    fact, scenario = credit.fact, scenario_of(slot.scenario, slot.day)
    first = fact.lines == 0
    amount = credit.amount_mg - fact.amount_mg
    reason = domain.shortfall(scenario, credit) if first else None
    sequence = account.next_sequence() if amount else None
    entry = Entry(
        slot.account, fact.key, fact.lines, by.content if first else None, slot.scenario,
        slot.day, fact.occurred_at, fact.quantity if first else None,
        credit.credited - fact.credited, amount, cause, None if first else by.key, reason,
        scenario.label, sequence, by.source if first else None, by.id if first else None,
    )  # fmt: skip
    work.append(entry)
    if sequence is not None:
        account.add(amount)
        work.decision.outgoing.append(reduction(account, entry, by.id))
    fact.credited, fact.amount_mg, fact.lines = credit.credited, credit.amount_mg, fact.lines + 1


def reduction(account: Account, entry: Entry, cause: str) -> Outgoing:
    """What an entry that has a sequence tells the world; `cause` is the id of its cause."""
    assert entry.sequence is not None
    assert entry.scenario is not None
    assert entry.day is not None
    assert entry.factor_set is not None
    data = PersonalReduction(
        epoch=account.epoch,
        sequence=entry.sequence,
        scenario=scenario_of(entry.scenario, entry.day).code,
        reduction_g=Decimal(entry.amount_mg).scaleb(-3),
        occurred_at=entry.occurred_at,
        capped=entry.reason == "capped",
        factor_set=entry.factor_set,
        cause=cause,
    )
    id = derived_id(REDUCTION, account.subject, entry.event_key.hex(), str(entry.line))
    return Outgoing(REDUCTION, account.subject, id, SOURCE, entry.occurred_at, data)
