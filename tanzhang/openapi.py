"""The OpenAPI document of every service, as files.

`python -m tanzhang.openapi FOLDER` writes `<service>.json`. The same code gives the same bytes.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.settings import SERVICES, Settings

# Nothing is opened: an application only asks that what it needs is set.
SETTINGS = Settings(
    database_url="postgresql://localhost/none",
    tanzhang_jwks="none.json",
    tanzhang_erasure_key="none",
    tanzhang_webhook_key="none",
)


def document(service: str) -> dict[str, Any]:
    """The document of one service's API."""
    wired = import_module(f"services.{service}.app")
    app = wired.api(SETTINGS) if service == "ingest" else wired.create(SETTINGS, "api")
    found: dict[str, Any] = app.openapi()
    return found


def text(service: str) -> str:
    """The document as it is written."""
    return json.dumps(document(service), indent=1, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write the documents of all services into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for service in SERVICES:
        (folder / f"{service}.json").write_text(text(service), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/openapi"))
