"""Labels whose time is over, announced by the clock: each once, a lot at each tick."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.grading import handler
from services.grading.domain.grades import EXPIRY, Cause, Label, expire
from services.grading.domain.rulebook import Rulebook
from services.grading.store import reading, writing
from services.grading.store.held import HistoryRow
from shared.database import Connection
from shared.stream.poster import Poster
from shared.stream.service import Account
from shared.units.calendar import local_date

LABELS_PER_TICK = 1000

DUE = """
select s.subject from (
    select account from label
    where expiry_told is distinct from valid_until and valid_until <= $1
    order by valid_until limit $2
) due join subject s using (account)
"""


async def tick(
    connection: Connection,
    poster: Poster[Any, Any],
    now: datetime,
    *,
    rules: Rulebook,
    zone: ZoneInfo,
) -> None:
    """Announce what has expired longest; what new data have renewed meanwhile is left out."""
    due = await connection.fetch(DUE, now, LABELS_PER_TICK)
    if not due:
        return
    locked = await poster.lock(connection, (row[0] for row in due))
    held = await reading.labels(connection, [account.number for account in locked.values()])
    told = [
        row
        for subject in sorted(locked)
        for row in _told(locked[subject], held.get(subject, {}), now, rules, zone)
    ]
    subjects = {account.number: account.subject for account in locked.values()}
    outgoing = [handler.outgoing(subjects[row.account], row.data, now) for row in told]
    await writing.expire(connection, told)
    await poster.save(connection, locked.values(), outgoing, now)


def _told(
    account: Account, labels: dict[int, Label], now: datetime, rules: Rulebook, zone: ZoneInfo
) -> list[HistoryRow]:
    """The announcements of an account's expired labels, the earliest year first."""
    over = {year: x for year, x in sorted(labels.items()) if x.expired(now) and not x.told_expired}
    after = labels | {year: expire(label) for year, label in over.items()}
    told = []
    for year, label in over.items():
        assert label.valid_until is not None
        cause = Cause(EXPIRY, local_date(label.valid_until, zone).isoformat())
        data = handler.changed(account, after[year], label, after, now, rules, zone)
        told.append(HistoryRow(account.number, after[year], data, now, cause.text))
    return told
