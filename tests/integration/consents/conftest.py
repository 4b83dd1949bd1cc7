"""Points, personal and grading as they run, with tokens: what one asks another goes over HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from shared.auth.keys import create_keys, issue
from shared.auth.principal import SCOPES
from shared.database.migrations import migrate
from shared.events.envelope import Event, Outgoing, decode, encode
from shared.events.types import Data, PersonalErased, PersonalReduction
from shared.settings import Settings
from shared.stream.tick import Tick
from tanzhang.stack.local_keys import SERVICE_SCOPES
from tests.serving import PATIENCE, serving

PERSON = "jsrcb:token-0001"
START = datetime(2026, 3, 1, 2, tzinfo=UTC)


@dataclass
class Town:
    """Persons' services, and tokens for them."""

    keys: Path
    settings: Settings
    now: datetime = START
    apps: dict[str, FastAPI] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    clients: AsyncExitStack = field(default_factory=AsyncExitStack)

    def clock(self) -> datetime:
        return self.now

    def token(
        self,
        *subjects: str,
        bank: str | None = None,
        scopes: tuple[str, ...] = tuple(SCOPES),
        client: str = "app",
    ) -> str:
        hour = timedelta(hours=1)
        return issue(
            self.keys, client, scopes, [], subjects, hour, "tanzhang", "tanzhang",
            datetime.now(UTC), bank,
        )  # fmt: skip

    async def http(self, service: str = "points", *subjects: str, **token: Any) -> Any:
        """A client with a token for these subjects (none: all)."""
        bearer = f"Bearer {self.token(*(subjects or ('*',)), **token)}"
        return await self.clients.enter_async_context(
            httpx.AsyncClient(
                base_url=self.urls[service], headers={"authorization": bearer}, timeout=PATIENCE
            )
        )

    async def post(self, service: str, *events: Event) -> None:
        """Post a batch, as the worker does."""
        state = self.apps[service].state
        async with state.pool.acquire() as connection, connection.transaction():
            await state.poster.post(connection, events, self.now)

    async def earn(
        self,
        subject: str = PERSON,
        grams: str = "23.096",
        at: datetime = START,
        sequence: int = 1,
        epoch: int = 1,
    ) -> None:
        data = PersonalReduction(
            epoch=epoch,
            sequence=sequence,
            scenario="ONLINE_TRANSFER",
            reduction_g=Decimal(grams),
            occurred_at=at,
            capped=False,
            factor_set="scenarios@1",
            cause="p1",
        )
        await self.post("points", told("cn.tanzhang.personal.reduction.v1", subject, data))

    async def erase(self, subject: str = PERSON, sequence: int = 2) -> None:
        data = PersonalErased(epoch=1, sequence=sequence)
        await self.post("points", told("cn.tanzhang.personal.erased.v1", subject, data))

    async def tick(self) -> None:
        state = self.apps["points"].state
        assert await Tick(state.poster, state.pool, self.clock).once()

    async def give(self, bank: str, scope: str, account: str = PERSON, **changes: Any) -> Any:
        """A consent of this person, until September."""
        body = {"account_id": account, "bank": bank, "scope": scope}
        body["until"] = "2026-09-01T00:00:00+08:00"
        http = await self.http("points", account)
        answer = await http.post("/v1/consents", json=body | changes)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def withdraw(self, consent: dict[str, Any]) -> Any:
        http = await self.http("points", consent["account_id"])
        answer = await http.post(f"/v1/consents/{consent['id']}/withdraw")
        assert answer.status_code == 200, answer.text
        return answer.json()


def told(type: str, subject: str, data: Data) -> Event:
    """An event of personal as points reads it."""
    position = msgspec.to_builtins(data)
    id = f"{subject}-{position['epoch']}-{position['sequence']}"
    sent = Outgoing(type, subject, id, "urn:tanzhang:personal", START, data)
    return decode(encode(sent), strict=False)


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    """The points service, its clock standing at START."""
    key, key_set = create_keys(tmp_path / "keys")
    settings = Settings(
        database_url=database_url,
        tanzhang_jwks=str(key_set),
        tanzhang_erasure_key="a key of this test",
    )
    async with AsyncExitStack() as stack:
        made = Town(key, settings)
        stack.push_async_callback(made.clients.aclose)
        await start(made, stack, "points", clock=made.clock)
        yield made


@pytest.fixture
async def neighbours(town: Town) -> AsyncIterator[None]:
    """Personal and grading too, with the token that `up` gives services."""
    service = town.token("*", scopes=SERVICE_SCOPES, client="tanzhang")
    town.settings = msgspec.structs.replace(
        town.settings, tanzhang_points_url=town.urls["points"], tanzhang_service_token=service
    )
    async with AsyncExitStack() as stack:
        await start(town, stack, "personal")
        town.settings = msgspec.structs.replace(
            town.settings, tanzhang_personal_url=town.urls["personal"]
        )
        await start(town, stack, "grading", clock=town.clock)
        yield


async def start(town: Town, stack: AsyncExitStack, name: str, **options: Any) -> None:
    await migrate(town.settings.database(name), name)
    app = import_module(f"services.{name}.app").create(town.settings, "api", **options)
    town.apps[name] = app
    town.urls[name] = await stack.enter_async_context(serving(app))
    app.state.client.timeout = PATIENCE
