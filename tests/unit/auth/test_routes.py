"""No route of any service answers without a token, but probes, metrics and its own description."""

import re
from importlib import import_module

import httpx
import pytest

from shared.settings import SERVICES, Settings

PAGE = ("/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js")
OPEN = {"/livez", "/readyz", "/metrics", "/openapi.json", *PAGE}
SETTINGS = Settings(
    database_url="postgresql://nowhere/none", tanzhang_jwks="keys.json", tanzhang_erasure_key="k"
)


@pytest.mark.parametrize("service", SERVICES)
async def test_only_probes_and_metrics_need_no_token(service: str) -> None:
    wired = import_module(f"services.{service}.app")
    app = wired.api(SETTINGS) if service == "ingest" else wired.create(SETTINGS, "api")
    asked = [(way, path) for path, ways in app.openapi()["paths"].items() for way in ways]
    asked += [("get", path) for path in OPEN]
    answers: dict[str, set[int]] = {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://door"
    ) as client:
        for way, path in asked:
            answer = await client.request(way, re.sub(r"{\w+}", "any", path))
            answers.setdefault(path, set()).add(answer.status_code)

    assert {path for path, found in answers.items() if found != {401}} == OPEN
    # Nothing is started here, so what is open says at most that it is not ready.
    assert {status for path in OPEN for status in answers[path]} == {200, 503}
