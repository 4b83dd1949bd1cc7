"""No route of any service answers without a token, but probes and metrics."""

from importlib import import_module

import pytest

from shared.settings import Settings

OPEN = {"/livez", "/readyz", "/metrics"}
SETTINGS = Settings(
    database_url="postgresql://nowhere/none", tanzhang_jwks="keys.json", tanzhang_erasure_key="k"
)


@pytest.mark.parametrize(
    "service", ["ingest", "industrial", "agri", "personal", "grading", "points"]
)
def test_only_probes_and_metrics_need_no_token(service: str) -> None:
    wired = import_module(f"services.{service}.app")
    app = wired.api(SETTINGS) if service == "ingest" else wired.create(SETTINGS, "api")
    unlocked = {
        path
        for path, operations in app.openapi()["paths"].items()
        for operation in operations.values()
        if not operation.get("security")
    }
    assert unlocked == OPEN
