"""Questions to the services over HTTP, asked again while one of them is starting."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from tanzhang.posting import Patience, PostingError, client, refusal, send

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Services:
    """HTTP clients by service."""

    clients: Mapping[str, httpx.AsyncClient]
    patience: Patience

    async def get(self, service: str, path: str, **query: object) -> dict[str, Any]:
        """The answer as it came; empty when there is no such thing (404).

        PostingError when the service refuses, or stays away longer than the patience.
        """
        asked = f"{path}?{urlencode(query)}" if query else path
        door = self.clients[service]
        response = await send(door, door.build_request("GET", asked), self.patience)
        if response.status_code == 404:
            return {}
        if not response.is_success:
            raise PostingError(refusal(response))
        return dict(msgspec.json.decode(response.content))

    async def items(
        self, service: str, path: str, **query: object
    ) -> AsyncIterator[dict[str, Any]]:
        """The items of a list, page by page."""
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(service, path, limit=PAGE, **query, **cursor)
            for item in page.get("items", ()):
                yield item
            if page.get("next") is None:
                return
            cursor = {"cursor": page["next"]}


@asynccontextmanager
async def services(
    urls: Mapping[str, str], token: str | None, patience: Patience
) -> AsyncIterator[Services]:
    """Clients of all services for the length of the block."""
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(client(url, token)) for name, url in urls.items()
        }
        yield Services(clients, patience)
