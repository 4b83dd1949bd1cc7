"""Services with their databases, for schemathesis: migrated, started, given something to show."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from shared.auth.keys import create_keys, issue
from shared.auth.principal import SCOPES
from shared.database.migrations import migrate
from shared.events.envelope import decode
from shared.settings import Settings
from tests.deploy.openapi.fuzzing import Report, Ways, fuzz, served

# The day on which the examples of the documents are right.
NOW = datetime.fromisoformat("2026-06-01T08:00:00+08:00")


@dataclass(slots=True, frozen=True)
class Started:
    """A service with its API, without worker and relay; its clock hardly moves."""

    app: FastAPI
    http: httpx.AsyncClient
    fuzz: Callable[[Ways], Awaitable[Report]]

    async def post(self, *events: dict[str, Any]) -> None:
        """Post in one batch, as the worker does."""
        batch = [decode(msgspec.json.encode(event), strict=False) for event in events]
        state = self.app.state
        async with state.pool.acquire() as connection, connection.transaction():
            await state.poster.post(connection, batch, NOW)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON of a good answer."""
        answer = await self.http.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


Start = Callable[[str], Awaitable[Started]]


def event(
    type: str, id: str, subject: str, data: dict[str, Any], source: str = "urn:test"
) -> dict[str, Any]:
    """A CloudEvent of a type without its `cn.tanzhang.` and `.v1`, at noon on 1 March 2026."""
    return {
        "specversion": "1.0",
        "type": f"cn.tanzhang.{type}.v1",
        "source": source,
        "id": id,
        "subject": subject,
        "time": "2026-03-01T12:00:00+08:00",
        "data": data,
    }


@pytest.fixture
async def start(database_url: str, tmp_path: Path) -> AsyncIterator[Start]:
    """`personal = await start("personal")`; requests carry a token that allows everything."""
    key, key_set = create_keys(tmp_path / "keys")
    settings = Settings(
        database_url=database_url,
        tanzhang_jwks=str(key_set),
        tanzhang_erasure_key="of this test",
        tanzhang_webhook_key="of this test",
        tanzhang_webhook_allow="127.0.0.0/8",
        tanzhang_service_token=_token(key, list(SCOPES)),
    )
    async with AsyncExitStack() as stack:

        async def _start(name: str) -> Started:
            await migrate(database_url, name)
            app = import_module(f"services.{name}.app").create(settings, "api")
            await stack.enter_async_context(app.router.lifespan_context(app))
            ticks = count()
            # No two things happen in one instant.
            app.state.clock = lambda: NOW + timedelta(milliseconds=next(ticks))
            token = _token(key, list(SCOPES))
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app),
                base_url=f"http://{name}",
                headers={"authorization": f"Bearer {token}"},
            )
            http = await stack.enter_async_context(client)
            service = await stack.enter_async_context(served(app))
            return Started(app, http, partial(fuzz, service, token, tmp_path))

        yield _start


def _token(key: Path, scopes: Sequence[str]) -> str:
    hour, now = timedelta(hours=1), datetime.now(UTC)
    return issue(key, "fuzzer", scopes, ("*",), ("*",), hour, "tanzhang", "tanzhang", now)
