"""Labels decided again from the states, and told again as they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg

from services.grading import handler
from services.grading.domain.grades import Cause, Grade, Label, settle
from services.grading.domain.rulebook import Rulebook, rulebook
from services.grading.store import benchmarks, reading, writing
from services.grading.store.held import Held, HistoryRow, LabelRow, Rows, kind_of, sector_of
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.methodology import methodology
from shared.settings import Settings
from shared.stream.service import Account
from shared.units.calendar import Zone

REBUILD = Cause("rebuild", "")
# The last label that was announced of each year, when it was decided, and what appeals say of it.
ANNOUNCED = """
select distinct on (account, year) h.account, h.year, h.n, h.label, h.sequence,
    coalesce((select d.decided_at from label_history d
        where d.account = h.account and d.year = h.year and d.cause not like 'expiry:%'
        order by d.n desc limit 1), h.decided_at) as decided_at,
    (h.data ->> 'valid_until')::timestamptz as valid_until,
    coalesce((h.data ->> 'expired')::boolean, false) as told_expired,
    exists (select from appeal a where a.account = h.account and a.year = h.year
        and a.status = 'open') as contested,
    exists (select from appeal a where a.account = h.account and a.year = h.year
        and a.status = 'reopened') as reopened
from label_history h where h.account = any($1::bigint[])
order by account, year, n desc
"""
FORGET = """
delete from label l where account = any($1::bigint[]) and not exists (
    select from account_state s where s.account = l.account and s.year = l.year)
"""
Known = Mapping[tuple[int, int], asyncpg.Record]


async def rebuild(
    settings: Settings, connection: Connection, accounts: Sequence[Account], now: datetime
) -> list[Outgoing]:
    """The labels of locked accounts. Each is announced under its next number, with the word, the
    day of its decision and the validity that it has, unless its word was wrong."""
    numbers = [account.number for account in accounts]
    await connection.execute(benchmarks.STAND)
    await connection.execute(FORGET, numbers)
    held = await reading.load(connection, numbers, [])
    rows = await connection.fetch(ANNOUNCED, numbers)
    known = {(row["account"], row["year"]): row for row in rows}
    rules, zone = rulebook(methodology()), Zone(settings.tanzhang_zone)
    decided = Rows()
    for account in accounts:
        before = _as_announced(account, held.labels.get(account.subject, {}), known)
        held.labels[account.subject] = before
        _decide(account, held, before, now, rules, zone, decided)
    await writing.write(connection, decided)
    subjects = {account.number: account.subject for account in accounts}
    return [handler.outgoing(subjects[row.account], row.data, row.at) for row in decided.history]


async def rebuild_whole(connection: Connection) -> None:
    """Means, peers and benchmarks are versions: nothing is derived beside the labels."""


def _as_announced(account: Account, labels: Mapping[int, Label], known: Known) -> dict[int, Label]:
    """The labels of an account as the world knows them; what was never announced is left out."""
    found = {}
    for (number, year), row in known.items():
        if number != account.number:
            continue
        account.sequence = max(account.sequence, row["sequence"])
        label = labels.get(year) or _forgotten(row)
        found[year] = replace(
            label,
            n=row["n"],
            grade=replace(label.grade, label=row["label"]),
            decided_at=row["decided_at"],
            valid_until=row["valid_until"],
            contested=row["contested"],
            suspended=label.suspended and row["reopened"],
            told_expired=row["told_expired"],
        )
    return found


def _forgotten(row: asyncpg.Record) -> Label:
    """A label that is in the history only."""
    grade = Grade(row["label"], {}, {})
    at = row["decided_at"]
    return Label(row["year"], row["n"], grade, "", at, row["valid_until"], at, REBUILD.text)


def _decide(
    account: Account,
    held: Held,
    before: Mapping[int, Label],
    now: datetime,
    rules: Rulebook,
    zone: ZoneInfo,
    decided: Rows,
) -> None:
    """Decide all years of an account, and announce each."""
    states = held.states.get(account.subject, {})
    labels = {year: label for year, label in before.items() if year in states}
    for year, state in sorted(states.items()):
        kind, sector = kind_of(state), sector_of(state)
        label = settle(
            year,
            handler.grade_state(states, year, held, now, rules, zone),
            before.get(year),
            now,
            rule_version=rules.version(kind, sector, year),
            months=rules.valid_months(kind, sector, year),
            cause=REBUILD,
            zone=zone,
        )
        known = before.get(year)
        labels[year] = replace(label, n=known.n + 1 if known else 1)
    for year, state in sorted(states.items()):
        label = labels[year]
        data = handler.changed(account, label, before.get(year), labels, now, rules, zone)
        decided.states.append((account.number, state))
        decided.labels.append(LabelRow(account.number, kind_of(state), sector_of(state), label))
        row = HistoryRow(account.number, label, data, label.decided_at, label.cause)
        decided.history.append(row)
