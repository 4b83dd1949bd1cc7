"""Which events of points may be told to a subscriber: who was erased is told of no more."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from shared import erasure
from shared.database import Connection
from shared.settings import Settings
from shared.webhooks.fanout import Offer

# Locked, so that an erasure which comes now waits, and then finds what was made here.
KNOWN = "select subject from subject where subject = any($1::text[]) for key share"
CONSENTED = """
select s.subject, c.bank from consent c join subject s on s.account = c.account
where s.subject = any($1::text[]) and c.bank = any($2::text[]) and c.scope = 'account'
    and c.ended_at is null and c.until > $3
"""


async def permit(
    settings: Settings, connection: Connection, offers: Sequence[Offer], now: datetime
) -> Sequence[Offer]:
    """Leave out who was erased since, and persons who have not let a bank see their account."""
    subjects = list({offer.event.subject for offer in offers})
    known = {row[0] for row in await connection.fetch(KNOWN, subjects)}
    erased = await erasure.erasures(connection, settings, known)
    offers = [
        offer
        for offer in offers
        if offer.event.subject in known
        and (
            offer.event.subject not in erased
            or offer.sent_at > erased[offer.event.subject].erased_at
        )
    ]
    consented = await _consented(connection, offers, now)
    return [
        offer
        for offer in offers
        if _is_own(offer) or (offer.event.subject, offer.subscription.reader.bank) in consented
    ]


async def _consented(
    connection: Connection, offers: Iterable[Offer], now: datetime
) -> set[tuple[str, str | None]]:
    """Persons and the banks that may see their accounts."""
    others = [offer for offer in offers if not _is_own(offer)]
    if not others:
        return set()
    subjects = [offer.event.subject for offer in others]
    banks = [str(offer.subscription.reader.bank) for offer in others]
    return {tuple(row) for row in await connection.fetch(CONSENTED, subjects, banks, now)}


def _is_own(offer: Offer) -> bool:
    """Is the subscriber the person's own bank, or none?"""
    bank = offer.subscription.reader.bank
    return bank is None or offer.event.subject.partition(":")[0] == bank
