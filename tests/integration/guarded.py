"""A service that asks for tokens, and clients that have them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import httpx
from fastapi import FastAPI

from shared.auth.keys import create_keys, issue
from shared.settings import Settings


@dataclass(slots=True, frozen=True)
class Guarded:
    """The API of a service, and the key that its tokens are signed with."""

    app: FastAPI
    key: Path

    @asynccontextmanager
    async def client(
        self,
        scopes: Sequence[str] | None,
        subjects: Sequence[str],
        *,
        name: str = "test",
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A client with such a token; `scopes` None: with none."""
        sent = dict(headers or {})
        if scopes is not None:
            sent["authorization"] = f"Bearer {self._token(name, scopes, subjects)}"
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://service", headers=sent
        ) as http:
            yield http

    def _token(self, name: str, scopes: Sequence[str], subjects: Sequence[str]) -> str:
        now, hour = datetime.now(UTC), timedelta(hours=1)
        return issue(self.key, name, scopes, (), subjects, hour, "tanzhang", "tanzhang", now)


@asynccontextmanager
async def guarded(service: str, database_url: str, directory: Path) -> AsyncIterator[Guarded]:
    """The API of a service on a migrated database, with keys made in the directory."""
    key, key_set = create_keys(directory)
    settings = Settings(
        database_url=database_url,
        tanzhang_jwks=str(key_set),
        tanzhang_erasure_key="of this test",
    )
    app = import_module(f"services.{service}.app").create(settings, "api")
    async with app.router.lifespan_context(app):
        yield Guarded(app, key)
