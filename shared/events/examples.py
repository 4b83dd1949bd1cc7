"""An event of each type as it travels: what the documents of topics and of the door show."""

from typing import Any

_COMPANY, _FARM, _PERSON = "91350100M000100Y43", "farm:sanyiyi", "jsrcb:a8f5f167f44f4964"


def _event(
    type: str, who: str, id: str, subject: str, data: dict[str, Any], **time: str
) -> dict[str, Any]:
    named = {"specversion": "1.0", "id": id, "source": who, "type": f"cn.tanzhang.{type}.v1"}
    return named | {"subject": subject} | time | {"data": data}


def _told(
    type: str, service: str, id: str, subject: str, time: str, data: dict[str, Any]
) -> dict[str, Any]:
    """As we write it: where it stands in the stream, and the type of its data."""
    event = _event(type, f"urn:tanzhang:{service}", id, subject, {"epoch": 1, **data}, time=time)
    data = event.pop("data")
    return event | {"datacontenttype": "application/json", "data": data}


def _points(type: str, id: str, time: str, **data: Any) -> dict[str, Any]:
    return _told(f"points.{type}", "points", id, _PERSON, time, data)


_LABEL_DATA: dict[str, Any] = {
    "sequence": 2,
    "year": 2020,
    "label": "light_green",
    "previous": "yellow",
    "intensity": "0.103200",
    "intensity_per": "t",
    "benchmark": "0.11",
    "ratio": "0.938182",
    "dimensions": {"sector": "light_green", "regional": "unknown", "history": "unknown"},
    "reason": {
        "en": "14150.75 t CO2e in 2020 is 0.103200 t per t, 0.938182 times the benchmark of 0.11 "
        "(norm, 2020): light green.",
        "zh": "2020年排放14150.75吨二氧化碳当量，强度为每吨0.103200吨，"
        "是基准值0.11（2020年标准值）的0.938182倍：浅绿。",
    },
    "rule_version": "labels@1",
    "benchmark_version": "1495/xylitol/2020#1",
    "benchmark_kind": "norm",
    "policy": {"id": "industrial.light_green", "rate_bp": "-25", "line_multiplier": "1.10"},
    "valid_until": "2022-01-10T02:00:00Z",
    "current": {"year": 2020, "label": "light_green", "valid_until": "2022-01-10T02:00:00Z"},
}
_DAY = {"start": "2020-01-01", "end": "2020-02-01"}
_EVENTS: tuple[dict[str, Any], ...] = (
    _event("meter.reading", "urn:grid:meters", "m-1-2020-01-01T00:15", _COMPANY, {
        "meter_id": "m-1",
        "kind": "interval",
        "start": "2020-01-01T00:00:00+08:00",
        "end": "2020-01-01T00:15:00+08:00",
        "value": "1.5",
        "unit": "kWh",
        "quality": "actual",
    }),
    _event("production.report", "urn:works:erp", "xylitol-2020-01", _COMPANY,
           {"product": "xylitol"} | _DAY | {"quantity": "11426.7", "unit": "t"}),
    _event("economic.report", "urn:works:erp", "value-2020-01", _COMPANY,
           _DAY | {"value_added": "1250.5", "unit": "1e4CNY"}),
    _event("process.activity", "urn:works:erp", "limestone-2020-01", _COMPANY, {
        "activity": "carbonate.CaCO3", **_DAY, "quantity": "12.5", "unit": "t", "purity": "0.98",
    }),
    _event("farm.record", "urn:farms:app", "straw-p-1-2020", _FARM, {
        "pathway": "straw_return",
        "parcel_id": "p-1",
        "start": "2020-01-01",
        "end": "2021-01-01",
        "area_ha": "364.76",
        "straw_kg_per_ha": "1920",
    }),
    _event("payment", "urn:jsrcb:core", "core-2020-01-01-4711", _PERSON, {
        "kind": "transfer", "channel": "mobile", "amount": "150.50", "currency": "CNY",
    }, time="2020-01-01T08:00:00+08:00"),
    _told("industrial.account", "industrial", "60b24473-c130-55cd-95b1-65b99a5cf3dc", _COMPANY,
          "2021-01-10T01:59:58Z", {
        "sequence": 7,
        "year": 2020,
        "sector": "1495",
        "district": "kaihua",
        "product": "xylitol",
        "product_unit": "t",
        "energy_t": "14150.75",
        "process_t": "0",
        "avoided_t": "0",
        "total_t": "14150.75",
        "output": "137120",
        "value_added_1e4cny": "0",
        "months_energy": 12,
        "months_output": 12,
        "quality": {"actual": "1.000000", "estimated": "0.000000", "substituted": "0.000000"},
        "factor_sets": ["grid@1"],
    }),
    _told("industrial.warning", "industrial", "1f0f4a5e-5d53-5c0e-8a3e-6a2f3a3c9b10", _COMPANY,
          "2026-05-31T18:00:00Z", {
        "sequence": 8,
        "day": "2026-05-31",
        "asset_id": "line-1",
        "carrier": "electricity",
        "unit": "kWh",
        "value": "160",
        "median": "100",
        "band": "105",
        "days": 8,
        "reason": {
            "en": "line-1 used 160 kWh of purchased electricity on Sunday 2026-05-31; usual is "
            "at most 105 kWh (median 100 kWh of 8 Sundays before)",
            "zh": "line-12026-05-31(周日)用外购电力160 kWh,超出通常上限105 kWh"
            "(此前8个周日的中位数为100 kWh)",
        },
    }),
    _told("agri.account", "agri", "3b0d2b37-52ab-5b1c-9f0e-5f2f6c1d7e21", _FARM,
          "2021-01-10T01:59:58Z", {
        "sequence": 5,
        "year": 2020,
        "type": "breeding",
        "district": "kaihua",
        "straw_t": "613.5",
        "soil_t": "247",
        "manure_t": "238.6",
        "neutralised_t": "1099.1",
        "gross_t": "1200",
        "ratio": "0.915917",
        "area_ha": "364.76",
    }),
    _told("personal.reduction", "personal", "b911983b-d70a-56c7-aebd-216e28ad8bff", _PERSON,
          "2020-01-01T00:00:00Z", {
        "sequence": 1,
        "scenario": "ONLINE_TRANSFER",
        "reduction_g": "23.096",
        "occurred_at": "2020-01-01T00:00:00Z",
        "capped": False,
        "factor_set": "scenarios@1",
        "cause": "core-2020-01-01-4711",
    }),
    _told("personal.erased", "personal", "7584aff2-6b61-5c6c-b97d-f0f6984c6cc5", _PERSON,
          "2020-12-24T09:00:00Z", {"sequence": 9}),
    _told("label.changed", "grading", "81f81663-c5af-5cd0-addf-24acb2386294",
          f"industrial:{_COMPANY}", "2021-01-10T02:00:00Z", _LABEL_DATA),
    _points("credited", "f5bc81aa-86e4-50d9-9609-d89f556c61d5", "2020-01-01T00:00:00Z",
            sequence=1, points="23.096", balance="203.096",
            cause="b911983b-d70a-56c7-aebd-216e28ad8bff"),
    _points("reversed", "c843eebc-d5a5-5686-b4d0-03dc14728bdd", "2020-01-01T00:00:00Z",
            sequence=2, points="23.096", balance="180.000",
            cause="9b1c9849-a664-5c23-998a-9bbde085ad21"),
    _points("redeemed", "b703adb4-c92b-576c-af78-95e790c6bd71", "2020-02-01T09:00:00Z",
            sequence=3, points="150.000", balance="30.000",
            cause="redeemed:953b178a-71c0-441e-9be4-92b7a46b29f1"),
    _points("expired", "0e6c1a52-3a57-5f0a-bb7b-1d6a1cb0f7a4", "2021-12-31T16:00:00Z",
            sequence=6, points="30.000", balance="0.000", cause="expired:2022"),
    _points("expiring", "5a1b8e64-9e0f-5d5b-8b3d-c6d0a2d7b9f3", "2021-11-30T16:00:00Z",
            sequence=5, points="30.000", balance="30.000", cause="expiring:2022",
            due="2022-01-01"),
    _told("points.tier", "points", "87bd8dc0-bb17-5d50-852d-3818de0eb3fc", _PERSON,
          "2020-12-01T00:00:00Z", {
        "sequence": 4,
        "tier": "light",
        "previous": "none",
        "trailing_g": "512.096",
        "points": "0.000",
        "balance": "30.000",
        "cause": "trailing_12_months",
    }),
)  # fmt: skip
EXAMPLES: dict[str, dict[str, Any]] = {event["type"]: event for event in _EVENTS}
