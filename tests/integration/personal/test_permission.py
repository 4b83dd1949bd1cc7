"""Who may read the rules, the city and accounts, and who may change rules."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from services.personal.app import create
from shared.auth.keys import create_keys, issue
from shared.settings import Settings

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
        ("PUT", f"{RULES}/shops", WRITE, (), 200),
        ("DELETE", f"{RULES}/mcc_bus", READ, ("*",), 403),
        ("DELETE", f"{RULES}/mcc_bus", WRITE, (), 204),
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
    key, key_set = create_keys(tmp_path)
    settings = Settings(
        database_url=empty_url, tanzhang_jwks=str(key_set), tanzhang_erasure_key="k" * 32
    )
    headers = {}
    if scopes is not None:
        hour, now = timedelta(hours=1), datetime.now(UTC)
        token = issue(key, "test", scopes, (), subjects, hour, "tanzhang", "tanzhang", now)
        headers["authorization"] = f"Bearer {token}"
    app = create(settings, "api")
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://personal", headers=headers) as http,
    ):
        answer = await http.request(method, path, json=BODY if method == "PUT" else None)
    assert answer.status_code == status
