"""A batch of account states in, labels out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from services.grading.domain import agri, industrial, reasons
from services.grading.domain.benchmarks import Shelf
from services.grading.domain.grades import (
    NEW_DATA,
    SAME_DATA,
    YEAR_BEFORE,
    Cause,
    Grade,
    Label,
    current,
    settle,
)
from services.grading.domain.industrial import Surroundings
from services.grading.domain.rulebook import Rulebook
from services.grading.store import benchmarks, reading
from services.grading.store.held import (
    AccountState,
    Held,
    HistoryRow,
    LabelRow,
    Rows,
    kind_of,
    sector_of,
)
from shared.database import Connection
from shared.events.envelope import Event, Outgoing
from shared.events.ids import state_id
from shared.events.types import AgriAccount, CurrentLabel, IndustrialAccount, LabelChanged
from shared.stream.service import Account, Batch, Decision
from shared.units.amount import ratio_text
from shared.units.calendar import local_date

TOPICS = ("industrial-accounts", "agri-accounts")
LABEL_CHANGED = "cn.tanzhang.label.changed.v1"
LABEL_CHANGES = "label-changes"
SOURCE = "urn:tanzhang:grading"

# What asks for a decision, by subject and year.
Causes: TypeAlias = Mapping[str, Mapping[int, Cause]]


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
    await connection.execute(benchmarks.STAND)
    numbers = [account.number for account in batch.accounts.values()]
    return await reading.load(connection, numbers, [state for state, _ in _states(batch.events)])


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
) -> tuple[dict[str, dict[int, AccountState]], dict[str, dict[int, Cause]]]:
    """The states that are newer than the stored ones, and what asks for their grading.

    A state of one year also moves the history dimension of the year after it. One that says what
    is known already (sent again by a rebuild, or for another name) is no new data.
    """
    arrived: dict[str, dict[int, AccountState]] = {}
    causes: dict[str, dict[int, Cause]] = {}
    for state, event in _states(events):
        subject = subject_of(event)
        mine = arrived.get(subject, {})
        known = mine.get(state.year) or held.states.get(subject, {}).get(state.year)
        if known is not None and _order(state) <= _order(known):
            continue
        arrived.setdefault(subject, {})[state.year] = state
        years, ref = causes.setdefault(subject, {}), event.key.hex()
        if known is not None and _says_the_same(state, known):
            years.setdefault(state.year, Cause(SAME_DATA, ref))
            continue
        years[state.year] = Cause(NEW_DATA, ref)
        years.setdefault(state.year + 1, Cause(YEAR_BEFORE, ref))
    return arrived, causes


def with_states(held: Held, arrived: Mapping[str, Mapping[int, AccountState]]) -> Held:
    """What is known once the arrived states have replaced the stored ones."""
    states = {subject: dict(years) for subject, years in held.states.items()}
    for subject, years in arrived.items():
        states.setdefault(subject, {}).update(years)
    return replace(held, states=states)


def regrade(
    accounts: Mapping[str, Account],
    held: Held,
    causes: Causes,
    now: datetime,
    rules: Rulebook,
    zone: ZoneInfo,
) -> Regraded:
    """Decide the labels of these accounts and years anew.

    Takes a sequence of the (locked) account for each label whose word changes or that is renewed;
    figures that change under the same word are stored and not announced.
    """
    result = Regraded([], [], [])
    for subject in sorted(causes):
        _regrade_account(accounts[subject], held, causes[subject], now, rules, zone, result)
    return result


def _regrade_account(
    account: Account,
    held: Held,
    years: Mapping[int, Cause],
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
        kind = kind_of(states[year])
        labels[year] = settle(
            year,
            grade_state(states, year, held, now, rules, zone),
            before.get(year),
            now,
            rule_version=rules.version(kind, sector_of(states[year]), year),
            months=rules.valid_months(kind, sector_of(states[year]), year),
            cause=years[year],
            zone=zone,
        )
    for year in regraded:
        label, known, state = labels[year], before.get(year), states[year]
        result.labels.append(LabelRow(account.number, kind_of(state), sector_of(state), label))
        if known is None or known.n != label.n:
            data = changed(account, label, known, labels, now, rules, zone)
            row = HistoryRow(account.number, label, data, label.decided_at, label.cause)
            result.history.append(row)
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
        return agri.grade(state, rules, held.peers.get((state.year, state.type)))
    return industrial.grade(state, surroundings(states, state, held, rules), rules, now, zone)


def surroundings(
    states: Mapping[int, AccountState], state: IndustrialAccount, held: Held, rules: Rulebook
) -> Surroundings:
    """What one year of an enterprise is held against."""
    shelf = Shelf(held.benchmarks, rules.benchmarks)
    before = states.get(state.year - 1)
    return Surroundings(
        shelf.find(state.sector, state.product, state.year),
        held.city.get(state.year),
        before if isinstance(before, IndustrialAccount) else None,
    )


def changed(
    account: Account,
    label: Label,
    held: Label | None,
    labels: dict[int, Label],
    now: datetime,
    rules: Rulebook,
    zone: ZoneInfo,
) -> LabelChanged:
    """What is told of a label; `held` is what was told before. Takes a sequence of the account.

    Of one that is told to be over: since when, and the policy that holds then.
    """
    grade, against = label.grade, label.grade.held_against
    standing, today = current(labels) or label, local_date(now, zone)
    kind, reason, granted = account.subject.partition(":")[0], grade.reason, rules.policy
    if label.told_expired and label.valid_until is not None:
        over = local_date(label.valid_until, zone)
        reason, granted = reasons.expired(reason, label.year, over), rules.policy_held
    return LabelChanged(
        epoch=account.epoch,
        sequence=account.next_sequence(),
        year=label.year,
        label=grade.label,
        previous=held.grade.label if held else None,
        intensity=six_places(grade.intensity),
        intensity_per=grade.intensity_per,
        benchmark=grade.benchmark.value if grade.benchmark else None,
        ratio=six_places(grade.ratio),
        dimensions=grade.dimensions,
        reason=reason,
        rule_version=label.rule_version,
        benchmark_version=against[1] if against else None,
        benchmark_kind=against[0] if against else None,
        policy=granted(kind, grade.label, today),
        valid_until=label.valid_until,
        expired=label.told_expired or None,
        current=CurrentLabel(
            year=standing.year,
            label=standing.grade.label,
            valid_until=standing.valid_until,
            expired=standing.told_expired or None,
        ),
    )


def outgoing(subject: str, data: LabelChanged, now: datetime) -> Outgoing:
    """The event of a label change; `now` is when it was decided, or announced as expired."""
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


def _says_the_same(state: AccountState, known: AccountState) -> bool:
    """But for its number, and for which months it covers where that was not told before."""
    alike: dict[str, Any] = {"epoch": known.epoch, "sequence": known.sequence}
    if isinstance(known, IndustrialAccount) and known.energy_covered is None:
        alike |= {"energy_covered": None, "output_covered": None}
    return msgspec.structs.replace(state, **alike) == known


def _order(state: AccountState) -> tuple[int, int]:
    return state.epoch, state.sequence
