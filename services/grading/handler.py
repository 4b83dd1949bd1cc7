"""A batch of account states in, labels out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias
from zoneinfo import ZoneInfo

from services.grading import store
from services.grading.domain import agri, industrial
from services.grading.domain.benchmarks import Shelf
from services.grading.domain.grades import Grade, Label, current, settle
from services.grading.domain.industrial import Surroundings
from services.grading.domain.rulebook import Rulebook
from services.grading.store import AccountState, Held, HistoryRow, LabelRow, Rows
from shared.database import Connection
from shared.events.envelope import Event, Outgoing
from shared.events.ids import state_id
from shared.events.types import AgriAccount, CurrentLabel, IndustrialAccount, LabelChanged
from shared.stream.service import Account, Batch, Decision
from shared.units.amount import ratio_text

TOPICS = ("industrial-accounts", "agri-accounts")
LABEL_CHANGED = "cn.tanzhang.label.changed.v1"
LABEL_CHANGES = "label-changes"
SOURCE = "urn:tanzhang:grading"

# What asks for a decision, by year: an event, a benchmark, the clock.
Causes: TypeAlias = Mapping[str, Mapping[int, str]]


@dataclass(slots=True, frozen=True)
class Regraded:
    """The labels that a regrading touches, and the changes it announces."""

    labels: list[LabelRow]
    history: list[HistoryRow]
    outgoing: list[Outgoing]


def subject_of(event: Event) -> str:
    """The account as grading knows it: `<kind>:<id>`."""
    kind = "agri" if isinstance(event.data, AgriAccount) else "industrial"
    return f"{kind}:{event.subject}"


async def load(connection: Connection, batch: Batch) -> Held:
    """What is stored about the batch's accounts; no benchmark changes before the commit."""
    await connection.execute(store.BENCHMARKS_STAND)
    numbers = [account.number for account in batch.accounts.values()]
    return await store.load(connection, numbers, [state for state, _ in _states(batch.events)])


def decide_by(rules: Rulebook, zone: ZoneInfo) -> Callable[[Batch, Held], Decision[Rows]]:
    """The service's `decide` under these rules, in the city's calendar."""

    def decide(batch: Batch, held: Held) -> Decision[Rows]:
        arrived, causes = newest(batch.events, held)
        told = with_states(held, arrived)
        regraded = regrade(batch.accounts, told, causes, batch.now, rules, zone)
        rows = Rows(
            [(batch.accounts[s].number, x) for s, years in arrived.items() for x in years.values()],
            regraded.labels,
            regraded.history,
        )
        return Decision(rows, regraded.outgoing)

    return decide


def newest(
    events: Sequence[Event], held: Held
) -> tuple[dict[str, dict[int, AccountState]], dict[str, dict[int, str]]]:
    """The states that are newer than the stored ones, and what asks for their grading.

    A state of one year also moves the history dimension of the year after it.
    """
    arrived: dict[str, dict[int, AccountState]] = {}
    causes: dict[str, dict[int, str]] = {}
    for state, event in _states(events):
        subject = subject_of(event)
        mine = arrived.get(subject, {})
        known = mine.get(state.year) or held.states.get(subject, {}).get(state.year)
        if known is not None and _order(state) <= _order(known):
            continue
        arrived.setdefault(subject, {})[state.year] = state
        years = causes.setdefault(subject, {})
        years[state.year] = f"event:{event.key.hex()}"
        years.setdefault(state.year + 1, f"event:{event.key.hex()}")
    return arrived, causes


def with_states(held: Held, arrived: Mapping[str, Mapping[int, AccountState]]) -> Held:
    """What is known once the arrived states have replaced the stored ones."""
    states = {subject: dict(years) for subject, years in held.states.items()}
    city = dict(held.city)
    for subject, years in arrived.items():
        for year, state in years.items():
            old = states.setdefault(subject, {}).get(year)
            states[subject][year] = state
            if isinstance(state, IndustrialAccount):
                before = old if isinstance(old, IndustrialAccount) else None
                city[year] = city.get(year, industrial.NO_CITY).changed(before, state)
    return replace(held, states=states, city=city)


