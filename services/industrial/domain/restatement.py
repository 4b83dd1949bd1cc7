"""Restatement: what stands, computed again with the registry and the figures of now."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.industrial.domain import postings
from services.industrial.domain.arrivals import ACTIVITY, ECONOMY, READING
from services.industrial.domain.books import Books, entry_of
from services.industrial.domain.entries import Entry, said, standing
from services.industrial.domain.facts import Fact, Refused
from services.industrial.domain.metering import Metering
from services.industrial.domain.postings import Posting
from services.industrial.domain.registers import Usage
from services.industrial.domain.state import State

RESTATED = "restated"


class Unchanged(NamedTuple):
    """What stays as it was posted, because it cannot be computed any more."""

    source: str
    event_id: str
    reason: str
    detail: str


@dataclass(slots=True)
class YearChanged:
    """What restating does to a year: its total, and its entries by figure."""

    before_mg: int = 0
    after_mg: int = 0
    events: int = 0
    replaced: Counter[str] = field(default_factory=Counter)
    posted: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Restatement:
    """One account's: `years` that change, events `left` for a closed year, those `unchanged`."""

    subject: str
    years: dict[int, YearChanged] = field(default_factory=dict)
    left: int = 0
    unchanged: list[Unchanged] = field(default_factory=list)


def restate(
    facts: Iterable[Fact],
    previous: Mapping[bytes, Fact],
    books: Books,
    done: Restatement,
    zone: ZoneInfo,
    kept: Collection[int],
) -> None:
    """Post facts again that would be posted otherwise now; nothing in the years `kept`.

    `previous` has the reading before each register reading. The books hold their entries.
    """
    for fact in facts:
        stands = standing(books.state.entries[fact.account, fact.key])
        if not stands:
            continue
        try:
            posting = computed(fact, previous.get(fact.key), done.subject, books.state, zone)
        except Refused as refused:
            done.unchanged.append(Unchanged(fact.source, fact.id, refused.reason, refused.detail))
            continue
        new = [entry_of(posting, n, 0, b"", "", 0, books.now) for n in range(len(posting.pieces))]
        if list(map(said, stands)) == list(map(said, new)):
            continue
        if any(entry.month.year in kept for entry in (*stands, *new)):
            done.left += 1
            continue
        books.reverse(fact, fact, RESTATED)
        books.post(posting, fact, RESTATED)
        _count(done, stands, new)


def computed(
    fact: Fact, previous: Fact | None, subject: str, state: State, zone: ZoneInfo
) -> Posting:
    """What a standing fact posts; Refused when it would not be posted any more."""
    if fact.kind == ACTIVITY:
        return postings.activity(fact)
    if fact.kind != READING:
        return postings.economy(fact) if fact.kind == ECONOMY else postings.production(fact)
    meter = state.meters[fact.slot.partition(":")[2]]
    fuels = state.fuels.get(subject, {})
    metering = Metering(meter, state.enterprises[subject], zone, fuels)
    if fact.starts is not None:
        return metering.interval(fact)
    assert previous is not None
    return metering.usage(Usage(previous, fact))


def totals(books: Books, done: Restatement) -> None:
    """Take the totals of the years that changed from the books."""
    for (_, year), opened in books.years.items():
        done.years[year].before_mg = opened.total_before
        done.years[year].after_mg = opened.sums.total_mg


def _count(done: Restatement, old: Iterable[Entry], new: Iterable[Entry]) -> None:
    years = set()
    for entries, side in ((old, "replaced"), (new, "posted")):
        for entry in entries:
            changed = done.years.setdefault(entry.month.year, YearChanged())
            years.add(entry.month.year)
            getattr(changed, side)[_figure_of(entry)] += 1
    for year in years:
        done.years[year].events += 1


def _figure_of(entry: Entry) -> str:
    if entry.factor_set is None:
        return entry.category
    return f"{entry.factor_set}@{entry.factor_version} {entry.factor_id}"
