"""The audit of grading: labels against states, rules and benchmarks; states against accounts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.grading import store
from services.grading.domain import agri, industrial
from services.grading.domain.benchmarks import Benchmark, Shelf
from services.grading.domain.grades import Grade, Label
from services.grading.domain.industrial import Surroundings
from services.grading.domain.rulebook import Rulebook, rulebook
from services.grading.store import AccountState
from shared.database import Connection
from shared.events.types import AgriAccount, IndustrialAccount
from shared.ledger import Finding
from shared.methodology import methodology
from shared.units.calendar import CITY, Zone

SERVICE = "grading"
STATES = "select account, year, kind, data from account_state order by account, year"
LABELS = "select * from label order by account, year"
BENCHMARKS = """
select distinct on (sector, product, year) * from benchmark
order by sector, product, year, version desc
"""
LAST_ANNOUNCED = """
select distinct on (account, year) account, year, n, label
from label_history order by account, year, n desc
"""
COUNTED = """
select account, year, count(*), min(n), max(n) from label_history group by account, year
"""
GRADED_STATES = """
select s.subject, a.year, a.epoch, a.sequence, a.kind, a.total_t, a.gross_t, a.output
from account_state a join subject s on s.account = a.account
"""
Key = tuple[int, int]


@dataclass(slots=True, frozen=True)
class AccountFigures:
    """An account and year as either side has it, exact; `subject` is `<kind>:<id>`.

    `total_t` is that of an enterprise, or what a farm neutralises; `gross_t` a farm's only,
    `output` an enterprise's only.
    """

    subject: str
    year: int
    epoch: int
    sequence: int
    total_t: Decimal
    gross_t: Decimal | None = None
    output: Decimal | None = None


async def audit(connection: Connection, zone: Zone = CITY) -> list[Finding]:
    """Decide every label anew from what is stored; run it in one repeatable-read transaction.

    A label must be what its state gives under the benchmark it records, by the clock of its
    decision or later; that benchmark must be the one that holds now; every state has a label;
    the label is the last one announced, and none is missing in between.
    """
    rules = rulebook(methodology())
    states = {(r["account"], r["year"]): store.state_of(r) for r in await connection.fetch(STATES)}
    labels = {(r["account"], r["year"]): store.label_of(r) for r in await connection.fetch(LABELS)}
    posted = tuple(store.benchmark_of(row) for row in await connection.fetch(BENCHMARKS))
    shelf = Shelf(posted, rules.benchmarks)
    announced = {(r[0], r[1]): (r[2], r[3]) for r in await connection.fetch(LAST_ANNOUNCED)}
    findings = [
        *_unmatched(states, labels),
        *_decisions(states, labels, shelf, rules, zone),
        *_announcements(labels, announced),
    ]
    for account, year, count, first, last in await connection.fetch(COUNTED):
        if (first, last) != (1, count):
            what = f"history of {year}"
            findings.append(Finding(SERVICE, account, what, f"1..{count}", f"{first}..{last}"))
    return findings


async def graded_figures(connection: Connection) -> list[AccountFigures]:
    """Grading's side of `labels_against_accounts`."""
    return [
        AccountFigures(
            row["subject"],
            row["year"],
            row["epoch"],
            row["sequence"],
            row["total_t"],
            row["gross_t"],
            row["output"],
        )
        for row in await connection.fetch(GRADED_STATES)
    ]


def labels_against_accounts(
    accounts: Iterable[AccountFigures], graded: Iterable[AccountFigures]
) -> list[Finding]:
    """Differences between the accounts of industrial or agri and the states that grading holds.

    Compare only accounts whose last state grading has passed; the states' (epoch, sequence) tell
    (a difference in it alone is a state on its way). Amounts must agree exactly.
    """
    held = {(figures.subject, figures.year): figures for figures in graded}
    findings = []
    for account in accounts:
        what, mine = f"{account.subject} {account.year}", held.get((account.subject, account.year))
        if mine is None:
            findings.append(Finding(SERVICE, None, what, _amounts(account), "none"))
        elif _amounts(mine) != _amounts(account):
            findings.append(Finding(SERVICE, None, what, _amounts(account), _amounts(mine)))
    return findings


def _amounts(figures: AccountFigures) -> str:
    named = {
        "total_t": figures.total_t,
        "gross_t": figures.gross_t,
        "output": figures.output,
    }
    return ", ".join(f"{n} {v.normalize():f}" for n, v in named.items() if v is not None)


def _unmatched(
    states: Mapping[Key, AccountState], labels: Mapping[Key, Label]
) -> Iterator[Finding]:
    for account, year in sorted(states.keys() ^ labels.keys()):
        sides = ("state", "label") if (account, year) in states else ("label", "state")
        yield Finding(SERVICE, account, f"{sides[0]} of {year}", f"a {sides[1]}", "none")


def _decisions(
    states: Mapping[Key, AccountState],
    labels: Mapping[Key, Label],
    shelf: Shelf,
    rules: Rulebook,
    zone: Zone,
) -> Iterator[Finding]:
    for key in sorted(states.keys() & labels.keys()):
        yield from _decision(key, states[key], labels[key], shelf, rules, zone)


def _decision(
    key: Key, state: AccountState, label: Label, shelf: Shelf, rules: Rulebook, zone: Zone
) -> Iterator[Finding]:
    account, year = key
    found = label.grade
    expected = _grade(state, label, rules, zone)
    if not _same(expected, found):
        yield Finding(SERVICE, account, f"label of {year}", _summary(expected), _summary(found))
    if isinstance(state, IndustrialAccount):
        holding = _id(shelf.find(state.sector, state.product, year))
        if holding != _id(found.benchmark):
            what = f"benchmark of {year}"
            yield Finding(SERVICE, account, what, holding, _id(found.benchmark))


def _grade(state: AccountState, label: Label, rules: Rulebook, zone: Zone) -> Grade:
    if isinstance(state, AgriAccount):
        return agri.grade(state, rules)
    around = Surroundings(label.grade.benchmark)
    return industrial.grade(state, around, rules, label.looked_at, zone)


def _same(expected: Grade, found: Grade) -> bool:
    return (expected.label, expected.missing, expected.ratio, expected.intensity) == (
        found.label,
        found.missing,
        found.ratio,
        found.intensity,
    )


def _announcements(
    labels: Mapping[Key, Label], announced: Mapping[Key, tuple[int, str]]
) -> Iterator[Finding]:
    for key in sorted(labels.keys() | announced.keys()):
        label = labels.get(key)
        expected = None if label is None else (label.n, label.grade.label)
        if expected != announced.get(key):
            what = f"last announced label of {key[1]}"
            yield Finding(SERVICE, key[0], what, str(expected), str(announced.get(key)))


def _summary(grade: Grade) -> str:
    return f"{grade.label} ratio {grade.ratio} intensity {grade.intensity} {grade.missing or ''}"


def _id(benchmark: Benchmark | None) -> str:
    return "none" if benchmark is None else benchmark.id