def regrade(
    accounts: Mapping[str, Account],
    held: Held,
    causes: Causes,
    now: datetime,
    rules: Rulebook,
    zone: ZoneInfo,
) -> Regraded:
    """Decide the labels of these accounts and years anew.

    Takes a sequence of the (locked) account for each label whose word changes; figures that
    change under the same word are stored and not announced.
    """
    result = Regraded([], [], [])
    for subject in sorted(causes):
        _regrade_account(accounts[subject], held, causes[subject], now, rules, zone, result)
    return result


def _regrade_account(
    account: Account,
    held: Held,
    years: Mapping[int, str],
    now: datetime,
    rules: Rulebook,
    zone: ZoneInfo,
    result: Regraded,
) -> None:
    states = held.states.get(account.subject, {})
    before = held.labels.get(account.subject, {})
    labels = dict(before)
    regraded = sorted(years.keys() & states.keys())
    for year in regraded:
        labels[year] = settle(
            year,
            grade_state(states, year, held, now, rules, zone),
            before.get(year),
            now,
            rule_version=rules.version(year),
            months=rules.valid_months(store.kind_of(states[year]), year),
            cause=years[year],
        )
    for year in regraded:
        label, known, state = labels[year], before.get(year), states[year]
        kind = store.kind_of(state)
        result.labels.append(LabelRow(account.number, kind, store.sector_of(state), label))
        if known is None or known.n != label.n:
            data = _changed(account, kind, label, known, labels, rules)
            result.history.append(HistoryRow(account.number, label, data))
            result.outgoing.append(outgoing(account.subject, data, now))


def grade_state(
    states: Mapping[int, AccountState],
    year: int,
    held: Held,
    now: datetime,
    rules: Rulebook,
    zone: ZoneInfo,
) -> Grade:
    """Grade one year of an account by its kind's rule."""
    state = states[year]
    if isinstance(state, AgriAccount):
        return agri.grade(state, rules)
    shelf = Shelf(held.benchmarks, rules.benchmarks)
    before = states.get(year - 1)
    around = Surroundings(
        shelf.find(state.sector, state.product, year),
        held.city.get(year, industrial.NO_CITY),
        before if isinstance(before, IndustrialAccount) else None,
    )
    return industrial.grade(state, around, rules, now, zone)


def _changed(
    account: Account,
    kind: str,
    label: Label,
    held: Label | None,
    labels: dict[int, Label],
    rules: Rulebook,
) -> LabelChanged:
    grade = label.grade
    standing = current(labels) or label
    return LabelChanged(
        epoch=account.epoch,
        sequence=account.next_sequence(),
        year=label.year,
        label=grade.label,
        previous=held.grade.label if held else None,
        intensity=six_places(grade.intensity),
        benchmark=grade.benchmark.value if grade.benchmark else None,
        ratio=six_places(grade.ratio),
        dimensions=grade.dimensions,
        reason=grade.reason,
        rule_version=label.rule_version,
        benchmark_version=grade.benchmark.id if grade.benchmark else None,
        policy=rules.policy(kind, grade.label),
        valid_until=label.valid_until,
        current=CurrentLabel(
            year=standing.year, label=standing.grade.label, valid_until=standing.valid_until
        ),
    )


def outgoing(subject: str, data: LabelChanged, now: datetime) -> Outgoing:
    """The event of a label change; `now` is when it was decided."""
    id = state_id(LABEL_CHANGES, subject, data.year, data.epoch, data.sequence)
    return Outgoing(LABEL_CHANGED, subject, id, SOURCE, now, data)


def six_places(value: Fraction | None) -> Decimal | None:
    """A figure as it is shown and sent: six places, half-even."""
    return None if value is None else Decimal(ratio_text(value))


def _states(events: Iterable[Event]) -> list[tuple[AccountState, Event]]:
    return [
        (event.data, event)
        for event in events
        if isinstance(event.data, IndustrialAccount | AgriAccount)
    ]


def _order(state: AccountState) -> tuple[int, int]:
    return state.epoch, state.sequence
