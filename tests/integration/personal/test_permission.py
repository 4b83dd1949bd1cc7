"""Who may read the rules, the city and accounts, and who may change rules."""

from pathlib import Path

import pytest

from tests.integration.guarded import guarded

RULES = "/v1/classifications"
ACCOUNT = "/v1/accounts/jsrcb:token-0001"
READ, WRITE = ("personal:read",), ("classifications:write",)
BODY = {"priority": 1, "reason": "excluded", "valid_from": "2090-01-01"}


@pytest.mark.parametrize(
    ("method", "path", "scopes", "subjects", "status"),
    [
        ("GET", RULES, None, (), 401),
        ("GET", RULES, WRITE, ("*",), 403),
        ("GET", RULES, READ, (), 200),
        ("PUT", f"{RULES}/shops", READ, ("*",), 403),
        ("PUT", f"{RULES}/shops", WRITE, ("jsrcb:*",), 403),
        ("PUT", f"{RULES}/shops", WRITE, ("*",), 200),
        ("DELETE", f"{RULES}/mcc_bus", READ, ("*",), 403),
        ("DELETE", f"{RULES}/mcc_bus", WRITE, ("*",), 204),
        ("GET", "/v1/region/summary", None, (), 401),
        ("GET", "/v1/region/summary", READ, (), 200),
        ("GET", f"{ACCOUNT}/statement", READ, ("jsrcb:token-0002",), 403),
        ("GET", f"{ACCOUNT}/statement", READ, ("jsrcb:token-0001",), 404),
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
    async with (
        guarded("personal", empty_url, tmp_path) as service,
        service.client(scopes, subjects) as http,
    ):
        answer = await http.request(method, path, json=BODY if method == "PUT" else None)
    assert answer.status_code == status
