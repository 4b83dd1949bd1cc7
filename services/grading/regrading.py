"""Labels decided anew without an account event: a benchmark or a rule has changed, a month has
begun, the city's mean has been taken."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.grading import handler
from services.grading.domain.city import CityMean
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.grades import CITY_MEAN, MONTH, PEERS, RULE, Cause
from services.grading.domain.rulebook import LABELS, Rulebook
from services.grading.store import benchmarks, farm_peers, means, reading, writing
from services.grading.store.held import AccountState, Rows, kind_of, sector_of
from shared import metrics
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.events.types import AgriAccount, IndustrialAccount
from shared.stream.poster import Poster
from shared.units.calendar import local_date, month_of

CLOCK = "clock"
# Between lots the process answers others.
ACCOUNTS_AT_A_TIME = 200
# Later than any year of an account.
NEVER = 10**4
LOOKED_AT = "select month, rules from clock"
LOOK = """
insert into clock (one, month, rules) values (true, $1, $2)
on conflict (one) do update set month = excluded.month, rules = excluded.rules
"""
DECIDED_BY = "select distinct kind, sector, year, rule_version from label"
GRADED = """
select s.subject from label l join subject s on s.account = l.account
join unnest($1::text[], $2::text[], $3::int[]) w(kind, sector, year) using (kind, sector, year)
"""
BY_LABEL = """
select kind, label, count(*)
from (
    select distinct on (account) kind, label
    from label order by account, label = 'ungraded', year desc
) current
group by kind, label
"""
APPEALS = "select count(*) from appeal where status = 'open'"
# A kind of account, a sector and a year: what one rule is of.
Group = tuple[str, str, int]


@dataclass(slots=True, frozen=True)
class Due:
    """Versions that are to be taken."""

    means: list[CityMean]
    peers: list[FarmPeers]

    def cause_or(
        self, why: Callable[[AccountState], Cause | None]
    ) -> Callable[[AccountState], Cause | None]:
        """What asks for the grading of a state: one of these, or what `why` says."""
        by_mean = {m.year: Cause(CITY_MEAN, f"{m.year}#{m.version}") for m in self.means}
        by_peers = {(p.year, p.type): Cause(PEERS, p.id) for p in self.peers}

        def cause_of(state: AccountState) -> Cause | None:
            if isinstance(state, AgriAccount):
                return by_peers.get((state.year, state.type)) or why(state)
            return by_mean.get(state.year) or why(state)

        return cause_of


@dataclass(slots=True, frozen=True)
class Regrader:
    """Regrades accounts under the rules, in the city's calendar."""

    rules: Rulebook
    zone: ZoneInfo

    async def regrade(
        self,
        connection: Connection,
        poster: Poster[Any, Any],
        subjects: Iterable[str],
        why: Callable[[AccountState], Cause | None],
        now: datetime,
    ) -> int:
        """Decide the years of these accounts anew that have a cause; returns how many changed.

        Runs in the caller's transaction, which may hold the accounts' locks already.
        """
        locked = await poster.lock(connection, subjects)
        await connection.execute(benchmarks.STAND)
        held = await reading.load(connection, [a.number for a in locked.values()], [])
        causes = {
            subject: {
                year: cause
                for year, state in held.states.get(subject, {}).items()
                if (cause := why(state)) is not None
            }
            for subject in locked
        }
        outgoing: list[Outgoing] = []
        ordered = sorted(causes)
        for at in range(0, len(ordered), ACCOUNTS_AT_A_TIME):
            part = {subject: causes[subject] for subject in ordered[at : at + ACCOUNTS_AT_A_TIME]}
            regraded = handler.regrade(locked, held, part, now, self.rules, self.zone)
            await writing.write(connection, Rows([], regraded.labels, regraded.history))
            outgoing += regraded.outgoing
        await poster.save(connection, locked.values(), outgoing, now)
        return len(outgoing)

    async def tick(self, connection: Connection, poster: Any, now: datetime) -> None:
        """When a month has begun or the rules are others, look at what that touches."""
        month, editions = month_of(now, self.zone), self.rules.editions()
        looked = await connection.fetchrow(LOOKED_AT)
        if looked is None or tuple(looked) != (month, editions):
            others = looked is not None and self.rules.samples() not in looked["rules"].split()
            outdated = await self._outdated(connection, every=others)
            # The running year and the last one; all that have ended since the last look.
            since = min(month.year - 1, looked["month"].year if looked else month.year)
            why = _by_the_clock(self.rules, outdated, since, f"{month:%Y-%m}")
            taken = await self.take_means(
                connection, poster, None, CLOCK, now, why, outdated, since=since
            )
            # Otherwise accounts have come up meanwhile: the next tick looks again.
            if taken is not None:
                await connection.execute(LOOK, month, editions)

    async def take_means(
        self,
        connection: Connection,
        poster: Poster[Any, Any],
        years: Collection[int] | None,
        client: str,
        now: datetime,
        why: Callable[[AccountState], Cause | None] = lambda state: None,
        others: Collection[Group] = (),
        kinds: Collection[str] = tuple(LABELS),
        since: int = NEVER,
    ) -> int | None:
        """Take the city's means and the farms' peers (`kinds`) of years that are over (None: all)
        where their figures have moved.

        All accounts that these concern are regraded, and those (of `others` and of the years from
        `since` on) that have another cause. Gives how many labels changed, or None when accounts of
        these years came up between their lock and the benchmarks'.
        """
        this_year = local_date(now, self.zone).year

        async def concerned() -> tuple[Due, set[str]]:
            due = await self._due(connection, kinds, years, this_year, now)
            enterprises = await means.subjects(connection, since, [m.year for m in due.means])
            farms = await farm_peers.subjects(connection, [(p.year, p.type) for p in due.peers])
            return due, enterprises | farms | await _graded(connection, others)

        due, subjects = await concerned()
        await poster.lock(connection, subjects)
        if due.means or due.peers:
            # Nobody decides a label while a mean is taken; what came up meanwhile is not locked.
            await connection.execute(benchmarks.CHANGE)
            locked, (due, subjects) = subjects, await concerned()
            if not subjects <= locked:
                return None
        for mean in due.means:
            await means.add(connection, mean, client)
        for peers in due.peers:
            await farm_peers.add(connection, peers, client)
        cause_of = due.cause_or(why)
        return await self.regrade(connection, poster, subjects, cause_of, now)

    async def _due(
        self,
        connection: Connection,
        kinds: Collection[str],
        years: Collection[int] | None,
        this_year: int,
        now: datetime,
    ) -> Due:
        due = Due([], [])
        if "industrial" in kinds:
            moved = await means.moved(connection, years, this_year, now)
            due.means.extend(mean for mean, first in moved if not first or self._enough(mean))
        if "agri" in kinds:
            moved_peers = farm_peers.moved(connection, years, this_year, self.rules, now)
            due.peers.extend(await moved_peers)
        return due

    def _enough(self, mean: CityMean) -> bool:
        return mean.accounts >= self.rules.city(mean.year).mean_enterprises

    async def _outdated(self, connection: Connection, *, every: bool) -> set[Group]:
        """What was last graded by a rule that is no longer the one of its sector and year.

        `every`: with other samples, any label may have another benchmark.
        """
        rows = await connection.fetch(DECIDED_BY)
        return {tuple(row[:3]) for row in rows if every or self.rules.version(*row[:3]) != row[3]}


async def observe(connection: Connection) -> None:
    """Set the gauges of accounts by their current label and of open appeals."""
    rows = await connection.fetch(BY_LABEL)
    counts = {(row[0], row[1]): row[2] for row in rows}
    for kind, labels in LABELS.items():
        for label in labels:
            metrics.CITY_LABELS.labels(kind, label).set(counts.get((kind, label), 0))
    metrics.APPEALS_OPEN.labels("grading").set(await connection.fetchval(APPEALS))


def _by_the_clock(
    rules: Rulebook, outdated: Collection[Group], since: int, month: str
) -> Callable[[AccountState], Cause | None]:
    """Another rule, or another month gone by that a label may need."""

    def why(state: AccountState) -> Cause | None:
        group = kind_of(state), sector_of(state), state.year
        if group in outdated:
            return Cause(RULE, rules.version(*group))
        if isinstance(state, IndustrialAccount) and state.year >= since:
            return Cause(MONTH, month)
        return None

    return why


async def _graded(connection: Connection, groups: Collection[Group]) -> set[str]:
    """The accounts with a label of these groups."""
    if not groups:
        return set()
    columns = ([group[n] for group in groups] for n in range(3))
    return {row[0] for row in await connection.fetch(GRADED, *columns)}
