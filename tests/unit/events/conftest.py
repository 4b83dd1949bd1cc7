"""Valid events of every input type, to be bent by the tests."""

from collections.abc import Callable
from typing import Any

import pytest

ENTERPRISE = "91350100M000100Y43"
DATA: dict[str, dict[str, Any]] = {
    "cn.tanzhang.meter.reading.v1": {
        "meter_id": "m-1",
        "kind": "interval",
        "start": "2020-01-01T00:00:00+08:00",
        "end": "2020-01-01T00:15:00+08:00",
        "value": "1.5",
        "unit": "kWh",
        "quality": "actual",
    },
    "cn.tanzhang.production.report.v1": {
        "product": "xylitol",
        "start": "2020-01-01",
        "end": "2021-01-01",
        "quantity": 137120,
        "unit": "t",
    },
    "cn.tanzhang.economic.report.v1": {
        "start": "2020-01-01",
        "end": "2020-02-01",
        "value_added": "-5",
        "unit": "1e4CNY",
    },
    "cn.tanzhang.process.activity.v1": {
        "activity": "carbonate.CaCO3",
        "start": "2020-01-01",
        "end": "2020-02-01",
        "quantity": "12.5",
        "unit": "t",
        "purity": 0.98,
        "content": {"CaO": "0.5"},
    },
    "cn.tanzhang.farm.record.v1": {
        "pathway": "straw_return",
        "parcel_id": "p-1",
        "start": "2020-01-01",
        "end": "2021-01-01",
        "area_ha": "364.76",
        "straw_kg_per_ha": 1920,
    },
    "cn.tanzhang.payment.v1": {
        "kind": "transfer",
        "channel": "mobile",
        "amount": "150.50",
        "currency": "CNY",
    },
}
SUBJECTS = {
    "cn.tanzhang.farm.record.v1": "farm:sanyiyi",
    "cn.tanzhang.payment.v1": "jsrcb:a8f5f167f44f4964",
}
ALIASES = {type.split(".")[2]: type for type in DATA}

Sample = Callable[..., dict[str, Any]]


def make(alias: str, **changes: Any) -> dict[str, Any]:
    """A valid event; `data` is merged into its data, `...` takes a member away."""
    type = ALIASES[alias]
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "urn:test",
        "type": type,
        "subject": SUBJECTS.get(type, ENTERPRISE),
        "time": "2020-03-01T08:30:00+08:00",
        "data": DATA[type],
    }
    data = changes.pop("data", {})
    merged = _without(DATA[type] | data) if isinstance(data, dict) else data
    return _without(event | {"data": merged} | changes)


def _without(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ...}


@pytest.fixture(scope="session")
def sample() -> Sample:
    return make


@pytest.fixture
def aliases() -> list[str]:
    return list(ALIASES)
