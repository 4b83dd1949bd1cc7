"""A seeded, unbounded supply of events for all three accounts, with everything that goes wrong.

What may be sent in which order: events and duplicates in any, as often as one likes, also
concurrently. An event of kind `conflict` or `refused` contradicts one that was taken before it;
which of the two stands follows from their order on the topic. It must therefore be sent only when
all earlier events of its subject have been acknowledged: the same key is the same partition, so
it comes later, and the first stands. Poison goes to Kafka directly, at any time.
"""

import heapq
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, Protocol

from tests.faults.supply import enterprises, farms
from tests.faults.supply.documents import Document, Registration, changed, raw, respelled
from tests.faults.supply.enterprises import Enterprises
from tests.faults.supply.farms import Farms
from tests.faults.supply.payments import BANKS, Payments
from tests.faults.supply.poison import poison

Kind = Literal["event", "duplicate", "conflict", "poison", "refused"]

TOPICS = {
    "cn.tanzhang.meter.reading.v1": "meter-readings",
    "cn.tanzhang.production.report.v1": "production-reports",
    "cn.tanzhang.economic.report.v1": "production-reports",
    "cn.tanzhang.process.activity.v1": "process-activities",
    "cn.tanzhang.farm.record.v1": "farm-records",
    "cn.tanzhang.payment.v1": "payments",
}
# CloudEvents sources that a token of the sender must speak for.
SOURCES = (*BANKS, "quzhou-power", "enterprise-portal", "agri-bureau")

# How much of the whole are payments, events of enterprises and of farms.
_SHARES = (72, 18, 10)
_CONFLICTING = (*enterprises.FIGURES, *farms.FIGURES, "amount")
# How far behind a conflict, a duplicate and what was held back may come.
_BEHIND, _HELD_BACK = 60, 120


@dataclass(frozen=True, slots=True)
class Sent:
    """One record.

    `topic` has no prefix, `subject` is the Kafka key, `raw` structured-mode JSON. A duplicate says
    the same in other bytes, a conflict something else under the same identity; a refused one
    passes the door and breaks a rule of its account; poison cannot pass the door.
    """

    topic: str
    subject: str
    raw: bytes
    kind: Kind

    def contradicts(self) -> bool:
        """It must wait until all earlier events of its subject are acknowledged."""
        return self.kind in ("conflict", "refused")


class _Stream(Protocol):
    def next(self) -> list[Document]: ...

    def refused(self) -> Document | None: ...


class Workload:
    """The same seed and sizes give the same records, however they are taken.

    `conflicts` is also the share of events that the business rules refuse. `sent` is everything
    that was taken, in sending order.
    """

    def __init__(
        self,
        seed: int,
        *,
        enterprises: int = 12,
        farms: int = 12,
        customers: int = 400,
        duplicates: float = 0.01,
        conflicts: float = 0.001,
        poison: float = 0.001,
    ) -> None:
        self.sent: list[Sent] = []
        self._chance = Random(f"{seed}:workload")
        self._rates = (duplicates, conflicts, conflicts, poison)
        self._enterprises, self._farms = Enterprises(seed, enterprises), Farms(seed, farms)
        streams = (Payments(seed, customers), self._enterprises, self._farms)
        self._streams: tuple[_Stream, ...] = streams
        sizes = (customers, enterprises, farms)
        self._shares = [share if size else 0 for share, size in zip(_SHARES, sizes, strict=True)]
        self._never_sent = Payments(seed, max(customers, 1))
        # What can be said again or contradicted.
        self._said: list[Document] = []
        self._held_back: list[tuple[int, int, Document]] = []
        self._held = 0

    def registrations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(service, path, body) to PUT, in this order, before anything is sent."""
        found: list[Registration] = [*self._enterprises.registrations()]
        return found + self._farms.registrations()

    def take(self, count: int) -> list[Sent]:
        """The next events, in sending order."""
        first = len(self.sent)
        while len(self.sent) < first + count:
            self.sent.append(self._next())
        return self.sent[first:]

    def _next(self) -> Sent:
        if self._held_back and self._held_back[0][0] <= len(self.sent):
            return self._event(heapq.heappop(self._held_back)[2])
        makers = (self._duplicate, self._conflict, self._refused, self._poison)
        draw = self._chance.random()
        for rate, make in zip(self._rates, makers, strict=True):
            if draw < rate:
                made = make()
                if made is not None:
                    return made
                break
            draw -= rate
        return self._fresh()

    def _fresh(self) -> Sent:
        now, *later = self._stream().next()
        for late in later:
            self._held += 1
            due = len(self.sent) + self._chance.randrange(1, _HELD_BACK)
            heapq.heappush(self._held_back, (due, self._held, late))
        return self._event(now)

    def _stream(self) -> _Stream:
        return self._chance.choices(self._streams, self._shares)[0]

    def _event(self, found: Document) -> Sent:
        self._said.append(found)
        return _sent(found, raw(found), "event")

    def _earlier(self) -> Document | None:
        """Often a recent event, at times any that was said."""
        if not self._said:
            return None
        oldest = 0 if self._chance.random() < 0.2 else max(0, len(self._said) - _BEHIND)
        return self._said[self._chance.randrange(oldest, len(self._said))]

    def _duplicate(self) -> Sent | None:
        found = self._earlier()
        if found is None:
            return None
        again = raw(found) if self._chance.random() < 0.5 else respelled(found, self._chance)
        return _sent(found, again, "duplicate")

    def _conflict(self) -> Sent | None:
        found = self._earlier()
        if found is None:
            return None
        other = changed(found, _CONFLICTING, self._chance)
        return _sent(other, raw(other), "conflict")

    def _refused(self) -> Sent | None:
        found = self._stream().refused()
        return None if found is None else _sent(found, raw(found), "refused")

    def _poison(self) -> Sent:
        [payment, *_] = self._never_sent.next()
        return Sent(*poison(len(self.sent), payment, self._chance), "poison")


def _sent(found: Document, spelled: bytes, kind: Kind) -> Sent:
    return Sent(TOPICS[found["type"]], found["subject"], spelled, kind)
