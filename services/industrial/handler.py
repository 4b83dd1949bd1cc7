"""A batch of readings, reports and activities in, a decision out."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.industrial.domain import postings
from services.industrial.domain.arrivals import ACTIVITY, ECONOMY, PRODUCTION, READING
from services.industrial.domain.books import Books
from services.industrial.domain.entries import EXACT
from services.industrial.domain.facts import REPLACED, Fact, Refused
from services.industrial.domain.intervals import IntervalSlot
from services.industrial.domain.metering import Metering
from services.industrial.domain.postings import Posting
from services.industrial.domain.registers import RegisterSlot
from services.industrial.domain.registry import Enterprise, on_date
from services.industrial.domain.state import Key, Rows, State
from services.industrial.domain.years import Year
from shared.events.envelope import Event, Outgoing
from shared.events.ids import state_id
from shared.events.types import IndustrialAccount
from shared.stream.service import Account, Batch, Decision, waits_for_event
from shared.units.amount import decimal_text
from shared.units.calendar import CITY

ACCOUNT = "cn.tanzhang.industrial.account.v1"
TOPIC = "industrial-accounts"
SOURCE = "urn:tanzhang:industrial"
WAITS_FOR_ENTERPRISE = "enterprise"

# What facts tell about: the account and the fact's `slot`.
Slot = tuple[int, str]


def waits_for_meter(meter_id: str) -> str:
    """The `waits_for` of a reading whose meter is not registered."""
    return f"meter:{meter_id}"


class _Early(Exception):
    """An event that cannot be posted yet."""

    def __init__(self, waits_for: str) -> None:
        self.waits_for = waits_for


class _Targetless(Exception):
    """An event whose target is not posted yet; it may still come in this batch."""

    def __init__(self, named: bytes) -> None:
        self.named = named


@dataclass(slots=True)
class _Work:
    batch: Batch
    state: State
    zone: ZoneInfo
    decision: Decision[Rows]
    books: Books
    meterings: dict[Slot, Metering] = field(default_factory=dict)
    intervals: dict[Slot, IntervalSlot] = field(default_factory=dict)
    registers: dict[Slot, RegisterSlot] = field(default_factory=dict)
    near: dict[Slot, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    changed: dict[Key, Fact] = field(default_factory=dict)


def decide(batch: Batch, state: State, *, zone: ZoneInfo = CITY) -> Decision[Rows]:
    """Post what stands, take back what does not any more, tell the years that changed."""
    accounts = {account.number: account for account in batch.accounts.values()}
    rows = Rows()
    books = Books(state, rows, batch.now, lambda number: accounts[number].next_sequence())
    work = _Work(batch, state, zone, Decision(rows), books)
    for known in state.facts.values():
        work.near[known.account, known.slot].append(known)
    _take_all(work)
    new = {(fact.account, fact.key) for fact in rows.facts}
    rows.changed = [fact for key, fact in work.changed.items() if key not in new]
    for (number, year), opened in books.years.items():
        account, sums = accounts[number], opened.sums
        rows.years[number, year] = sums
        account.add(sums.total_mg - opened.total_before)
        enterprise = on_date(state.enterprises[account.subject], date(year, 12, 31))
        told = state_of(account, opened.sequence, year, sums, enterprise, batch.now)
        work.decision.outgoing.append(told)
    return work.decision


def state_of(
    account: Account, sequence: int, year: int, sums: Year, enterprise: Enterprise, now: datetime
) -> Outgoing:
    """The event that tells the state of one account and year."""
    data = IndustrialAccount(
        epoch=account.epoch,
        sequence=sequence,
        year=year,
        sector=enterprise.sector,
        district=enterprise.district,
        product=enterprise.product,
        product_unit=enterprise.product_unit,
        energy_t=_tonnes(sums.energy_mg),
        process_t=_tonnes(sums.process_mg),
        avoided_t=_tonnes(sums.avoided_mg),
        total_t=_tonnes(sums.total_mg),
        output=_plain(sums.output),
        value_added_1e4cny=_plain(sums.value_added),
        months_energy=sums.months_energy,
        months_output=sums.months_output,
        quality=sums.quality(),
        factor_sets=sums.standing_sets(),
    )
    id = state_id(TOPIC, account.subject, year, account.epoch, sequence)
    return Outgoing(ACCOUNT, account.subject, id, SOURCE, now, data)


def _tonnes(mg: int) -> Decimal:
    return EXACT.normalize(EXACT.scaleb(mg, -9))


def _plain(value: Decimal) -> Decimal:
    return Decimal(decimal_text(value))


def _take_all(work: _Work) -> None:
    """Take every event, replacements first: they make room for others of the batch.

    One that names another of the batch is taken after it.
    """
    queue = deque(_replacements_first(work))
    waiting: dict[Key, list[tuple[Event, Fact | Refused]]] = defaultdict(list)
    while queue:
        event, arrived = queue.popleft()
        try:
            _take(work, event, arrived)
        except Refused as refused:
            work.decision.refuse(event, refused.reason, refused.detail)
        except _Early as early:
            work.decision.park(event, early.waits_for)
        except _Targetless as targetless:
            waiting[work.batch.account(event).number, targetless.named].append((event, arrived))
        else:
            if waiting:
                followers = waiting.pop((work.batch.account(event).number, event.key), [])
                queue.extendleft(reversed(followers))
    for (_, target), events in waiting.items():
        for event, _ in events:
            work.decision.park(event, waits_for_event(target))


def _replacements_first(work: _Work) -> list[tuple[Event, Fact | Refused]]:
    arriving, targets = work.state.arriving, work.state.targets
    if not targets:
        return arriving
    return sorted(
        arriving, key=lambda pair: (work.batch.account(pair[0]).number, pair[0].key) not in targets
    )


def _take(work: _Work, event: Event, arrived: Fact | Refused) -> None:
    if isinstance(arrived, Refused):
        raise arrived
    enterprise = work.state.enterprises.get(event.subject)
    if enterprise is None:
        raise _Early(WAITS_FOR_ENTERPRISE)
    if arrived.kind == READING:
        _take_reading(work, event, arrived, enterprise)
    elif arrived.kind == ACTIVITY:
        posting, target = postings.activity(arrived), _target(work, arrived)
        if target is not None:
            target.state, target.replaced_by = REPLACED, arrived.key
        _keep(work, arrived, [] if target is None else [target], [posting])
    else:
        if arrived.kind == PRODUCTION:
            _check_product(arrived, enterprise)
        post = postings.economy if arrived.kind == ECONOMY else postings.production
        _take_interval(work, arrived, post(arrived), ranked=False)


def _take_reading(work: _Work, event: Event, fact: Fact, enterprise: list[Enterprise]) -> None:
    slot = (fact.account, fact.slot)
    metering = work.meterings.get(slot)
    if metering is None:
        metering = work.meterings[slot] = _metering(work, event, fact, enterprise)
    if fact.starts is None:
        metering.check(fact)
        _take_register(work, fact, metering)
    else:
        _take_interval(work, fact, metering.interval(fact), ranked=True)


def _metering(work: _Work, event: Event, fact: Fact, enterprise: list[Enterprise]) -> Metering:
    meter_id = fact.slot.partition(":")[2]
    meter = work.state.meters.get(meter_id)
    if meter is None:
        raise _Early(waits_for_meter(meter_id))
    if meter[0].enterprise_id != event.subject:
        raise Refused(
            "foreign_meter", f"/data/meter_id: {meter_id} is not a meter of {event.subject}"
        )
    return Metering(meter, enterprise, work.zone)


def _take_interval(work: _Work, fact: Fact, posting: Posting, *, ranked: bool) -> None:
    target = _target(work, fact)
    key = (fact.account, fact.slot)
    slot = work.intervals.get(key)
    if slot is None:
        slot = work.intervals[key] = IntervalSlot(ranked)
        if key in work.near:
            slot.load(f for f in work.near[key] if f.starts is not None)
    change = slot.place(fact, target)
    _keep(work, fact, change.dropped, [posting] if change.stands else [])


def _take_register(work: _Work, fact: Fact, metering: Metering) -> None:
    target = _target(work, fact)
    key = (fact.account, fact.slot)
    slot = work.registers.get(key)
    if slot is None:
        slot = work.registers[key] = RegisterSlot(metering.usage)
        slot.load(f for f in work.near.get(key, ()) if f.starts is None)
    change = slot.place(fact, target)
    for reading in change.ended:
        if reading not in change.dropped:
            work.books.reverse(reading, fact)
    _keep(work, fact, change.dropped, change.posted)


def _keep(work: _Work, fact: Fact, dropped: list[Fact], posted: list[Posting]) -> None:
    """Add a fact that was placed, take back those it dropped, post what is new."""
    key = (fact.account, fact.key)
    work.decision.rows.facts.append(fact)
    work.state.facts[key] = fact
    work.state.entries.setdefault(key, [])
    for gone in dropped:
        work.changed[gone.account, gone.key] = gone
        work.books.reverse(gone, fact)
    for posting in posted:
        work.books.post(posting, fact)


def _target(work: _Work, fact: Fact) -> Fact | None:
    """The fact that this one replaces; Refused when it may not."""
    named = work.state.targets.get((fact.account, fact.key))
    if named is None:
        return None
    if named == fact.key:
        raise Refused("wrong_target", "/data/replaces: expected another event than itself")
    target = work.state.facts.get((fact.account, named))
    if target is None:
        raise _Targetless(named)
    same_form = (target.starts is None) == (fact.starts is None)
    if (target.kind, target.slot) != (fact.kind, fact.slot) or not same_form:
        raise Refused(
            "wrong_target",
            f"/data/replaces: expected an event about {fact.slot}, "
            f"{target.id!r} is about {target.slot}",
        )
    if target.state == REPLACED:
        raise Refused(
            "already_replaced",
            f"/data/replaces: event {target.id!r} was replaced before; expected the event "
            "that replaced it",
        )
    return target


def _check_product(fact: Fact, versions: list[Enterprise]) -> None:
    assert fact.starts is not None
    registered = on_date(versions, fact.starts.date())
    if fact.data["product"] != registered.product:
        raise Refused(
            "wrong_product",
            f"/data/product: expected {registered.product!r}, got {fact.data['product']!r}",
        )
    if fact.unit != registered.product_unit:
        raise Refused(
            "wrong_unit",
            f"/data/unit: expected {registered.product_unit!r}, got {fact.unit!r}",
        )
