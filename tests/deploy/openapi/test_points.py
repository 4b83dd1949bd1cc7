"""The points service against its OpenAPI document."""

from tests.deploy.openapi.conftest import Start, event
from tests.deploy.openapi.fuzzing import Ways
from tests.deploy.openapi.webhooks import subscribed

BEYOND_SCHEMA = (
    "POST /v1/consents",
    "GET /v1/exports/{purpose}",
    "POST /v1/redemptions",
    "PUT /v1/rewards/{id}",
    "POST /v1/rewards/{id}/stock",
    "POST /v1/subscriptions",
    "PUT /v1/subscriptions/{id}",
    "POST /v1/subscriptions/{id}/secret",
)
ACCOUNT = "jsrcb:token-0001"
REDUCTION = {
    "epoch": 1,
    "sequence": 1,
    "scenario": "BUS_RIDE",
    "reduction_g": "100000",
    "occurred_at": "2026-03-01T12:00:00+08:00",
    "capped": False,
    "factor_set": "scenarios@1",
    "cause": "p-1",
}
CONSENT = {
    "account_id": ACCOUNT,
    "bank": "icbc",
    "scope": "credit_score",
    "until": "2027-01-01T00:00:00Z",
}


async def test_every_answer_is_as_documented(start: Start) -> None:
    points = await start("points")
    await points.post(event("personal.reduction", "r-1", ACCOUNT, REDUCTION))
    village = {"village": "330824105201"}
    await points.ask("PUT", f"/v1/accounts/{ACCOUNT}/village", village)
    await points.ask("PUT", "/v1/rewards/bag", {"name": "Bag", "points": "20", "stock": 1000})
    order = {"account_id": ACCOUNT, "reward_id": "bag"}
    made = [
        await points.ask("POST", "/v1/redemptions", order, **{"idempotency-key": f"first-{n}"})
        for n in range(4)
    ]
    consent = await points.ask("POST", "/v1/consents", CONSENT)
    known = await subscribed(points, "cn.tanzhang.points.credited.v1")
    known["/v1/redemptions/{id}"] = {"path.id": [one["id"] for one in made]}
    known["/v1/consents/{id}"] = {"path.id": [consent["id"]]}
    ways = Ways(beyond_schema=BEYOND_SCHEMA, overlapping=["POST /v1/leagues/take"], known=known)
    report = await points.fuzz(ways)
    assert report.code == 0, report.text
    assert report.never_good() == []
