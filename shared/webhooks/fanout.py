"""Fan-out: the service's own outgoing topic in, deliveries for its subscribers out.

It reads the topic as any consumer would, in a group of its own, so that the way of an event does
not know of it. The worker's fence makes it exact: each event becomes a delivery once.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from shared.database import Connection
from shared.events.envelope import Event
from shared.stream.poster import Outcome
from shared.webhooks import deliveries, subscriptions
from shared.webhooks.deliveries import New
from shared.webhooks.rules import Subscription, wants


class Offer(NamedTuple):
    """An event that a subscription wants."""

    subscription: Subscription
    event: Event
    sent_at: datetime


# Which offers may be made: the service's own say, inside the transaction that makes deliveries.
Permit = Callable[[Connection, Sequence[Offer], datetime], Awaitable[Sequence[Offer]]]


async def permit_all(
    connection: Connection, offers: Sequence[Offer], now: datetime
) -> Sequence[Offer]:
    """Whoever may read the account may be told."""
    return offers


@dataclass(slots=True, frozen=True)
class Reading:
    """What a worker must know of what it feeds: the consumer group's name, the topics."""

    name: str
    topics: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Fanout:
    """`account` names the account of an event's subject, as tokens do."""

    service: Reading
    account: Callable[[str], str]
    permit: Permit = permit_all

    async def post(self, connection: Connection, events: Sequence[Event], now: datetime) -> Outcome:
        """Make a delivery of each event for each subscription that wants it."""
        known = await subscriptions.active(connection)
        offers = [
            Offer(subscription, event, sent_at)
            for event in events
            for account, sent_at in ((self.account(event.subject), _sent_at(event)),)
            for subscription in known
            if wants(subscription, event, account, sent_at)
        ]
        if offers:
            offers = list(await self.permit(connection, offers, now))
        return Outcome(posted=await deliveries.add(connection, [*map(_new, offers)], now))


def _new(offer: Offer) -> New:
    event = offer.event
    return New(offer.subscription.id, event.subject, event.id, event.type, event.raw)


def _sent_at(event: Event) -> datetime:
    assert event.origin is not None, "it was read from a topic"
    return datetime.fromtimestamp(event.origin.timestamp_ms / 1000, UTC)
