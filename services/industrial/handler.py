"""A batch of readings, reports and activities in, a decision out."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.industrial.domain import postings
from services.industrial.domain.arrivals import ACTIVITY, ECONOMY, PRODUCTION, READING
from services.industrial.domain.books import Books
from services.industrial.domain.corrections import Correction, together
from services.industrial.domain.entries import EXACT
from services.industrial.domain.facts import REPLACED, Fact, Refused, take_back
from services.industrial.domain.intervals import Overlap
from services.industrial.domain.registry import Enterprise, in_force_over, on_date
from services.industrial.domain.reviews import (
    OPEN,
    REJECTED,
    RELEASED,
    Held,
    Settled,
    review_of,
    waits_for_review,
)
from services.industrial.domain.state import Key, Rows, State
from services.industrial.domain.years import Year
from services.industrial.placing import (
    Early,
    Slot,
    Targetless,
    Work,
    correction_of,
    find_target,
    keep,
    stop_at_closed,
    take_interval,
    take_reading,
)
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

Arrival = tuple[Event, Fact | Refused]
_DAY = timedelta(days=1)
# What could not be taken yet, and why.
Doubtful = tuple[Arrival, Held | Overlap]


def decide(batch: Batch, state: State, *, zone: ZoneInfo = CITY) -> Decision[Rows]:
    """Post what stands, take back what does not any more, tell the years that changed."""
    accounts = {account.number: account for account in batch.accounts.values()}
    rows = Rows()
    books = Books(state, rows, batch.now, lambda number: accounts[number].next_sequence())
    work = Work(batch, state, zone, Decision(rows), books)
    for known in state.facts.values():
        work.near[known.account, known.slot].append(known)
    _take_all(work)
    new = {(fact.account, fact.key) for fact in rows.facts}
    rows.changed = [fact for key, fact in work.changed.items() if key not in new]
    work.decision.outgoing += tell_years(books, accounts)
    return work.decision


def tell_years(books: Books, accounts: Mapping[int, Account]) -> list[Outgoing]:
    """The states of the years that changed; their sums go to the rows, and into the balances."""
    told = []
    for (number, year), opened in books.years.items():
        account, sums = accounts[number], opened.sums
        books.rows.years[number, year] = sums
        account.add(sums.total_mg - opened.total_before)
        enterprise = on_date(books.state.enterprises[account.subject], date(year, 12, 31))
        told.append(state_of(account, opened.sequence, year, sums, enterprise, books.now))
    return told


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
        energy_covered=sums.energy_covered,
        output_covered=sums.output_covered,
    )
    id = state_id(TOPIC, account.subject, year, account.epoch, sequence)
    return Outgoing(ACCOUNT, account.subject, id, SOURCE, now, data)


def _tonnes(mg: int) -> Decimal:
    return EXACT.normalize(EXACT.scaleb(mg, -9))


def _plain(value: Decimal) -> Decimal:
    return Decimal(decimal_text(value))


def _take_all(work: Work) -> None:
    """Take every event, replacements first: they make room for others of the batch.

    One that names another of the batch is taken after it.
    """
    waiting: dict[Key, list[Arrival]] = defaultdict(list)
    doubtful = _take_in_turn(work, _replacements_first(work), waiting)
    for (event, arrived), why in _explain(work, doubtful, waiting):
        assert isinstance(arrived, Fact)
        if not isinstance(why, Held):
            work.decision.refuse(event, why.reason, why.detail)
            continue
        work.decision.park(event, waits_for_review(event.key))
        work.decision.rows.reviews.append(review_of(arrived, event.subject, why, work.batch.now))
    for (_, target), events in waiting.items():
        for event, _ in events:
            work.decision.park(event, waits_for_event(target))
    _settle(work)


def _explain(
    work: Work, doubtful: list[Doubtful], waiting: dict[Key, list[Arrival]]
) -> list[Doubtful]:
    """Try doubtful facts again while that gets any further: what came after one may explain it, an
    exchange, a correction."""
    tried_after = 0
    while doubtful:
        withdrawn = _withdraw(work, doubtful, waiting)
        doubtful = _take_together(work, doubtful, waiting)
        if not withdrawn and len(work.decision.rows.facts) == tried_after:
            break
        tried_after = len(work.decision.rows.facts)
        doubtful = _take_in_turn(work, [arrival for arrival, _ in doubtful], waiting)
    return doubtful


def _take_together(
    work: Work, doubtful: Sequence[Doubtful], waiting: dict[Key, list[Arrival]]
) -> list[Doubtful]:
    """Take corrections of a counter that are possible together only; gives the other doubtful
    facts."""
    held: dict[Slot, list[Correction]] = defaultdict(list)
    arrivals = {}
    for arrival, why in doubtful:
        correction = correction_of(work, arrival[1]) if isinstance(why, Held) else None
        if correction is not None:
            arrivals[correction.fact] = arrival
            held[correction.fact.account, correction.fact.slot].append(correction)
    taken: set[Fact | Refused] = set()
    again: list[Doubtful] = []
    for slot, corrections in held.items():
        metering = work.meterings[slot]
        order = together(work.registers[slot], corrections, metering.usage)
        # Not before all of them are there what they imply is to be looked at.
        at_once = {fact.key for fact in order}
        metering.released |= at_once
        again += _take_in_turn(work, [arrivals[fact] for fact in order], waiting)
        metering.released -= at_once
        taken.update(order)
    return [one for one in doubtful if one[0][1] not in taken] + again


def _take_in_turn(
    work: Work, arrivals: Iterable[Arrival], waiting: dict[Key, list[Arrival]]
) -> list[Doubtful]:
    """Take events; those that wait for another of the batch go to `waiting`.

    Returns the doubtful ones, held or overlapping, and why.
    """
    queue = deque(arrivals)
    doubtful = []
    while queue:
        event, arrived = queue.popleft()
        try:
            _take(work, event, arrived)
        except (Held, Overlap) as why:
            doubtful.append(((event, arrived), why))
        except Refused as refused:
            work.decision.refuse(event, refused.reason, refused.detail)
        except Early as early:
            work.decision.park(event, early.waits_for)
        except Targetless as targetless:
            waiting[work.batch.account(event).number, targetless.named].append((event, arrived))
        else:
            if waiting:
                followers = waiting.pop((work.batch.account(event).number, event.key), [])
                queue.extendleft(reversed(followers))
    return doubtful


def _withdraw(
    work: Work,
    doubtful: Iterable[Doubtful],
    waiting: Mapping[Key, Sequence[Arrival]],
) -> bool:
    """Let doubtful facts that were replaced meanwhile be what they would be in the end: such a
    fact never counts, and nobody has to look at it. True when there are any."""
    found = False
    for (_, fact), why in doubtful:
        assert isinstance(fact, Fact)
        by = _replacement(fact, waiting)
        if by is None or not fact.stands():
            continue
        if isinstance(why, Held) or _has_room(work, by, waiting):
            take_back(fact, by)
            found = True
    return found


def _replacement(fact: Fact, waiting: Mapping[Key, Sequence[Arrival]]) -> Fact | None:
    followers = (follower for _, follower in waiting.get((fact.account, fact.key), ()))
    return next((f for f in followers if isinstance(f, Fact) and f.slot == fact.slot), None)


def _has_room(work: Work, fact: Fact | None, waiting: Mapping[Key, Sequence[Arrival]]) -> bool:
    """It overlaps nothing, or what replaces it does not."""
    while fact is not None and not work.intervals[fact.account, fact.slot].has_room(fact):
        fact = _replacement(fact, waiting)
    return fact is not None


def _settle(work: Work) -> None:
    """Close the open reviews of what was posted or refused by itself."""
    refused = {
        (work.batch.account(r.event).number, r.event.key): r.detail for r in work.decision.refused
    }
    for key, reviews in work.state.reviews.items():
        for known in (review for review in reviews if review.state == OPEN):
            fact, detail = work.state.facts.get(key), refused.get(key)
            if fact is not None and fact.content == known.content:
                explained = "replaced" if fact.state == REPLACED else "explained"
                state, note = RELEASED, f"{explained} by what was read or registered later"
            elif detail is not None:
                state, note = REJECTED, detail
            else:
                continue
            settled = Settled(known.account, known.id, state, note, work.batch.now)
            work.decision.rows.settled.append(settled)


def _replacements_first(work: Work) -> list[Arrival]:
    arriving, targets = work.state.arriving, work.state.targets
    if not targets:
        return arriving
    return sorted(
        arriving, key=lambda pair: (work.batch.account(pair[0]).number, pair[0].key) not in targets
    )


def _take(work: Work, event: Event, arrived: Fact | Refused) -> None:
    if isinstance(arrived, Refused):
        raise arrived
    enterprise = work.state.enterprises.get(event.subject)
    if enterprise is None:
        raise Early(WAITS_FOR_ENTERPRISE)
    if arrived.kind == READING:
        take_reading(work, event, arrived, enterprise)
    elif arrived.kind == ACTIVITY:
        posting, target = postings.activity(arrived), find_target(work, arrived)
        stop_at_closed(work, arrived, target)
        if target is not None:
            take_back(target, arrived)
        keep(work, arrived, [] if target is None else [target], [posting])
    else:
        if arrived.kind == PRODUCTION:
            _check_product(arrived, enterprise)
        post = postings.economy if arrived.kind == ECONOMY else postings.production
        take_interval(work, arrived, post(arrived))


def _check_product(fact: Fact, versions: list[Enterprise]) -> None:
    assert fact.starts is not None
    registered = on_date(versions, fact.starts.date())
    if fact.data["product"] != registered.product:
        raise Refused(
            "wrong_product",
            f"/data/product: expected {registered.product!r}, got {fact.data['product']!r}",
        )
    for version in in_force_over(versions, fact.starts.date(), (fact.ends - _DAY).date()):
        if fact.unit != version.product_unit:
            raise Refused(
                "wrong_unit",
                f"/data/unit: expected {version.product_unit!r}{_since(version, registered)}, "
                f"got {fact.unit!r}",
            )


def _since(version: Enterprise, registered: Enterprise) -> str:
    return "" if version is registered else f" from {version.valid_from} on"
