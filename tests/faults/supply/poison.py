"""Records that no door lets in: put on Kafka directly, each must become a dead letter."""

from random import Random
from typing import Any

from tests.faults.supply.documents import Document, raw

TOPICS = (
    "payments",
    "meter-readings",
    "production-reports",
    "process-activities",
    "farm-records",
    "industrial-accounts",
    "agri-accounts",
    "personal-reductions",
)


def poison(number: int, payment: Document, chance: Random) -> tuple[str, str, bytes]:
    """Topic, key and bytes of the n-th bad record; `payment` is one that is never sent itself."""
    subject, topic = payment["subject"], chance.choice(TOPICS)
    bad = payment | {"id": f"poison-{number}"}
    draw = chance.randrange(8)
    if draw == 0:
        return topic, f"poison-{number}", f'{{"never closed": {number}'.encode()
    if draw == 1:
        return topic, subject, f"\x00\xff{number}".encode("latin-1")
    if draw == 2:
        return topic, subject, raw({k: v for k, v in bad.items() if k != "specversion"})
    if draw == 3:
        return topic, subject, raw(bad | {"type": "cn.tanzhang.unheard.of.v1"})
    if draw == 4:
        return "payments", subject, raw({k: v for k, v in bad.items() if k != "time"})
    if draw == 5:
        return "meter-readings", subject, raw(bad)
    return "payments", subject, raw(bad | {"data": bad["data"] | _wrong(chance)})


def _wrong(chance: Random) -> dict[str, Any]:
    return chance.choice(({"amount": "a lot"}, {"kind": "alchemy"}, {"amount": [1]}))
