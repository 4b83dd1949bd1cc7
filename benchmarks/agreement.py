"""Does what was sent stand in both ledgers, once, with the same sums? A benchmark that loses
events is no result."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import BenchmarkError
from benchmarks.stage import Stage
from shared.database import Connection

PERSONAL = """
select (select count(content_hash) from ledger_entry) as events,
    (select coalesce(sum(amount_mg), 0)::bigint from ledger_entry) as entered,
    (select coalesce(sum(sequence), 0)::bigint from account) as sequences,
    (select coalesce(sum(balance), 0)::bigint from account) as balance,
    (select count(*) from parked) + (select count(*) from dead_letter) as aside,
    (select count(*) from outbox) as waiting
"""
POINTS = """
select (select count(content_hash) from posting) as events,
    (select coalesce(sum(case when from_account = 'issuance' then points else -points end), 0)
        ::bigint from posting where 'issuance' in (from_account, to_account)) as entered,
    (select coalesce(sum(sequence), 0)::bigint from account) as sequences,
    (select coalesce(sum(balance), 0)::bigint from account)
        - (select coalesce(sum(points), 0)::bigint from claim) as balance,
    (select count(*) from parked) + (select count(*) from dead_letter) as aside,
    (select count(*) from outbox) as waiting
"""
BALANCES = """
select s.subject, a.balance from subject s join account a on a.number = s.account
where a.balance <> 0
"""
NET_BALANCES = """
select s.subject, a.balance - coalesce(c.points, 0)
from subject s join account a on a.number = s.account left join claim c on c.account = a.number
where a.balance <> coalesce(c.points, 0)
"""


@dataclass(slots=True, frozen=True)
class Totals:
    """What a ledger has; `entered` and `balance` in mg or milli-points."""

    events: int
    entered: int
    sequences: int
    balance: int
    aside: int
    waiting: int


@dataclass(slots=True, frozen=True)
class Ledgers:
    """Both ledgers at one time."""

    personal: Totals
    points: Totals


async def ledgers(stage: Stage) -> Ledgers:
    """Count and sum both."""
    async with stage.connected("personal") as personal, stage.connected("points") as points:
        return Ledgers(await _totals(personal, PERSONAL), await _totals(points, POINTS))


async def _totals(connection: Connection, query: str) -> Totals:
    row = await connection.fetchrow(query)
    assert row is not None
    return Totals(**dict(row))


async def check(stage: Stage, payments: int, before: Ledgers | None = None) -> Ledgers:
    """Raise BenchmarkError unless `payments` more payments and their points stand in the ledgers."""
    after = await ledgers(stage)
    known = before or Ledgers(Totals(0, 0, 0, 0, 0, 0), Totals(0, 0, 0, 0, 0, 0))
    personal, points = after.personal, after.points
    told = personal.sequences - known.personal.sequences
    wanted: Mapping[str, tuple[int, int]] = {
        "payments in the personal ledger": (personal.events - known.personal.events, payments),
        "parked or dead payments": (personal.aside, 0),
        "parked or dead reductions": (points.aside, 0),
        "reductions that wait in the outbox": (personal.waiting, 0),
        "reductions in the points ledger": (points.events - known.points.events, told),
        "mg in balances and in entries": (personal.balance, personal.entered),
        "milli-points in balances and in postings": (points.balance, points.entered),
        "milli-points issued and mg reduced": (points.entered, personal.entered),
    }
    wrong = [f"{what}: {got}, not {want}" for what, (got, want) in wanted.items() if got != want]
    wrong += await _differing(stage)
    if wrong:
        raise BenchmarkError("the ledgers don't agree: " + "; ".join(wrong))
    return after


async def _differing(stage: Stage) -> list[str]:
    """Customers whose points differ from their grams."""
    async with stage.connected("personal") as personal, stage.connected("points") as points:
        grams = {row[0]: row[1] for row in await personal.fetch(BALANCES)}
        earned = {row[0]: row[1] for row in await points.fetch(NET_BALANCES)}
    if grams == earned:
        return []
    differing = grams.items() ^ earned.items()
    return [f"{len({name for name, _ in differing})} customers have other points than grams"]
