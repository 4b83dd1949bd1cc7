"""The page of the documentation loads nothing of third parties."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from shared.http.documentation import documentation


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(docs_url=None)
    app.include_router(documentation("tanzhang test"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test"
    ) as found:
        yield found


async def test_all_that_the_page_loads_is_here(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert "<title>tanzhang test</title>" in page.text
    assert len(loaded) == 4
    for address in loaded:
        if address != "data:,":
            answer = await client.get(address)
            assert (answer.status_code, len(answer.content) > 50) == (200, True), address
            assert answer.headers["content-type"].split(";")[0] in ("text/css", "text/javascript")


async def test_the_page_may_ask_nobody_else(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs")).headers["content-security-policy"]

    said = dict(part.split(maxsplit=1) for part in policy.split("; "))
    assert said["default-src"] == "'none'"
    assert said["connect-src"] == said["script-src"] == "'self'"


async def test_it_starts_with_the_document_of_the_service(client: httpx.AsyncClient) -> None:
    started = await client.get("/docs/start.js")

    assert 'url: "openapi.json"' in started.text
    assert "SwaggerUIBundle" in (await client.get("/docs/swagger-ui-bundle.js")).text
