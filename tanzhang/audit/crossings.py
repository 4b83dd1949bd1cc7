"""One service against another, looked at until what is under way has arrived."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError

from shared.settings import Settings
from tanzhang.audit import labels, points, under_way
from tanzhang.audit.comparison import GAPS_MAX, Crossing, Gap, Look
from tanzhang.audit.report import Check, Difference
from tanzhang.audit.snapshot import snapshot

CROSSINGS = (points.CROSSING, *labels.CROSSINGS)
BETWEEN_LOOKS_SECONDS = 1.0

KAFKA_AWAY = "Kafka does not answer: what is missing may still be in it"
TOO_MANY = f"the comparison ended after {GAPS_MAX} differences"


@dataclass(slots=True)
class _Judged:
    """A look whose gaps have been told apart."""

    look: Look
    wrong: list[Difference] = field(default_factory=list)
    in_flight: list[Difference] = field(default_factory=list)
    kafka_away: bool = False

    def settled_since(self, before: "_Judged | None") -> bool:
        """Nothing is under way, and all that is wrong was just as wrong one look before."""
        known = set() if before is None else set(before.wrong)
        return not self.in_flight and known.issuperset(self.wrong)

    def subjects(self) -> list[str]:
        """The accounts to be looked at again."""
        return sorted({d.account for d in (*self.wrong, *self.in_flight) if d.account is not None})


async def cross(settings: Settings, crossing: Crossing, wait_seconds: float) -> Check:
    """Compare two services; look again at what differs, for so long at the most."""
    deadline = time.monotonic() + wait_seconds
    first = judged = await _judge(settings, crossing, None)
    before = None
    while not judged.settled_since(before) and time.monotonic() < deadline:
        await asyncio.sleep(min(BETWEEN_LOOKS_SECONDS, wait_seconds))
        before, judged = judged, await _judge(settings, crossing, judged.subjects())
    return Check(
        crossing.name,
        first.look.accounts,
        first.look.rows,
        judged.wrong,
        judged.in_flight,
        _note(first, judged),
    )


def _note(first: _Judged, last: _Judged) -> str | None:
    notes = [TOO_MANY] if first.look.full else []
    notes += [KAFKA_AWAY] if last.kafka_away else []
    return "; ".join(notes) or None


async def _judge(settings: Settings, crossing: Crossing, subjects: Sequence[str] | None) -> _Judged:
    """Compare once.

    The receiver's snapshot is taken first, the end of the topic is read last: what the sender
    has told then is in its outbox, in the part of the topic that is read here, or was passed.
    """
    async with (
        snapshot(settings, crossing.receiver) as receiver,
        snapshot(settings, crossing.sender) as sender,
    ):
        look = await crossing.compare(sender, receiver, subjects)
        wanted = frozenset().union(*(gap.settled_by for gap in look.gaps))
        sent = await under_way.in_outbox(sender.connection, crossing, wanted) if wanted else set()
        positions = receiver.positions
    judged = _Judged(look)
    if wanted - sent:
        try:
            sent |= await under_way.in_kafka(settings, crossing, positions, wanted - sent)
        except (KafkaError, OSError):
            judged.kafka_away = True
    for gap in look.gaps:
        _sort(judged, gap, sent)
    return judged


def _sort(judged: _Judged, gap: Gap, sent: set[str]) -> None:
    waits = gap.settled_by if judged.kafka_away else gap.settled_by & sent
    (judged.in_flight if waits else judged.wrong).append(gap.difference)
