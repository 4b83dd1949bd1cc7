"""The audit of grading: labels against states, rules and benchmarks; states against accounts."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from services.grading.domain import agri, industrial, peers
from services.grading.domain.benchmarks import Benchmark, Shelf
from services.grading.domain.city import CityMean
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.grades import Grade, Label
from services.grading.domain.industrial import Surroundings
from services.grading.domain.rulebook import Rulebook, rulebook
from services.grading.store import benchmarks, farm_peers, means, reading
from services.grading.store.held import AccountState, kind_of, sector_of
from shared.database import Connection
from shared.events.types import AgriAccount, IndustrialAccount
from shared.ledger import Finding
from shared.methodology import methodology
from shared.units.calendar import CITY, Zone

SERVICE = "grading"
STATES = "select account, year, kind, data from account_state order by account, year"
LABELS = "select * from label order by account, year"
LAST_ANNOUNCED = """
select distinct on (account, year) account, year, n, label,
    (data ->> 'valid_until')::timestamptz, coalesce((data ->> 'expired')::boolean, false)
from label_history order by account, year, n desc
"""
APPEALS = "select account, year, array_agg(status) from appeal group by account, year"
COUNTED = """
select account, year, count(*), min(n), max(n) from label_history group by account, year
"""
GRADED_STATES = """
select s.subject, a.year, a.epoch, a.sequence, a.kind, a.total_t, a.gross_t, a.output,
    (a.data ->> 'area_ha')::numeric as area_ha, (a.data ->> 'head_days')::numeric as head_days
