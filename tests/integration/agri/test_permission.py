"""Who may read farms and who may register them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from services.agri.app import create
from shared.auth.keys import create_keys, issue
from shared.database.migrations import migrate
from shared.settings import Settings

FARM = "farm:sanyiyi"
BODY = {"name": "三易易", "type": "breeding", "district": "kecheng"}
READ, WRITE = ("agri:read",), ("registry:write",)


@pytest.mark.parametrize(
    ("method", "path", "scopes", "subjects", "status"),
    [
        ("GET", f"/v1/farms/{FARM}", None, (), 401),
        ("GET", "/v1/region/summary", None, (), 401),
        ("GET", f"/v1/farms/{FARM}", WRITE, ("*",), 403),
        ("GET", f"/v1/farms/{FARM}", READ, (), 403),
        ("GET", f"/v1/farms/{FARM}/account", READ, ("farm:others",), 403),
        ("GET", f"/v1/farms/{FARM}/entries", READ, ("farm:sanyi",), 403),
        ("PUT", f"/v1/farms/{FARM}", READ, ("*",), 403),
        ("PUT", f"/v1/farms/{FARM}", WRITE, ("farm:others",), 403),
        ("PUT", f"/v1/farms/{FARM}", WRITE, ("farm:*",), 201),
        ("GET", f"/v1/farms/{FARM}", READ, (FARM,), 404),
        ("GET", "/v1/region/summary", READ, (), 200),
    ],
)
async def test_scopes_and_subjects(
    database_url: str,
    tmp_path: Path,
    method: str,
    path: str,
    scopes: tuple[str, ...] | None,
    subjects: tuple[str, ...],
    status: int,
) -> None:
    key, key_set = create_keys(tmp_path)
    settings = Settings(database_url=database_url, tanzhang_jwks=str(key_set))
    await migrate(database_url, "agri")
    headers = {}
    if scopes is not None:
        hour, now = timedelta(hours=1), datetime.now(UTC)
        token = issue(key, "test", scopes, (), subjects, hour, "tanzhang", "tanzhang", now)
        headers["authorization"] = f"Bearer {token}"
    app = create(settings, "api")
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://agri", headers=headers) as http,
    ):
        answer = await http.request(method, path, json=BODY if method == "PUT" else None)
    assert answer.status_code == status
