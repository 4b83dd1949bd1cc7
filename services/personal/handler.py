"""A batch of payments in, a decision out."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

from services.personal import behaviours, city, classification, domain, reports, store
from services.personal.behaviours import Behaviour, Report
from services.personal.classification import Rulebook
from services.personal.domain import EXACT, Claim, Credit, Fact, Slot, SlotState, scenario_of
from services.personal.reports import Reported, Withdrawn
from services.personal.store import Entry, Rows, State, Target
from shared.database import Connection
from shared.events.envelope import Event, Outgoing
from shared.events.ids import derived_id
from shared.events.meaning import YEARS
from shared.events.types import Payment, PersonalReduction
from shared.methodology import Scenario
from shared.stream.service import Account, Batch, Decision, waits_for_event
from shared.units.calendar import CITY, local_date

REDUCTION = "cn.tanzhang.personal.reduction.v1"
SOURCE = "urn:tanzhang:personal"
ZERO = Decimal(0)


async def load(
    connection: Connection, batch: Batch, *, zone: ZoneInfo = CITY, rules: Rulebook | None = None
) -> State:
    """What the batch's payments claim, and the slots that they and its reversals touch.

    Also those of other accounts to which the credit of a behaviour may move.
    """
    claims = claimed(batch, zone, rules)
    names = named(batch)
    targets = await store.load_targets(connection, names)
    wanted = contested(batch, claims, targets)
    references = {target.reference for target in targets.values() if target.reference}
    reported = await reports.load(connection, batch, wanted, references)
    touched = {claim[0] for claim in claims if claim} | {t.slot for t in targets.values()}
    touched |= {report.slot for found in reported.values() for report in found if report.movable}
    slots = {near for slot in touched if slot is not None for near in _neighbours(slot)}
    return State(claims, names, await store.load_slots(connection, slots), targets, reported)


def claimed(
    batch: Batch, zone: ZoneInfo = CITY, rules: Rulebook | None = None
) -> list[tuple[Slot | None, Claim] | None]:
    """What each payment claims and where it counts (nowhere: no slot); None for a reversal."""
    rules = rules or classification.defaults()
    return [_claim(event, batch.account(event).number, zone, rules) for event in batch.events]


def contested(
    batch: Batch,
    claims: Sequence[tuple[Slot | None, Claim] | None],
    targets: Mapping[tuple[int, bytes], Target],
) -> dict[Behaviour, int]:
    """The behaviours that the batch is about, and how many of their reports can matter.

    That is the one that counts, and for each that may be reversed the next.
    """
    taken = Counter(found for target in targets.values() if (found := target.behaviour()))
    for event, claim in zip(batch.events, claims, strict=True):
        slot = claim[0] if claim else None
        name = _reference(event) if slot else None
        if slot is not None and name is not None:
            taken[Behaviour(name, slot.scenario)] += 0
    return {behaviour: 1 + number for behaviour, number in taken.items()}


def decide(batch: Batch, state: State) -> Decision[Rows]:
    """Credit each payment, take back what is reversed, refill caps."""
    work = _Work(batch, state.slots, state.targets, Decision(Rows([])), state.named, state.reports)
    for event, claim in zip(batch.events, state.claims, strict=True):
        target = event.target()
        if event.time is None:
            work.decision.refuse(event, "time_missing", "/time: expected the time of the payment")
        elif event.time.year not in YEARS:
            detail = f"/time: expected {YEARS[0]} to {YEARS[-1]}"
            work.decision.refuse(event, "time_out_of_range", detail)
        elif claim is not None:
            _pay(work, event, event.time, *claim)
        elif target is not None:
            _reverse(work, event, event.time, target)
    for behaviour in work.contested:
        _contest(work, behaviour)
    accounts = {account.number: account for account in batch.accounts.values()}
    for slot, cause in work.causes.items():
        _settle(work, slot, accounts[slot.account], cause)
    rows = work.decision.rows
    rows.changes.extend(city.changes(rows.entries, batch.accounts.values()))
    return work.decision


class _Cause(NamedTuple):
    """What an entry is posted for: its key for the ledger, its id for the world."""

    key: bytes
    id: str


def _cause(event: Event) -> _Cause:
    return _Cause(event.key, event.id)


@dataclass(slots=True)
class _Work:
    """A batch being decided: the loaded state, changed as its events are taken in."""

    batch: Batch
    slots: dict[Slot, SlotState]
    targets: dict[tuple[int, bytes], Target]
    decision: Decision[Rows]
    named: Collection[tuple[int, bytes]]
    reports: dict[Behaviour, list[Report]]
    causes: dict[Slot, _Cause] = field(default_factory=dict)
    arrived: dict[tuple[int, bytes], Event] = field(default_factory=dict)
    reversing: dict[tuple[int, bytes], _Cause] = field(default_factory=dict)
    contested: dict[Behaviour, None] = field(default_factory=dict)  # as a set that keeps its order
    moved: dict[tuple[int, bytes], _Cause] = field(default_factory=dict)

    def touch(self, slot: Slot, cause: _Cause) -> None:
        """The slot and what depends on it are settled again; `cause` is why it may change."""
        self.causes[slot] = cause
        if domain.is_saving(slot):
            self.causes[domain.year_after(slot)] = cause

    def append(self, entry: Entry) -> None:
        self.decision.rows.entries.append(entry)


def named(batch: Batch) -> set[tuple[int, bytes]]:
    """The payments that the batch's reversals name."""
    targets = ((batch.account(event).number, event.target()) for event in batch.events)
    return {(account, target) for account, target in targets if target is not None}


