"""Who may read enterprises and who may register them."""

from pathlib import Path

import pytest

from tests.integration.guarded import guarded

ID, OTHER = "91330800704205947U", "91330000142927960N"
BODY = {
    "name": "华康药业",
    "sector": "1495",
    "district": "开化县",
    "grid_region": "zhejiang",
    "product": "xylitol",
    "product_unit": "t",
}
METER = {"enterprise_id": ID, "carrier": "electricity", "unit": "kWh", "kind": "interval"}
FUEL = {"ncv": "28", "valid_from": "2022-01-01", "evidence": "report"}
BODIES = {
    "meters": METER,
    "fuels": FUEL,
    "reviews": {"note": "seen"},
    "adopt": {"from": "2022-01-01"},
}
READ, WRITE = ("industrial:read",), ("registry:write",)


@pytest.mark.parametrize(
    ("method", "path", "scopes", "subjects", "status"),
    [
        ("GET", f"/v1/enterprises/{ID}", None, (), 401),
        ("GET", "/v1/region/summary", None, (), 401),
        ("GET", f"/v1/enterprises/{ID}", WRITE, ("*",), 403),
        ("GET", f"/v1/enterprises/{ID}", READ, (), 403),
        ("GET", f"/v1/enterprises/{ID}/account", READ, (OTHER,), 403),
        ("GET", f"/v1/enterprises/{ID}/entries", READ, (OTHER,), 403),
        ("GET", f"/v1/enterprises/{ID}/assets/a", READ, (OTHER,), 403),
        ("PUT", f"/v1/enterprises/{ID}", READ, ("*",), 403),
        ("PUT", f"/v1/enterprises/{ID}", WRITE, (OTHER,), 403),
        ("PUT", f"/v1/enterprises/{ID}", WRITE, (ID,), 201),
        ("PUT", f"/v1/enterprises/{ID}/fuels/coke", WRITE, (OTHER,), 403),
        ("PUT", f"/v1/enterprises/{ID}/fuels/coke", READ, ("*",), 403),
        ("PUT", f"/v1/enterprises/{ID}/fuels/coke", WRITE, (ID,), 404),
        ("GET", f"/v1/enterprises/{ID}/fuels", READ, (OTHER,), 403),
        ("GET", f"/v1/enterprises/{ID}/fuels/coke", READ, (OTHER,), 403),
        ("GET", "/v1/activities", WRITE, (), 403),
        ("GET", "/v1/activities", READ, (), 200),
        ("GET", "/v1/carriers", None, (), 401),
        ("GET", "/v1/carriers", READ, (), 200),
        ("PUT", "/v1/meters/m1", WRITE, (OTHER,), 403),
        ("PUT", "/v1/meters/m1", WRITE, (ID,), 422),
        ("GET", f"/v1/enterprises/{ID}", READ, (ID,), 404),
        ("GET", "/v1/reviews", READ, (ID,), 403),
        ("GET", f"/v1/reviews?enterprise_id={OTHER}", READ, (ID,), 403),
        ("GET", f"/v1/reviews?enterprise_id={ID}", READ, (ID,), 200),
        ("GET", "/v1/reviews", READ, ("*",), 200),
        ("GET", f"/v1/enterprises/{ID}/gaps", READ, (OTHER,), 403),
        ("POST", "/v1/reviews/r/release", None, (), 401),
        ("POST", "/v1/reviews/r/release", (*READ, *WRITE), ("*",), 403),
        ("POST", "/v1/reviews/r/reject", (*READ, *WRITE), ("*",), 403),
        ("POST", "/v1/reviews/r/reject", ("reviews:write",), ("*",), 404),
        ("GET", "/v1/region/summary", READ, (), 200),
        ("GET", f"/v1/enterprises/{ID}/breakdown", READ, (OTHER,), 403),
        ("GET", f"/v1/enterprises/{ID}/opportunities", READ, (OTHER,), 403),
        ("GET", f"/v1/enterprises/{ID}/warnings", READ, (OTHER,), 403),
        ("GET", f"/v1/enterprises/{ID}/warnings", READ, (ID,), 404),
        ("POST", f"/v1/enterprises/{ID}/opportunities/o/adopt", None, (), 401),
        ("POST", f"/v1/enterprises/{ID}/opportunities/o/adopt", READ, ("*",), 403),
        ("GET", "/v1/years", None, (), 401),
        ("GET", "/v1/years", WRITE, ("*",), 403),
        ("GET", "/v1/years", READ, (), 200),
        ("GET", f"/v1/enterprises/{ID}/restatements", READ, (OTHER,), 403),
        ("GET", f"/v1/enterprises/{ID}/restatements", READ, (ID,), 404),
    ],
)
async def test_scopes_and_subjects(
    empty_url: str,
    tmp_path: Path,
    method: str,
    path: str,
    scopes: tuple[str, ...] | None,
    subjects: tuple[str, ...],
    status: int,
) -> None:
    sent = next((body for word, body in BODIES.items() if word in path), BODY)
    async with (
        guarded("industrial", empty_url, tmp_path) as service,
        service.client(scopes, subjects) as http,
    ):
        answer = await http.request(method, path, json={} if method == "GET" else sent)
    assert answer.status_code == status, answer.text
