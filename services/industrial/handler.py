"""A batch of readings, reports and activities in, a decision out."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.industrial.domain import postings
from services.industrial.domain.arrivals import ACTIVITY, ECONOMY, PRODUCTION, READING
from services.industrial.domain.books import Books
from services.industrial.domain.facts import REPLACED, Fact, Refused
from services.industrial.domain.intervals import IntervalSlot
from services.industrial.domain.metering import Metering
from services.industrial.domain.months import Month, Year, year_of
from services.industrial.domain.postings import Posting
from services.industrial.domain.registers import RegisterSlot
from services.industrial.domain.registry import Enterprise, on_date
from services.industrial.domain.state import Key, Rows, State
from shared.events.envelope import Event, Outgoing
from shared.events.ids import state_id
from shared.events.types import IndustrialAccount
from shared.stream.service import Account, Batch, Decision, waits_for_event
from shared.units.amount import decimal_text, tonnes_text
from shared.units.calendar import CITY

ACCOUNT = "cn.tanzhang.industrial.account.v1"
TOPIC = "industrial-accounts"
SOURCE = "urn:tanzhang:industrial"
WAITS_FOR_ENTERPRISE = "enterprise"


def waits_for_meter(meter_id: str) -> str:
    """The `waits_for` of a reading whose meter is not registered."""
    return f"meter:{meter_id}"


class _Early(Exception):
    """An event that cannot be posted yet."""

    def __init__(self, waits_for: str) -> None:
        self.waits_for = waits_for


class _Targetless(Exception):
    """An event whose target is not posted yet; it may still come in this batch."""


@dataclass(slots=True)
class _Work:
    batch: Batch
    state: State
    zone: ZoneInfo
    decision: Decision[Rows]
    books: Books
    intervals: dict[tuple[int, str], IntervalSlot] = field(default_factory=dict)
    registers: dict[tuple[int, str], RegisterSlot] = field(default_factory=dict)
    near: dict[tuple[int, str], list[Fact]] = field(default_factory=lambda: defaultdict(list))
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
    for number, amount in books.balances.items():
        accounts[number].add(amount)
    for (number, year), sequence in books.years.items():
        work.decision.outgoing.append(_outgoing(work, accounts[number], year, sequence))
    return work.decision


def state_of(
    account: Account, sequence: int, year: int, sums: Year, enterprise: Enterprise, now: datetime
) -> Outgoing:
    """The event that tells the state of one account and year."""
    total = sums.total
    data = IndustrialAccount(
        epoch=account.epoch,
        sequence=sequence,
        year=year,
        sector=enterprise.sector,
        district=enterprise.district,
        product=enterprise.product,
        product_unit=enterprise.product_unit,
        energy_t=_tonnes(total.energy_mg),
        process_t=_tonnes(total.process_mg),
        avoided_t=_tonnes(total.avoided_mg),
        total_t=_tonnes(total.total_mg),
        output=_plain(total.output),
        value_added_1e4cny=_plain(total.value_added),
        months_energy=sums.months_energy,
        months_output=sums.months_output,
        quality=sums.quality(),
        factor_sets=list(sums.factor_sets),
    )
    id = state_id(TOPIC, account.subject, year, account.epoch, sequence)
    return Outgoing(ACCOUNT, account.subject, id, SOURCE, now, data)


def _tonnes(mg: int) -> Decimal:
    return Decimal(tonnes_text(mg))


def _plain(value: Decimal) -> Decimal:
    return Decimal(decimal_text(value))


def _outgoing(work: _Work, account: Account, year: int, sequence: int) -> Outgoing:
    """The state of a year that changed: what was stored and what this batch adds."""
    state, deltas, number = work.state, work.decision.rows.deltas, account.number
    first, last = state.years[number]
    assert first <= year <= last, f"year {year} was not loaded ({first} to {last})"
    months = [
        _together(state.months.get((number, month)), deltas.months.get((number, month)))
        for month in _months(year)
    ]
    sets = Counter(state.sets.get((number, year), {}))
    sets.update(deltas.sets.get((number, year), {}))
    enterprise = on_date(state.enterprises[account.subject], date(year, 12, 31))
    sums = year_of(filter(None, months), (name for name, count in sets.items() if count > 0))
    return state_of(account, sequence, year, sums, enterprise, work.batch.now)


def _together(stored: Month | None, change: Month | None) -> Month | None:
    if stored is None or change is None:
        return stored or change
    total = replace(stored)
    total.include(change)
    return total


@lru_cache(maxsize=256)
def _months(year: int) -> tuple[date, ...]:
    return tuple(date(year, n, 1) for n in range(1, 13))


def _take_all(work: _Work) -> None:
    """Take every event, replacements first: they make room for others of the batch.

    One that names another of the batch is taken after it.
    """
    queue = deque(sorted(work.state.arriving, key=lambda pair: pair[0].target() is None))
    waiting: dict[Key, list[tuple[Event, Fact | Refused]]] = defaultdict(list)
    while queue:
        event, arrived = queue.popleft()
        try:
            _take(work, event, arrived)
        except Refused as refused:
            work.decision.refuse(event, refused.reason, refused.detail)
        except _Early as early:
            work.decision.park(event, early.waits_for)
        except _Targetless:
            waiting[work.batch.account(event).number, _named(event)].append((event, arrived))
        else:
            followers = waiting.pop((work.batch.account(event).number, event.key), [])
            queue.extendleft(reversed(followers))
    for (_, target), events in waiting.items():
        for event, _ in events:
            work.decision.park(event, waits_for_event(target))


def _named(event: Event) -> bytes:
    target = event.target()
    assert target is not None
    return target


def _take(work: _Work, event: Event, arrived: Fact | Refused) -> None:
    if isinstance(arrived, Refused):
        raise arrived
    enterprise = work.state.enterprises.get(event.subject)
    if enterprise is None:
        raise _Early(WAITS_FOR_ENTERPRISE)
    if arrived.kind == READING:
        _take_reading(work, event, arrived, enterprise)
    elif arrived.kind == ACTIVITY:
        posting, target = postings.activity(arrived), _target(work, event, arrived)
        if target is not None:
            target.state, target.replaced_by = REPLACED, arrived.key
        _keep(work, arrived, [] if target is None else [target], [posting])
    else:
        if arrived.kind == PRODUCTION:
            _check_product(arrived, enterprise)
        post = postings.economy if arrived.kind == ECONOMY else postings.production
        _take_interval(work, event, arrived, post(arrived), ranked=False)


def _take_reading(work: _Work, event: Event, fact: Fact, enterprise: list[Enterprise]) -> None:
    meter_id = fact.slot.partition(":")[2]
    meter = work.state.meters.get(meter_id)
    if meter is None:
        raise _Early(waits_for_meter(meter_id))
    if meter[0].enterprise_id != event.subject:
        raise Refused(
            "foreign_meter", f"/data/meter_id: {meter_id} is not a meter of {event.subject}"
        )
    metering = Metering(meter, enterprise, work.zone)
    metering.check(fact)
    if fact.starts is None:
        _take_register(work, event, fact, metering)
    else:
        _take_interval(work, event, fact, metering.interval(fact), ranked=True)


def _take_interval(
    work: _Work, event: Event, fact: Fact, posting: Posting, *, ranked: bool
) -> None:
    target = _target(work, event, fact)
    key = (fact.account, fact.slot)
    slot = work.intervals.get(key)
    if slot is None:
        slot = work.intervals[key] = IntervalSlot(ranked)
        slot.load(f for f in work.near.get(key, ()) if f.starts is not None)
    change = slot.place(fact, target)
    _keep(work, fact, change.dropped, [posting] if change.stands else [])


def _take_register(work: _Work, event: Event, fact: Fact, metering: Metering) -> None:
    target = _target(work, event, fact)
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


def _target(work: _Work, event: Event, fact: Fact) -> Fact | None:
    """The fact that an event replaces; Refused when it may not."""
    named = event.target()
    if named is None:
        return None
    if named == event.key:
        raise Refused("wrong_target", "/data/replaces: expected another event than itself")
    target = work.state.facts.get((fact.account, named))
    if target is None:
        raise _Targetless
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
