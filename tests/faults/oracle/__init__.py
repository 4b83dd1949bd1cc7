"""What the ledgers must hold after all of `sent` was delivered, in any order and repetition.

Computed from the events alone, by formulas written anew from the methodology: nothing of the
product is imported here.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from hashlib import blake2b
from typing import Any, NamedTuple

from tests.faults.oracle import agri, grading, industrial, personal, poison
from tests.faults.oracle.industrial import Month, Registry
from tests.faults.oracle.poison import UNTIMED
from tests.faults.oracle.told import Identity, Told, posted_and_parked, told
from tests.faults.workload import TOPICS, Sent

Registrations = Sequence[tuple[str, str, dict[str, Any]]]

# The first day after everything that the workload reports; no label differs on any later day.
AFTERWARDS = date(2026, 4, 1)
# Topics of outputs are those of poison only.
SERVICES = {
    "payments": "personal",
    "meter-readings": "industrial",
    "production-reports": "industrial",
    "process-activities": "industrial",
    "farm-records": "agri",
    "industrial-accounts": "grading",
    "agri-accounts": "grading",
    "personal-reductions": "points",
}
DOMAINS = ("personal", "industrial", "agri")


class DeadLetter(NamedTuple):
    """`what` is "source id" of an event, or the hash of what could not be read."""

    service: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Industry:
    """A year of an enterprise: mg, output and value added exact, months with energy and output."""

    energy: int
    process: int
    avoided: int
    total: int
    output: Fraction
    value_added: Fraction
    months_energy: int
    months_output: int


@dataclass(frozen=True, slots=True)
class Farm:
    """A year of a farm in mg."""

    straw: int = 0
    soil: int = 0
    manure: int = 0
    gross: int = 0

    @property
    def neutralised(self) -> int:
        return self.straw + self.soil + self.manure


@dataclass(frozen=True, slots=True)
class Expected:
    """What must hold at the end.

    `amounts`: service -> event -> mg that it finally gives (personal), adds to energy + process -
    avoided (industrial), or counts (agri; emissions positive). All posted events are in it.
    `accounts`: personal account -> mg, which are its milli-points; nobody owes any.
    `dead`: dead letters as a set, each seen at least once: what is sent again is counted there.
    """

    amounts: dict[str, dict[Identity, int]]
    accounts: dict[str, int]
    months: dict[tuple[str, date], Month]
    enterprises: dict[tuple[str, int], Industry]
    farms: dict[tuple[str, int], Farm]
    labels: dict[tuple[str, str, int], str]
    dead: frozenset[DeadLetter]
    parked: frozenset[tuple[str, Identity]]


def expected(
    sent: Sequence[Sent], registrations: Registrations, *, today: date = AFTERWARDS
) -> Expected:
    """Fold over the whole history.

    Of two contents of one identity the first in `sent` stands: the sender keeps to the order that
    `tests.faults.workload` asks for. Repetitions of any record change nothing here.
    """
    history = _History(sent)
    registry = _registry(registrations)
    posted = {service: history.posted[service] for service in DOMAINS}
    ledger = industrial.ledger(posted["industrial"], registry)
    records = agri.counted(posted["agri"])
    payments = personal.given(posted["personal"])
    farms = _farms(posted["agri"], records)
    accounts: Counter[str] = Counter()
    for identity, event in posted["personal"].items():
        accounts[event.subject] += payments[identity]
    years = _years(ledger.months)
    return Expected(
        {"personal": payments, "industrial": ledger.amounts, "agri": records},
        dict(accounts),
        dict(ledger.months),
        {key: _industry(months) for key, months in years.items()},
        farms,
        _labels(years, farms, registrations, registry, today),
        frozenset(history.dead | _refused(history, registry)),
        frozenset(history.parked),
    )


def name_of(record: Sent) -> str:
    """What a record is called in the journals and dead letters: "source id", or the hash of what
    cannot be read as an event."""
    if record.kind == "poison" and poison.reason(record.topic, record.raw, TOPICS) != UNTIMED:
        return unread(record.raw)
    found = json.loads(record.raw)
    return f"{found['source']} {found['id']}"


def unread(raw: bytes) -> str:
    """How a dead letter without identity is named."""
    return f"raw {blake2b(raw, digest_size=8).hexdigest()}"


@dataclass(slots=True)
class _History:
    """Everything that was sent, sorted into what counts and what does not."""

    sent: Sequence[Sent]
    posted: dict[str, dict[Identity, Told]] = field(default_factory=dict)
    refused: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))
    dead: set[DeadLetter] = field(default_factory=set)
    parked: set[tuple[str, Identity]] = field(default_factory=set)

    def __post_init__(self) -> None:
        first: dict[str, dict[Identity, Told]] = {service: {} for service in DOMAINS}
        for record in self.sent:
            service = SERVICES[record.topic]
            if record.kind == "poison":
                reason = poison.reason(record.topic, record.raw, TOPICS)
                self.dead.add(DeadLetter(service, name_of(record), reason))
                continue
            event = told(record.raw)
            if record.kind == "conflict":
                self.dead.add(DeadLetter(service, " ".join(event.identity), "conflict"))
            elif record.kind == "refused":
                self.refused[service].append(event)
            else:
                first[service].setdefault(event.identity, event)
        for service, events in first.items():
            self.posted[service], waiting = posted_and_parked(list(events.values()))
            self.parked |= {(service, identity) for identity in waiting}


def _refused(history: _History, registry: Registry) -> set[DeadLetter]:
    """Each event that the workload calls refused, with the reason that the rules give."""
    found = set()
    for service, events in history.refused.items():
        posted = history.posted[service]
        for event in events:
            if service == "industrial":
                reason = industrial.refusal(event, posted, registry)
            else:
                rule = personal.refusal if service == "personal" else agri.refusal
                reason = rule(event, posted)
            assert reason is not None, f"no rule refuses {event}"
            found.add(DeadLetter(service, " ".join(event.identity), reason))
    return found


def _registry(registrations: Registrations) -> Registry:
    kinds: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for _, path, body in registrations:
        _, _, kind, id = path.split("/", 3)
        kinds[kind][id] = body
    return Registry(kinds["enterprises"], kinds["meters"])


def _years(months: Mapping[tuple[str, date], Month]) -> dict[tuple[str, int], list[Month]]:
    years: dict[tuple[str, int], list[Month]] = defaultdict(list)
    for (subject, month), found in months.items():
        years[subject, month.year].append(found)
    return years


def _industry(months: Sequence[Month]) -> Industry:
    return Industry(
        sum(month.energy for month in months),
        sum(month.process for month in months),
        sum(month.avoided for month in months),
        sum(month.total for month in months),
        sum((month.output for month in months), Fraction(0)),
        sum((month.value_added for month in months), Fraction(0)),
        sum(month.used > 0 for month in months),
        sum(month.reports > 0 for month in months),
    )


def _farms(
    posted: Mapping[Identity, Told], records: Mapping[Identity, int]
) -> dict[tuple[str, int], Farm]:
    sums: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for identity, event in posted.items():
        pathway = agri.PATHWAYS[event.data["pathway"]]
        sums[event.subject, event.day("start").year][pathway] += records[identity]
    return {key: Farm(**found) for key, found in sums.items()}


def _labels(
    years: Mapping[tuple[str, int], Sequence[Month]],
    farms: Mapping[tuple[str, int], Farm],
    registrations: Registrations,
    registry: Registry,
    today: date,
) -> dict[tuple[str, str, int], str]:
    """(kind, account, year) -> word."""
    benchmarks = []
    for service, path, body in registrations:
        if service == "grading":
            *_, sector, since = path.partition("?")[0].split("/")
            benchmarks.append((sector, int(since), body))
    labels = {}
    for (subject, year), months in years.items():
        body = registry.enterprises[subject]
        held = grading.benchmark_of(benchmarks, body["sector"], body["product"], year)
        labels["industrial", subject, year] = grading.industrial_label(months, year, held, today)
    for (subject, year), farm in farms.items():
        labels["agri", subject, year] = grading.agri_label(farm.neutralised, farm.gross)
    return labels
