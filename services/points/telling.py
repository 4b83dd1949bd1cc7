"""Who may be told of whom: nobody of the erased, a bank of others' customers by consent only."""

from collections.abc import Collection, Sequence
from datetime import datetime

from shared import erasure
from shared.database import Connection, Pool
from shared.events.identifiers import bank_of
from shared.settings import Settings
from shared.webhooks.fanout import Offer

# Locked, so that an erasure which comes now waits, and then finds what was made here.
KNOWN = """
select subject from subject where subject = any($1::text[]) order by subject for key share
"""
CONSENTED = """
select s.subject, c.bank from consent c join subject s on s.account = c.account
where (s.subject, c.bank) in (select * from unnest($1::text[], $2::text[]))
    and c.scope = 'account' and c.ended_at is null and c.until > $3
"""


async def permit(
    settings: Settings, connection: Connection, offers: Sequence[Offer], now: datetime
) -> Sequence[Offer]:
    """Leave out who was erased since, and persons who have not let a bank see their account."""
    subjects = {offer.event.subject for offer in offers}
    known = {row[0] for row in await connection.fetch(KNOWN, list(subjects))}
    erased = await erasure.erasures(connection, settings, known)
    asked = {
        (offer.event.subject, bank) for offer in offers if (bank := offer.subscription.reader.bank)
    }
    open_ = await _open(connection, asked, now)
    return [
        offer
        for offer in offers
        if offer.event.subject in known
        and not (
            (gone := erased.get(offer.event.subject)) is not None
            and offer.sent_at <= gone.erased_at
        )
        and (
            offer.subscription.reader.bank is None
            or (offer.event.subject, offer.subscription.reader.bank) in open_
        )
    ]


async def consented(
    pool: Pool, bank: str, subjects: Collection[str], now: datetime
) -> Collection[str]:
    """Those of these persons whom the bank may be told of: a consent may have ended since."""
    return {subject for subject, _ in await _open(pool, {(s, bank) for s in subjects}, now)}


async def _open(
    connection: Connection | Pool, asked: Collection[tuple[str, str]], now: datetime
) -> set[tuple[str, str]]:
    """The persons and banks of whom the bank may see the person's account."""
    others = [(subject, bank) for subject, bank in asked if bank_of(subject) != bank]
    if not others:
        return set(asked)
    rows = await connection.fetch(CONSENTED, *map(list, zip(*others, strict=True)), now)
    return (set(asked) - set(others)) | {(row[0], row[1]) for row in rows}
