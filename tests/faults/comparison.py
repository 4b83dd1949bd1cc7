"""The services' tables against what the oracle expects, by plain SQL."""

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

import asyncpg

from tests.faults.comparison_sql import (
    AGRI_EVENTS,
    BALANCES,
    DEAD_LETTERS,
    FARMS,
    INDUSTRIAL_EVENTS,
    JOURNALS,
    LABELS,
    MONTHS,
    OUTPUTS,
    PARKED,
    PAYMENTS,
    POINTS,
    POINTS_TWICE,
    REDUCTIONS,
    STATES,
)
from tests.faults.oracle import DOMAINS, SERVICES, Expected, name_of, unread
from tests.faults.oracle.told import Identity
from tests.faults.workload import Sent

LINES_MAX = 50
EVERY_SERVICE = (*DOMAINS, "grading", "points")

Urls = str | Mapping[str, str]
Connections = Mapping[str, asyncpg.Connection]
KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Differences:
    """`entries`: rows of all ledgers. `lost` and `doubled` count events, credits, dead letters and
    entries; `wrong` says everything that differs, these included, in at most 51 lines."""

    entries: int
    lost: int
    doubled: int
    wrong: list[str]

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.wrong)


@dataclass(slots=True)
class _Findings:
    entries: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)

    def compare(self, what: str, wanted: Mapping[KeyT, object], got: Mapping[KeyT, object]) -> None:
        """Every key of either must have the same value in both."""
        for key in wanted.keys() | got.keys():
            if wanted.get(key) != got.get(key):
                named = " ".join(map(str, key)) if isinstance(key, tuple) else key
                text = f"{what} {named}: expected {wanted.get(key)}, found {got.get(key)}"
                self.wrong.append(text)

    def members(self, what: str, wanted: Collection[Hashable], got: Collection[Hashable]) -> None:
        """Both must have the same members; those that are missing are lost."""
        missing, more = set(wanted) - set(got), set(got) - set(wanted)
        self.lost += len(missing)
        self.wrong += [f"{what} {one}: lost" for one in missing]
        self.wrong += [f"{what} {one}: not expected" for one in more]

    def twice(self, what: str, times: int) -> None:
        if times:
            self.doubled += times
            self.wrong.append(f"{what}: {times} of its entries posted twice")

    def result(self) -> Differences:
        lines = sorted(self.wrong)
        if len(lines) > LINES_MAX:
            lines = [*lines[:LINES_MAX], f"... and {len(lines) - LINES_MAX} more"]
        return Differences(self.entries, self.lost, self.doubled, lines)


async def differences(database_url: Urls, expected: Expected) -> Differences:
    """Compare every ledger that there is a database for; nothing may be under way any more.

    `database_url` is one database with a schema per service, or a database by service (those that
    are not named are not compared).
    """
    found = _Findings()
    async with AsyncExitStack() as stack:
        databases = await _connected(stack, database_url)
        for service, connection in databases.items():
            await _aside(found, service, connection, expected)
            await _COMPARISONS[service](found, databases, expected)
    return found.result()


async def posted_outside(
    database_urls: Urls, acknowledged: Collection[Sent], sent: Collection[Sent]
) -> list[str]:
    """Where acknowledged ⊆ posted ⊆ sent does not hold.

    Posted includes what is parked or a dead letter: nothing that was accepted is ever dropped.
    """
    wanted, known = _names(acknowledged), _names(sent)
    wrong: list[str] = []
    async with AsyncExitStack() as stack:
        for service, connection in (await _connected(stack, database_urls)).items():
            # One snapshot: what is released meanwhile is parked or posted, never neither.
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                journal = await _journal(connection, service)
                set_aside = {what for _, what, _ in await _dead(connection, service)}
                rows = await connection.fetch(PARKED.format(service))
            set_aside |= {" ".join(row) for row in rows}
            posted, allowed = journal | set_aside, known.get(service, set())
            if service in DOMAINS:
                wrong += [f"{service}: posted, not sent: {one}" for one in posted - allowed]
            missing = wanted.get(service, set()) - posted
            wrong += [f"{service}: acknowledged, not posted: {one}" for one in missing]
    return sorted(wrong)[:LINES_MAX]


def _names(records: Collection[Sent]) -> dict[str, set[str]]:
    """By service, what the records are called."""
    names: dict[str, set[str]] = {}
    for record in records:
        names.setdefault(SERVICES[record.topic], set()).add(name_of(record))
    return names


async def _connected(stack: AsyncExitStack, urls: Urls) -> dict[str, asyncpg.Connection]:
    by_service = dict.fromkeys(EVERY_SERVICE, urls) if isinstance(urls, str) else urls
    found = {}
    for service, url in by_service.items():
        found[service] = await asyncpg.connect(url)
        stack.push_async_callback(found[service].close)
    return found


async def _journal(connection: asyncpg.Connection, service: str) -> set[str]:
    if service not in JOURNALS:
        return set()
    return {" ".join(row) for row in await connection.fetch(JOURNALS[service])}


async def _dead(connection: asyncpg.Connection, service: str) -> set[tuple[str, str, str]]:
    rows = await connection.fetch(DEAD_LETTERS.format(service))
    return {
        (service, unread(raw) if source is None else f"{source} {id}", reason)
        for source, id, reason, raw in rows
    }


async def _aside(
    found: _Findings, service: str, connection: asyncpg.Connection, expected: Expected
) -> None:
    """Dead letters and what is parked."""
    wanted = {tuple(one) for one in expected.dead if one.service == service}
    found.members("dead letter", wanted, await _dead(connection, service))
    parked = {identity for owner, identity in expected.parked if owner == service}
    rows = await connection.fetch(PARKED.format(service))
    found.members(f"{service} parked", parked, {tuple(row) for row in rows})


