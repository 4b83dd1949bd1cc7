"""Who may read farms and who may register them."""

from pathlib import Path

import pytest

from shared.database.migrations import migrate
from tests.integration.guarded import guarded

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
    await migrate(database_url, "agri")
    async with (
        guarded("agri", database_url, tmp_path) as service,
        service.client(scopes, subjects) as http,
    ):
        answer = await http.request(method, path, json=BODY if method == "PUT" else None)
    assert answer.status_code == status
