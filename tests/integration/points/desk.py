"""The points service without worker and relay: posted into directly, its clock set by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import msgspec

from services.points.app import create
from services.points.audit import audit
from shared.settings import Settings
from shared.stream.tick import Tick
from shared.units.calendar import Zone
from tests.integration.re_emission.conftest import Desk

MEMBER = "jsrcb:token-0001"
TABLES = """
select tablename from pg_tables where schemaname = 'points' and tablename <> 'alembic_version'
"""
START = datetime.fromisoformat("2026-03-01T08:00:00+08:00")


def reduction(
    id: str, grams: str, *, subject: str = MEMBER, at: str = "2026-03-01T10:00:00+08:00"
) -> bytes:
    """A reduction event as the personal service sends it; negative grams take back."""
    data = {
        "epoch": 1,
        "sequence": 1,
        "scenario": "ONLINE_TRANSFER",
        "reduction_g": grams,
        "occurred_at": at,
        "capped": False,
        "factor_set": "scenarios@1",
        "cause": "p",
    }
    return personal_event("reduction", id, subject, at, data)


def personal_event(type: str, id: str, subject: str, at: str, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "type": f"cn.tanzhang.personal.{type}.v1",
            "source": "urn:tanzhang:personal",
            "id": id,
            "subject": subject,
            "time": at,
            "data": data,
        }
    )


class Points(Desk):
    """What tests do at the desk."""

    async def credit(self, id: str, grams: str, **options: Any) -> None:
        await self.post([reduction(id, grams, **options)])

    async def erase(self, subject: str = MEMBER) -> None:
        position = {"epoch": 1, "sequence": 10_000}
        await self.post([personal_event("erased", "gone", subject, self.now.isoformat(), position)])

    async def member(self, subject: str = MEMBER) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(f"/v1/accounts/{subject}")).json()
        return found

    async def balance(self, subject: str = MEMBER) -> str:
        return str((await self.member(subject))["balance"])

    async def offer(self, id: str = "bag", **changes: Any) -> httpx.Response:
        body = {"name": "Bag", "points": "20", "stock": 10} | changes
        return await self.http.put(f"/v1/rewards/{id}", json=body)

    async def redeem(self, key: str, subject: str = MEMBER, **changes: Any) -> httpx.Response:
        body = {"account_id": subject, "reward_id": "bag"} | changes
        return await self.http.post("/v1/redemptions", json=body, headers={"idempotency-key": key})

    async def redeemed(self, key: str, **changes: Any) -> str:
        answer = await self.redeem(key, **changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def cancel(self, id: str) -> httpx.Response:
        return await self.http.post(f"/v1/redemptions/{id}/cancel")

    async def stock(self, id: str = "bag") -> int:
        found: int = (await self.http.get(f"/v1/rewards/{id}")).json()["stock"]
        return found

    async def passes(self, text: str) -> None:
        """Time passes to an instant (in Beijing), and the clock's work is done."""
        await self.waits(text)
        await self.ticks()

    async def waits(self, text: str) -> None:
        """Time passes; what will expire is announced on the way, the clock's other work waits."""
        await self.waits_until(datetime.fromisoformat(f"{text}+08:00"))

    async def waits_until(self, until: datetime) -> None:
        """The same with an instant."""
        for year in range(self.now.year, until.year + 1):
            notice = datetime.fromisoformat(f"{year}-11-26T00:00:00+08:00")
            if self.now < notice < until:
                self.now = notice
                await self.ticks()
        self.now = until

    async def ticks(self) -> None:
        """Do the clock's work until every account has been seen."""
        for _ in range(3):
            tick = Tick(self.app.state.poster, self.app.state.pool, self.clock)
            assert await tick.once()

    async def told(self, *kinds: str) -> list[dict[str, Any]]:
        """The data of the events of these kinds that wait in the outbox, which is empty then."""
        events = [msgspec.json.decode(message) for message in await self.sent()]
        return [event["data"] for event in events if event["type"].split(".")[-2] in kinds]

    async def forget(self) -> None:
        """Empty all tables; the clock begins anew."""
        self.now = START
        names = [f'"{row[0]}"' for row in await self.app.state.pool.fetch(TABLES)]
        await self.app.state.pool.execute(f"truncate {', '.join(names)}")

    async def count(self, table: str) -> int:
        found: int = await self.app.state.pool.fetchval(f"select count(*) from {table}")
        return found

    async def holds(self) -> None:
        """The ledger agrees with itself."""
        async with self.app.state.pool.acquire() as connection:
            assert await audit(connection, Zone(self.settings.tanzhang_zone)) == []


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Points]:
    """The service on a migrated database."""
    app = create(settings, "api")
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            made = Points("points", settings, app, http, START)
            app.state.clock = made.clock
            yield made


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """What a refusal says."""
    body = answer.json()
    return answer.status_code, body["type"].rsplit(":", 1)[1], body["detail"]
