"""The audit says the rules of the personal ledger once more: what the service posts must agree."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.personal.audit import audit
from shared.events.envelope import decode
from shared.ledger import Finding
from shared.methodology import methodology
from tests.integration.audit.conftest import City, payment

ACCOUNTS = [f"jsrcb:token-{n:04}" for n in range(3)]
BEGIN = datetime(2025, 1, 30, tzinfo=UTC)
CHANNELS = ["online", "qr", "counter"]


def some_payment(chance: random.Random, n: int) -> dict[str, Any]:
    """A payment of any kind on one of a few days, a year apart at the most."""
    scenario = chance.choice(methodology().scenarios())
    days = chance.choice([0, 1, 2, 365, 366])
    at = BEGIN + timedelta(days=days, minutes=chance.randrange(24 * 60))
    data: dict[str, Any] = {"kind": scenario.kind, "channel": chance.choice(CHANNELS)}
    if scenario.needs_quantity:
        most = int(scenario.cap or 10) * 1000
        data["quantity"] = f"{chance.choice([25, 500, chance.randrange(1, most)]) / 1000:.3f}"
    return payment(f"p{n}", chance.choice(ACCOUNTS), at.isoformat(), **data)


def some_reversals(chance: random.Random, paid: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        payment(f"back-{p['id']}", p["subject"], p["time"], reverses=p["id"])
        for p in chance.sample(paid, len(paid) // 5)
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_what_the_service_posts_is_what_the_audit_expects(city: City, seed: int) -> None:
    chance = random.Random(seed)
    state = (await city.start("personal", role="api")).state
    paid = [some_payment(chance, n) for n in range(400)]
    everything = paid + some_reversals(chance, paid)
    chance.shuffle(everything)
    events = [decode(msgspec.json.encode(e), strict=False) for e in everything]
    while events:
        size = chance.randrange(1, 60)
        batch, events = events[:size], events[size:]
        async with state.pool.acquire() as connection, connection.transaction():
            await state.poster.post(connection, batch, state.clock())
    async with state.pool.acquire() as connection:
        findings: list[Finding] = await audit(connection)
        assert findings == []
        assert await connection.fetchval("select count(*) from dead_letter") == 0
        assert await connection.fetchval("select count(*) from parked") == 0