def _claim(
    event: Event, account: int, zone: ZoneInfo, rules: Rulebook
) -> tuple[Slot | None, Claim] | None:
    if event.time is None or event.time.year not in YEARS or event.target() is not None:
        return None
    day = local_date(event.time, zone)
    claim = rules.claim(cast(Payment, event.data), day)
    if claim.scenario is None:
        return None, claim
    return Slot(account, claim.scenario.number, domain.period(claim.scenario, day)), claim


def _neighbours(slot: Slot) -> Iterable[Slot]:
    """The slots that must be read to settle this one and those it affects."""
    if not domain.is_saving(slot):
        return (slot,)
    return (domain.year_before(slot), slot, domain.year_after(slot))


def _pay(work: _Work, event: Event, at: datetime, slot: Slot | None, claim: Claim) -> None:
    """Record a payment; one that earns nothing is recorded with the reason."""
    name = (work.batch.account(event).number, event.key)
    if name in work.named:
        lines = 1 if slot is None else 0
        work.targets[name] = Target(slot, at, "payment", False, lines, _reference(event))
    if slot is None:
        work.append(_fact_entry(work, event, name[0], at, reason=claim.reason, rule=claim.rule))
        return
    state = work.slots.get(slot)
    if state is None:
        state = work.slots[slot] = SlotState()
    fact = Fact(event.key, at, claim.quantity, rule=claim.rule, reference=_reference(event))
    state.facts[event.key] = fact
    work.arrived[name] = event
    work.touch(slot, _cause(event))
    if fact.reference is not None:
        behaviour = Behaviour(fact.reference, slot.scenario)
        report = Report(True, at, event.key, event.content, slot, event.id)
        work.reports.setdefault(behaviour, []).append(report)
        work.contested[behaviour] = None


def _reverse(work: _Work, event: Event, at: datetime, named: bytes) -> None:
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
    if (account, event.key) in work.named:
        work.targets[account, event.key] = Target(None, at, "reversal", False, 1)
    work.append(_fact_entry(work, event, account, at, cause="reversal", cause_key=named))
    if target.slot is None:
        line = _fact_entry(work, event, account, target.occurred_at, cause="reversed")
        work.append(
            line._replace(
                event_key=named,
                line=target.lines,
                content_hash=None,
                cause_key=event.key,
                source=None,
                event_id=None,
            )
        )
        return
    work.slots[target.slot].facts[named].reversed_by = event.key
    work.reversing[account, named] = _cause(event)
    work.touch(target.slot, _cause(event))
    behaviour = target.behaviour()
    if behaviour is not None:
        _withdraw(work, behaviour, (account, named), target.occurred_at)
        work.contested[behaviour] = None


def _withdraw(work: _Work, behaviour: Behaviour, name: tuple[int, bytes], at: datetime) -> None:
    """A reversed payment reports nothing any more."""
    standing = work.reports.get(behaviour, [])
    work.reports[behaviour] = [report for report in standing if report.name != name]
    if name not in work.arrived:
        account, key = name
        work.decision.rows.withdrawn.append(Withdrawn(*behaviour, at, key, account))


