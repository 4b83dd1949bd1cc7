"""The grading service against its OpenAPI document."""

from typing import Any

from tests.deploy.openapi.conftest import Start, event
from tests.deploy.openapi.fuzzing import Ways
from tests.deploy.openapi.webhooks import subscribed

BEYOND_SCHEMA = (
    "GET /v1/benchmarks/{sector}/{year}",
    "PUT /v1/benchmarks/{sector}/{year}",
    "POST /v1/benchmarks/{sector}/{year}/compute",
    "POST /v1/labels/{kind}/{id}/appeals",
    "POST /v1/labels/{kind}/{id}/what-if",
    "POST /v1/region/means/{year}",
    "POST /v1/region/peers/{year}",
    "POST /v1/subscriptions",
    "PUT /v1/subscriptions/{id}",
    "POST /v1/subscriptions/{id}/secret",
)
ENTERPRISE, FARM = "91330800704206161W", "farm:sanyi"
STATE = {"epoch": 1, "sequence": 1, "year": 2020, "district": "kaihua"}
WORKS = STATE | {
    "sector": "1495",
    "product": "xylitol",
    "product_unit": "t",
    "energy_t": "11659.61",
    "process_t": "2491.14",
    "avoided_t": "275.51",
    "total_t": "13875.24",
    "output": "137120",
    "value_added_1e4cny": "9000",
    "months_energy": 12,
    "months_output": 12,
    "quality": {"actual": "1"},
    "factor_sets": ["direct@1"],
}
HERD = STATE | {
    "type": "breeding",
    "straw_t": "613.506",
    "soil_t": "246.991",
    "manure_t": "238.611",
    "neutralised_t": "1099.108",
    "gross_t": "0",
    "head_days": "438000",
}


def works(id: str, **changes: Any) -> dict[str, Any]:
    return event("industrial.account", f"of-{id}", id, WORKS | changes)


def herd(id: str, **changes: Any) -> dict[str, Any]:
    return event("agri.account", f"of-{id}", id, HERD | changes)


async def test_every_answer_is_as_documented(start: Start) -> None:
    grading = await start("grading")
    await grading.post(
        works(ENTERPRISE),
        herd(FARM, gross_t="1000"),
        *(works(f"works-{n}", total_t=f"{9000 + 1000 * n}") for n in range(6)),
        *(herd(f"farm:f{n}", neutralised_t=f"{900 + 100 * n}") for n in range(12)),
    )
    appeal = f"/v1/labels/industrial/{ENTERPRISE}/appeals"
    filed = await grading.ask("POST", appeal, {"reason": "The output of May is missing"})
    known = await subscribed(grading, "cn.tanzhang.label.changed.v1")
    known["/v1/appeals/{appeal_id}"] = {"path.appeal_id": [filed["id"]]}
    report = await grading.fuzz(Ways(beyond_schema=BEYOND_SCHEMA, keeps=True, known=known))
    assert report.code == 0, report.text
    assert report.never_good() == []