from account_state a join subject s on s.account = a.account
"""
Key = tuple[int, int]
# A label that is announced: its number, its word, until when it is good, whether it has expired.
Told = tuple[int, str, datetime | None, bool]
# The clock announces a lot of labels at each tick: many that end at once take several.
EXPIRY_TAKES = timedelta(hours=1)


@dataclass(slots=True, frozen=True)
class Evidence:
    """All that labels are decided from, by account and year."""

    states: Mapping[Key, AccountState]
    shelf: Shelf
    city: Mapping[int, CityMean]
    peers: Mapping[tuple[int, str], FarmPeers]
    rules: Rulebook
    zone: Zone


@dataclass(slots=True, frozen=True)
class AccountFigures:
    """An account and year as either side has it, exact; `subject` is `<kind>:<id>`.

    `total_t` is that of an enterprise, or what a farm neutralises; `gross_t`, `area_ha` and
    `head_days` a farm's only, `output` an enterprise's only.
    """

    subject: str
    year: int
    epoch: int
    sequence: int
    total_t: Decimal
    gross_t: Decimal | None = None
    output: Decimal | None = None
    area_ha: Decimal | None = None
    head_days: Decimal | None = None


async def audit(connection: Connection, zone: Zone = CITY) -> list[Finding]:
    """Decide every label anew from what is stored; run it in one repeatable-read transaction.

    A label must be what its state, that of the year before, the city's mean, a farm's peers and the
    benchmark it records give, by the clock of its last grading; that benchmark, the mean, the peers
    and the rule must be the ones that hold now; every state has a label; the label is the last one
    announced, as expired if it had an hour before the last grading, and none is missing in between;
    it is contested while an appeal is open, and suspended after one only. A computed mean must be
    that of the sums it was computed from.
    """
    rules = rulebook(methodology())
    states, labels = await connection.fetch(STATES), await connection.fetch(LABELS)
    evidence = Evidence(
        {(row["account"], row["year"]): reading.state_of(row) for row in states},
        Shelf(await benchmarks.all_standing(connection), rules.benchmarks),
        await means.all_newest(connection),
        await farm_peers.all_newest(connection),
        rules,
        zone,
    )
    held = {(row["account"], row["year"]): reading.label_of(row) for row in labels}
    announced = {(r[0], r[1]): tuple(r[2:]) for r in await connection.fetch(LAST_ANNOUNCED)}
    appeals = {(r[0], r[1]): set(r[2]) for r in await connection.fetch(APPEALS)}
    findings = [
        *_unmatched(evidence.states, held),
        *(
            f
            for key in sorted(evidence.states.keys() & held.keys())
            for f in _decision(key, held[key], evidence)
        ),
        *_announcements(held, announced),
        *_expiries(held),
        *_contests(held, appeals),
        *_sums(evidence.shelf),
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
            row["area_ha"],
            row["head_days"],
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
        "area_ha": figures.area_ha,
        "head_days": figures.head_days,
    }
    return ", ".join(f"{n} {v.normalize():f}" for n, v in named.items() if v is not None)


def _unmatched(
    states: Mapping[Key, AccountState], labels: Mapping[Key, Label]
) -> Iterator[Finding]:
    for account, year in sorted(states.keys() ^ labels.keys()):
        sides = ("state", "label") if (account, year) in states else ("label", "state")
        yield Finding(SERVICE, account, f"{sides[0]} of {year}", f"a {sides[1]}", "none")


def _decision(key: Key, label: Label, evidence: Evidence) -> Iterator[Finding]:
    account, year = key
    state, found = evidence.states[key], label.grade
    group = kind_of(state), sector_of(state), year
    holding = (
        evidence.shelf.find(state.sector, state.product, year)
        if isinstance(state, IndustrialAccount)
        else None
    )
    expected = _grade(key, label, holding, evidence)
    city = evidence.city.get(year) if isinstance(state, IndustrialAccount) else None
    pairs = (
        ("label", _summary(expected), _summary(found)),
        ("benchmark", _id(holding), _id(found.benchmark)),
        ("city mean", _version(city), _version(found.city)),
        ("peers", _peers(expected), _peers(found)),
        ("rule", evidence.rules.version(*group), label.rule_version),
    )
    for what, wanted, got in pairs:
        if wanted != got:
            yield Finding(SERVICE, account, f"{what} of {year}", wanted, got)


def _grade(key: Key, label: Label, holding: Benchmark | None, evidence: Evidence) -> Grade:
    """By the benchmark that the label records; with the cut points that hold now, if it does."""
    state = evidence.states[key]
    if isinstance(state, AgriAccount):
        return agri.grade(state, evidence.rules, evidence.peers.get((state.year, state.type)))
    recorded = label.grade.benchmark
    before = evidence.states.get((key[0], key[1] - 1))
    around = Surroundings(
        holding if _id(holding) == _id(recorded) else recorded,
        evidence.city.get(key[1]),
        before if isinstance(before, IndustrialAccount) else None,
    )
    return industrial.grade(state, around, evidence.rules, label.looked_at, evidence.zone)


def _contests(
    labels: Mapping[Key, Label], appeals: Mapping[Key, Collection[str]]
) -> Iterator[Finding]:
    for key in sorted(labels.keys() | appeals.keys()):
        label, statuses = labels.get(key), appeals.get(key, ())
        contested = label is not None and label.contested
        if contested != ("open" in statuses):
            what = f"contested label of {key[1]}"
            yield Finding(SERVICE, key[0], what, str("open" in statuses), str(contested))
        if label is not None and label.suspended and "reopened" not in statuses:
            yield Finding(SERVICE, key[0], f"suspended label of {key[1]}", "an appeal", "none")


def _sums(shelf: Shelf) -> Iterator[Finding]:
    for held in shelf.posted:
        if held.kind == "city_mean" and held.basis is not None:
            mean = peers.rounded(Fraction(held.basis.total_t) / Fraction(held.basis.output))
            if mean != held.value:
                yield Finding(SERVICE, None, f"benchmark {held.id}", str(mean), str(held.value))


def _announcements(labels: Mapping[Key, Label], announced: Mapping[Key, Told]) -> Iterator[Finding]:
    for key in sorted(labels.keys() | announced.keys()):
        label = labels.get(key)
        expected = (
            None
            if label is None
            else (label.n, label.grade.label, label.valid_until, label.told_expired)
        )
        if expected != announced.get(key):
            what = f"last announced label of {key[1]}"
            yield Finding(SERVICE, key[0], what, _telling(expected), _telling(announced.get(key)))


def _telling(told: Told | None) -> str:
    if told is None:
        return "none"
    n, word, until, expired = told
    return f"{n}: {word} until {until}" + (", expired" if expired else "")


def _expiries(labels: Mapping[Key, Label]) -> Iterator[Finding]:
    """By the grading's own clock, which need not be the auditor's."""
    if labels:
        last = max(label.looked_at for label in labels.values()) - EXPIRY_TAKES
        for (account, year), label in sorted(labels.items()):
            if label.expired(last) and not label.told_expired:
                yield Finding(SERVICE, account, f"expiry of {year}", "announced", "not announced")


def _summary(grade: Grade) -> str:
    figures = f"{grade.label} ratio {grade.ratio} intensity {grade.intensity}"
    return f"{figures} {grade.missing or ''} {sorted(grade.dimensions.items())}"


def _version(city: CityMean | None) -> str:
    return "none" if city is None else f"{city.year}#{city.version}"


def _peers(grade: Grade) -> str:
    return "none" if grade.peers is None else grade.peers.id


def _id(benchmark: Benchmark | None) -> str:
    return "none" if benchmark is None else benchmark.id
