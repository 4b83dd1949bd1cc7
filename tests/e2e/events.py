"""Events written by hand: one author per test, so that tests never meet in an account."""

import uuid
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tanzhang.simulation.credit_codes import credit_code, random_organisation

Event = dict[str, Any]
YEAR = {"start": "2020-01-01", "end": "2021-01-01"}
TRANSFER = {"kind": "transfer", "channel": "online", "amount": "100.00", "currency": "CNY"}
READING = {
    "meter_id": "none",
    "kind": "interval",
    "start": "2022-03-01T00:00:00+08:00",
    "end": "2022-03-01T01:00:00+08:00",
    "value": "1",
    "unit": "kWh",
    "quality": "actual",
}
ACTIVITY = {"activity": "direct.co2", "quantity": "1", "unit": "t", **YEAR}
STRAW = {"pathway": "straw_return", "parcel_id": "p", "area_ha": "100", "straw_kg_per_ha": "1920"}


@dataclass(slots=True)
class Author:
    """A source of events with accounts of its own. `data` fields that are None are left out."""

    # The letter keeps digits of the name from looking like somebody's number.
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")
    count: int = 0

    @property
    def source(self) -> str:
        return f"urn:e2e:{self.name}"

    @property
    def enterprise(self) -> str:
        return credit_code("1", "330802", random_organisation(Random(self.name)))

    @property
    def farm(self) -> str:
        return f"farm:{self.name}"

    def person(self, n: int = 0) -> str:
        return f"e2e:{self.name}-{n}"

    def meter(self, n: int = 0) -> str:
        return f"meter-{self.name}-{n}"

    def event(
        self, type: str, subject: str, data: dict[str, Any], change: Event | None = None
    ) -> Event:
        """A CloudEvent with an id of its own; attributes that `change` makes None are left out."""
        self.count += 1
        made = {
            "specversion": "1.0",
            "type": f"cn.tanzhang.{type}.v1",
            "source": self.source,
            "id": f"{self.name}-{self.count}",
            "subject": subject,
            "time": "2022-06-23T08:41:00+08:00",
            "data": _given(data),
        }
        return _given(made | (change or {}))

    def payment(self, change: Event | None = None, **data: Any) -> Event:
        return self.event("payment", self.person(), TRANSFER | data, change)

    def reading(self, change: Event | None = None, **data: Any) -> Event:
        data = READING | {"meter_id": self.meter()} | data
        return self.event("meter.reading", self.enterprise, data, change)

    def register(self, at: str, value: str, **data: Any) -> Event:
        return self.reading(kind="register", start=None, end=at, value=value, **data)

    def activity(self, change: Event | None = None, **data: Any) -> Event:
        return self.event("process.activity", self.enterprise, ACTIVITY | data, change)

    def production(self, product: str, quantity: str, **data: Any) -> Event:
        made = {"product": product, "quantity": quantity, "unit": "t", **YEAR} | data
        return self.event("production.report", self.enterprise, made)

    def farm_record(self, change: Event | None = None, **data: Any) -> Event:
        return self.event("farm.record", self.farm, YEAR | data, change)

    def straw(self, change: Event | None = None, **data: Any) -> Event:
        return self.farm_record(change, **(STRAW | data))


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
