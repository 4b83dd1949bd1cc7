"""A small city of all three kinds of accounts, posted through the real services."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from fastapi import FastAPI

from shared.settings import Settings
from tests.integration.conftest import Eventually, Publish, Start

BANK = "jsrcb:token-0001"
OTHER = "jsrcb:token-0002"
ENTERPRISE = "91330800704205947U"
FARM = "farm:sanyiyi"
MONTHS = range(1, 13)


def event(type: str, id: str, subject: str, data: dict[str, Any], time: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": type,
        "source": "urn:test",
        "id": id,
        "subject": subject,
        "time": time,
        "data": data,
    }


def payment(
    id: str, subject: str = BANK, time: str = "2026-03-01T10:00:00+08:00", **data: Any
) -> dict[str, Any]:
    paid = {"kind": "transfer", "channel": "online", "amount": "10.00", "currency": "CNY"}
    return event("cn.tanzhang.payment.v1", id, subject, paid | data, time)


def power_used(month: int, year: int, quantity: str) -> dict[str, Any]:
    time = f"{year}-{month:02}-20T10:00:00+08:00"
    data = {"kind": "electricity_saving", "quantity": quantity}
    return payment(f"power-{year}-{month}-{quantity}", time=time, **data)


# Caps that overflow, reversals that refill them, a bill per month, quantities that round.
PAYMENTS = [
    payment("p1"),
    payment("p2", OTHER),
    payment("counter", channel="counter"),
    *(
        payment(f"bus{n}", kind="bus_ride", channel="nfc", time=f"2026-03-02T0{n}:00:00+08:00")
        for n in range(9)
    ),
    payment("back", kind="bus_ride", reverses="bus1", time="2026-03-03T10:00:00+08:00"),
    payment("nothing-back", reverses="counter", time="2026-03-03T10:00:00+08:00"),
    payment("walk1", OTHER, kind="walking", quantity="5000.25"),
    payment("walk2", OTHER, kind="walking", quantity="0.125", time="2026-03-01T11:00:00+08:00"),
    payment("walk3", OTHER, kind="walking", quantity="90000", time="2026-03-01T12:00:00+08:00"),
    payment("gone", OTHER, kind="statement", time="2026-03-01T23:59:59+08:00"),
    payment(
        "gone-back", OTHER, kind="statement", reverses="gone", time="2026-03-04T10:00:00+08:00"
    ),
    power_used(2, 2025, "210.5"),
    power_used(2, 2026, "100"),
    power_used(2, 2026, "60.2"),
    power_used(3, 2026, "60"),
    power_used(4, 2025, "900"),
    power_used(4, 2026, "1"),
]


def readings() -> Iterable[dict[str, Any]]:
    """A year of an enterprise's power."""
    for month in MONTHS:
        start = f"2025-{month:02}-01T00:00:00+08:00"
        end = f"{2025 + month // 12}-{month % 12 + 1:02}-01T00:00:00+08:00"
        data = {"meter_id": "m1", "kind": "interval", "start": start, "end": end}
        data |= {"value": f"{1000 + month}.5", "unit": "kWh", "quality": "actual"}
        yield event("cn.tanzhang.meter.reading.v1", f"m1-{month}", ENTERPRISE, data, end)


def output() -> Iterable[dict[str, Any]]:
    for month in MONTHS:
        start, end = f"2025-{month:02}-01", f"{2025 + month // 12}-{month % 12 + 1:02}-01"
        data = {"product": "xylitol", "start": start, "end": end, "quantity": "12.5", "unit": "t"}
        time = f"{end}T00:00:00+08:00"
        yield event("cn.tanzhang.production.report.v1", f"out-{month}", ENTERPRISE, data, time)


def farm_records() -> Iterable[dict[str, Any]]:
    year = {"start": "2020-01-01", "end": "2021-01-01"}
    straw = {"pathway": "straw_return", "parcel_id": "fields", "area_ha": "364.76"}
    power = {"pathway": "emission", "parcel_id": "barn", "source": "electricity"}
    yield _record("straw", straw | {"straw_kg_per_ha": "1920"} | year)
    yield _record("power", power | {"quantity": "1000", "unit": "MWh"} | year)


def _record(id: str, data: dict[str, Any]) -> dict[str, Any]:
    return event("cn.tanzhang.farm.record.v1", id, FARM, data, "2021-01-10T08:00:00+08:00")


@dataclass
class City:
    """Services at work, with the means to fill them and to look into their databases."""

    settings: Settings
    start: Start
    publish: Publish
    eventually: Eventually
    client: Callable[[FastAPI], httpx.AsyncClient]
    database: asyncpg.Connection

    async def wait(self, query: str) -> None:
        """Until the query says true."""

        async def said() -> Any:
            return await self.database.fetchval(query)

        await self.eventually(said)

    async def pay(self) -> None:
        """Post the payments, until all are in the ledger of reductions."""
        await self.publish("payments", PAYMENTS)
        journal = "from personal.ledger_entry where content_hash is not null"
        await self.wait(f"select count(*) = {len(PAYMENTS)} {journal}")

    async def measure(self, industrial: FastAPI, agri: FastAPI) -> None:
        """Register an enterprise and a farm, post a year of each, until both are graded."""
        enterprise = {"name": "华康药业", "sector": "1495", "district": "开化县"}
        enterprise |= {"grid_region": "zhejiang", "product": "xylitol", "product_unit": "t"}
        meter = {"enterprise_id": ENTERPRISE, "carrier": "electricity", "unit": "kWh"}
        farm = {"name": "三易易", "type": "breeding", "district": "kecheng"}
        await self._put(industrial, f"/v1/enterprises/{ENTERPRISE}", enterprise)
        await self._put(industrial, "/v1/meters/m1", meter | {"kind": "interval"})
        await self._put(agri, f"/v1/farms/{FARM}", farm)
        await self.publish("meter-readings", readings())
        await self.publish("production-reports", output())
        await self.publish("farm-records", farm_records())
        await self.wait("select count(*) = 24 from industrial.fact")
        await self.wait("select count(*) = 2 from agri.fact")

    async def _put(self, app: FastAPI, path: str, body: dict[str, Any]) -> None:
        async with self.client(app) as http:
            answer = await http.put(path, json=body)
        assert answer.is_success, answer.text


@pytest.fixture
def environment(open_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of this test in its environment, as a command finds them."""
    for name, value in msgspec.structs.asdict(open_settings).items():
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            monkeypatch.setenv(name.upper(), text)


@pytest.fixture
async def city(
    open_settings: Settings,
    start: Start,
    publish: Publish,
    eventually: Eventually,
    client: Callable[[FastAPI], httpx.AsyncClient],
) -> AsyncIterator[City]:
    """Nothing is started or posted yet."""
    database = await asyncpg.connect(open_settings.database("personal"))
    yield City(open_settings, start, publish, eventually, client, database)
    await database.close()
