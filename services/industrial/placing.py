"""Where the fact of an event goes: what it replaces, what gives way, whether it is held."""

from collections import defaultdict
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from services.industrial.domain.books import Books
from services.industrial.domain.closing import first_closed, reach, waits_for_year
from services.industrial.domain.corrections import Correction
from services.industrial.domain.facts import FINAL, INITIAL, REPLACED, Fact, Refused, take_back
from services.industrial.domain.intervals import IntervalSlot
from services.industrial.domain.metering import Metering
from services.industrial.domain.postings import Posting
from services.industrial.domain.registers import RegisterChange, RegisterSlot
from services.industrial.domain.registry import Enterprise
from services.industrial.domain.reviews import (
    REJECTED,
    REJECTED_IN_REVIEW,
    RELEASED,
    Held,
)
from services.industrial.domain.state import Key, Rows, State
from shared.events.envelope import Event
from shared.stream.service import Batch, Decision

# What facts tell about: the account and the fact's `slot`.
Slot = tuple[int, str]


def waits_for_meter(meter_id: str) -> str:
    """The `waits_for` of a reading whose meter is not registered."""
    return f"meter:{meter_id}"


class Early(Exception):
    """An event that cannot be posted yet."""

    def __init__(self, waits_for: str) -> None:
        self.waits_for = waits_for


class Targetless(Exception):
    """An event whose target is not posted yet; it may still come in this batch."""

    def __init__(self, named: bytes) -> None:
        self.named = named


@dataclass(slots=True)
class Work:
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


def take_reading(work: Work, event: Event, fact: Fact, enterprise: list[Enterprise]) -> None:
    slot = (fact.account, fact.slot)
    metering = work.meterings.get(slot)
    if metering is None:
        metering = work.meterings[slot] = _metering(work, event, fact, enterprise)
    if _is_released(work, fact):
        metering.released.add(fact.key)
    if fact.starts is None:
        metering.check(fact)
        _take_register(work, fact, metering)
    else:
        take_interval(work, fact, metering.interval(fact), metering)


def _is_released(work: Work, fact: Fact) -> bool:
    """A person has looked at it and let it pass; Refused when that person rejected it."""
    if not work.state.reviews:
        return False
    reviews = work.state.reviews.get((fact.account, fact.key), ())
    known = next((review for review in reviews if review.content == fact.content), None)
    if known is not None and known.state == REJECTED:
        raise Refused(REJECTED_IN_REVIEW, known.note or "")
    return known is not None and known.state == RELEASED


def _metering(work: Work, event: Event, fact: Fact, enterprise: list[Enterprise]) -> Metering:
    meter_id = fact.slot.partition(":")[2]
    meter = work.state.meters.get(meter_id)
    if meter is None:
        raise Early(waits_for_meter(meter_id))
    if meter[0].enterprise_id != event.subject:
        raise Refused(
            "foreign_meter", f"/data/meter_id: {meter_id} is not a meter of {event.subject}"
        )
    return Metering(meter, enterprise, work.zone, work.state.fuels.get(event.subject, {}))


def take_interval(
    work: Work, fact: Fact, posting: Posting, metering: Metering | None = None
) -> None:
    """Of equal intervals of a meter one stands; reports may not repeat one."""
    target = find_target(work, fact)
    if metering is not None and fact.stands():
        metering.check_interval(posting)
    key = (fact.account, fact.slot)
    slot = work.intervals.get(key)
    if slot is None:
        slot = work.intervals[key] = IntervalSlot(ranked=metering is not None)
        if key in work.near:
            slot.load(f for f in work.near[key] if f.starts is not None)
    stop_at_closed(work, fact, target)
    near = target if target is None or target.slot == fact.slot else None
    change = slot.place(fact, near)
    if target is not None and near is None:
        change.dropped.append(_taken_from(work, target, fact))
    keep(work, fact, change.dropped, [posting] if change.stands else [])


def _taken_from(work: Work, target: Fact, fact: Fact) -> Fact:
    """A report under the name that its product had before, taken back by one under another."""
    other = work.intervals.get((target.account, target.slot))
    if other is not None:
        other.remove(target)
    take_back(target, fact)
    return target


def _take_register(work: Work, fact: Fact, metering: Metering) -> None:
    target = find_target(work, fact)
    key = (fact.account, fact.slot)
    slot = work.registers.get(key)
    if slot is None:
        slot = work.registers[key] = RegisterSlot(metering.possible_usage)
        slot.load(f for f in work.near.get(key, ()) if f.starts is None)
    stop_at_closed(work, fact, target, slot)
    try:
        change = slot.place(fact, target)
    except Held as held:
        if fact.key not in metering.released:
            raise
        change = _place_exchanged(slot, fact, target, held)
    for reading in change.ended:
        if reading not in change.dropped:
            work.books.reverse(reading, fact)
    keep(work, fact, change.dropped, change.posted)


def stop_at_closed(
    work: Work, fact: Fact, target: Fact | None, register: RegisterSlot | None = None
) -> None:
    """Early when placing a fact, or taking its target back, could change a closed year."""
    if not work.state.closed:
        return
    facts = [fact] if target is None else [fact, target]
    reaches = [reach(register.standing, one) for one in facts] if register else []
    year = first_closed(facts, reaches, work.state.closed, work.zone)
    if year is not None:
        raise Early(waits_for_year(year))


def _place_exchanged(
    slot: RegisterSlot, fact: Fact, target: Fact | None, held: Held
) -> RegisterChange:
    """Place a released reading of a counter that fell: it was exchanged there, and nobody said so."""
    fact.data["exchange"] = INITIAL if held.reading is fact else FINAL
    try:
        return slot.place(fact, target)
    except Held as again:
        raise Refused(again.reason, again.detail) from again


def keep(work: Work, fact: Fact, dropped: list[Fact], posted: list[Posting]) -> None:
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


def correction_of(work: Work, fact: object) -> Correction | None:
    """The correction that a held reading of a counter is, unless it is held for what it shows or
    has to wait."""
    if not isinstance(fact, Fact):
        return None
    slot = work.registers.get((fact.account, fact.slot))
    if slot is None:
        return None
    try:
        work.meterings[fact.account, fact.slot].check(fact)
        target = find_target(work, fact)
        stop_at_closed(work, fact, target, slot)
    except (Refused, Early):
        return None
    gone = slot.gives_way(fact, target)
    return None if gone is None else Correction(fact, gone)


def find_target(work: Work, fact: Fact) -> Fact | None:
    """The fact that this one replaces; Refused when it may not.

    What was rejected in review never stood: what replaces it stands by itself.
    """
    named = work.state.targets.get((fact.account, fact.key))
    if named is None:
        return None
    if named == fact.key:
        raise Refused("wrong_target", "/data/replaces: expected another event than itself")
    target = work.state.facts.get((fact.account, named))
    if target is None:
        reviews = work.state.reviews.get((fact.account, named), ())
        if any(review.state == REJECTED for review in reviews):
            return None
        raise Targetless(named)
    same_form = (target.starts is None) == (fact.starts is None)
    if (target.kind, target.about()) != (fact.kind, fact.about()) or not same_form:
        raise Refused(
            "wrong_target",
            f"/data/replaces: expected an event about {fact.slot}, "
            f"{target.id!r} is about {target.slot}",
        )
    if target.state == REPLACED and target.replaced_by != fact.key:
        raise Refused(
            "already_replaced",
            f"/data/replaces: event {target.id!r} was replaced before; expected the event "
            "that replaced it",
        )
    return target