def _contest(work: _Work, behaviour: Behaviour) -> None:
    """Let the first report of a behaviour count and no other, whatever their accounts."""
    for report, displaced in behaviours.standings(work.reports[behaviour]):
        if behaviours.move(work.slots[report.slot].facts[report.key], displaced):
            # Its own name: nothing may tell who reports the same at another bank.
            cause = work.moved[report.name] = _Cause(report.key, report.event_id)
            work.touch(report.slot, cause)
        if report.name in work.arrived:
            work.decision.rows.reports.append(
                Reported(
                    *behaviour, True, report.occurred_at, report.key, report.content,
                    report.slot.account,
                )
            )  # fmt: skip


def _fact_entry(
    work: _Work,
    event: Event,
    account: int,
    at: datetime,
    *,
    cause: str = "payment",
    cause_key: bytes | None = None,
    reason: str | None = None,
    rule: str | None = None,
) -> Entry:
    """The first line of an event that has no slot: it gives nothing."""
    return Entry(
        account, event.key, 0, event.content, None, None, at, None, ZERO, 0, cause, cause_key,
        reason, None, rule, None, None, event.source, event.id, work.batch.now,
    )  # fmt: skip


def _reference(event: Event) -> bytes | None:
    return behaviours.reference(cast(Payment, event.data).channel_ref)


def _settle(work: _Work, slot: Slot, account: Account, cause: _Cause) -> None:
    """Post the difference between what a slot's payments should have and what they have."""
    state = work.slots.get(slot)
    if state is None:
        return
    scenario = scenario_of(slot.scenario, slot.day)
    saving = scenario.formula == "saving"
    baseline = work.slots.get(domain.year_before(slot)) if saving else None
    for credit in domain.credits(scenario, state, baseline):
        name = (slot.account, credit.fact.key)
        if credit.fact.lines == 0:
            _post(work, slot, scenario, account, credit, "payment", _cause(work.arrived[name]))
        reversal, move = work.reversing.get(name), work.moved.get(name)
        if reversal is not None:
            _post(work, slot, scenario, account, credit, "reversed", reversal)
        elif move is not None:
            word = "displaced" if credit.fact.displaced else "counted"
            _post(work, slot, scenario, account, credit, word, move)
        elif credit.is_due():
            _post(work, slot, scenario, account, credit, "cap", cause)


def _post(
    work: _Work,
    slot: Slot,
    scenario: Scenario,
    account: Account,
    credit: Credit,
    cause: str,
    by: _Cause,
) -> None:
    """One entry, and the reduction it tells the world unless it is zero."""
    fact = credit.fact
    first = None if fact.lines else work.arrived[slot.account, fact.key]
    amount = credit.amount_mg - fact.amount_mg
    reason = domain.shortfall(scenario, credit) if first else None
    sequence = account.next_sequence() if amount else None
    entry = Entry(
        slot.account, fact.key, fact.lines, first.content if first else None, slot.scenario,
        slot.day, fact.occurred_at, fact.quantity if first else None,
        EXACT.subtract(credit.credited, fact.credited), amount, cause, None if first else by.key, reason,
        scenario.label, fact.rule if first else None, fact.reference if first else None, sequence,
        first.source if first else None, first.id if first else None, work.batch.now,
        account.epoch,
    )  # fmt: skip
    work.append(entry)
    if amount:
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
        epoch=entry.epoch,
        sequence=entry.sequence,
        scenario=scenario_of(entry.scenario, entry.day).code,
        reduction_g=Decimal(entry.amount_mg).scaleb(-3),
        occurred_at=entry.occurred_at,
        capped=entry.reason == "capped",
        factor_set=entry.factor_set,
        cause=cause,
    )
    id = reduction_id(account.subject, entry.event_key, entry.line, entry.epoch)
    return Outgoing(REDUCTION, account.subject, id, SOURCE, entry.occurred_at, data)


def reduction_id(subject: str, payment: bytes, line: int, epoch: int) -> str:
    """The id of what a ledger line tells; those of a later epoch are other than any before.

    After a rebuild a line may say something else than the one that was told under its number.
    """
    own = (str(epoch),) if epoch > 1 else ()
    return derived_id(REDUCTION, subject, payment.hex(), str(line), *own)