def _events(found: _Findings, service: str, rows: Collection[Any], expected: Expected) -> None:
    """Each event once, with the amount that it should have; rows of EVENTS queries."""
    got: dict[Identity, int] = {}
    for source, id, amount, lines, twice in rows:
        found.entries += lines
        found.twice(f"{service} {source} {id}", twice)
        got[source, id] = amount
    wanted = expected.amounts[service]
    found.members(f"{service} event", wanted.keys(), got.keys())
    both = wanted.keys() & got.keys()
    found.compare(f"mg of {service} event", {k: wanted[k] for k in both}, {k: got[k] for k in both})


async def _balances(
    found: _Findings, service: str, connection: asyncpg.Connection, wanted: Mapping[str, int]
) -> None:
    rows = await connection.fetch(BALANCES.format(service))
    got: dict[str, int] = {row[0]: row[1] for row in rows}
    # An account may be known for its dead letters only.
    zeros = dict.fromkeys(got.keys() | wanted.keys(), 0)
    found.compare(f"{service} balance", zeros | dict(wanted), zeros | got)


async def _personal(found: _Findings, databases: Connections, expected: Expected) -> None:
    connection = databases["personal"]
    _events(found, "personal", await connection.fetch(PAYMENTS), expected)
    await _balances(found, "personal", connection, expected.accounts)


async def _points(found: _Findings, databases: Connections, expected: Expected) -> None:
    """Every reduction is credited once, and a balance is what the account saved."""
    connection = databases["points"]
    await _balances(found, "points", connection, expected.accounts)
    for subject, cause, twice in await connection.fetch(POINTS_TWICE):
        found.twice(f"points {subject} {cause}", twice)
    if claims := await connection.fetchval("select count(*) from points.claim"):
        found.wrong.append(f"points: {claims} members owe points, nobody has spent any")
    if "personal" not in databases:
        return
    rows = await databases["personal"].fetch(REDUCTIONS)
    told = Counter({(row[0], row[1]): row[2] for row in rows})
    rows = await connection.fetch(POINTS)
    credited = Counter({(row[0], row[1]): row[2] for row in rows})
    found.entries += credited.total()
    missing, more = told - credited, credited - told
    # As many of other amounts are neither lost nor doubled, and wrong.
    found.lost += max(0, missing.total() - more.total())
    found.doubled += max(0, more.total() - missing.total())
    found.compare("points, how often, of", missing, more)


async def _industrial(found: _Findings, databases: Connections, expected: Expected) -> None:
    connection = databases["industrial"]
    _events(found, "industrial", await connection.fetch(INDUSTRIAL_EVENTS), expected)
    wanted = {
        key: (m.energy, m.process, m.avoided, m.pv_memo, m.readings, m.reports)
        for key, m in expected.months.items()
    }
    got = {(row[0], row[1]): tuple(row)[2:] for row in await connection.fetch(MONTHS)}
    nothing = dict.fromkeys(wanted.keys() | got.keys(), (0,) * 6)
    found.compare("entries of", nothing | wanted, nothing | got)
    years = {key: (year.output, year.value_added) for key, year in expected.enterprises.items()}
    rows = await connection.fetch(OUTPUTS)
    made = {(row[0], row[1]): (Fraction(row[2]), Fraction(row[3])) for row in rows}
    found.compare("output and value added of", years, made)
    totals: Counter[str] = Counter()
    for (subject, _), year in expected.enterprises.items():
        totals[subject] += year.total
    await _balances(found, "industrial", connection, totals)


async def _agri(found: _Findings, databases: Connections, expected: Expected) -> None:
    connection = databases["agri"]
    _events(found, "agri", await connection.fetch(AGRI_EVENTS), expected)
    rows = await connection.fetch(FARMS)
    got = {(row[0], row[1]): tuple(row)[2:] for row in rows}
    wanted = {key: (f.straw, f.soil, f.manure, f.gross) for key, f in expected.farms.items()}
    found.compare("straw, soil, manure, gross of", wanted, got)
    totals: Counter[str] = Counter()
    for (subject, _), farm in expected.farms.items():
        totals[subject] += farm.neutralised
    await _balances(found, "agri", connection, totals)


async def _grading(found: _Findings, databases: Connections, expected: Expected) -> None:
    """The words of the labels, and the states of accounts that they were decided by."""
    connection = databases["grading"]
    rows = await connection.fetch(LABELS)
    wanted = {(f"{kind}:{id}", year): word for (kind, id, year), word in expected.labels.items()}
    found.compare("label of", wanted, {(row[0], row[1]): row[2] for row in rows})
    states: dict[tuple[str, int], tuple[object, ...]] = {
        (f"industrial:{id}", y): (
            e.total,
            e.output,
            e.value_added,
            e.months_energy,
            e.months_output,
        )
        for (id, y), e in expected.enterprises.items()
    }
    for (id, y), farm in expected.farms.items():
        states[f"agri:{id}", y] = (farm.neutralised, Fraction(farm.gross, 10**9), 0, 0, 0)
    rows = await connection.fetch(STATES)
    found.compare("state in grading of", states, {(row[0], row[1]): tuple(row)[2:] for row in rows})


_COMPARISONS = {
    "personal": _personal,
    "points": _points,
    "industrial": _industrial,
    "agri": _agri,
    "grading": _grading,
}
