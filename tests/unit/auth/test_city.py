"""What holds for the whole city is changed by the city's own tokens only, in every service."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shared.auth.principal import CITY_ONLY, SCOPES, Principal
from shared.settings import SERVICES, Settings

SETTINGS = Settings(
    database_url="postgresql://nowhere/none", tanzhang_jwks="keys.json", tanzhang_erasure_key="k"
)
OF_THE_CITY = {
    "PUT /v1/classifications/{id}",
    "DELETE /v1/classifications/{id}",
    "GET /v1/appeals",
    "POST /v1/appeals/{appeal_id}/decision",
    "PUT /v1/benchmarks/{sector}/{year}",
    "DELETE /v1/benchmarks/{sector}/{year}",
    "POST /v1/benchmarks/{sector}/{year}/compute",
    "POST /v1/region/means/{year}",
    "POST /v1/region/peers/{year}",
    "PUT /v1/rewards/{id}",
    "POST /v1/rewards/{id}/stock",
    "POST /v1/leagues/take",
}
# What they change is one subject's, which the token must speak for, or the client's own.
OF_A_SUBJECT = {
    "POST /v1/events",
    "PUT /v1/enterprises/{id}",
    "PUT /v1/enterprises/{id}/assets/{asset_id}",
    "PUT /v1/enterprises/{id}/fuels/{carrier}",
    "POST /v1/enterprises/{id}/opportunities/{opportunity_id}/adopt",
    "PUT /v1/meters/{meter_id}",
    "POST /v1/reviews/{id}/release",
    "POST /v1/reviews/{id}/reject",
    "PUT /v1/farms/{farm_id}",
    "DELETE /v1/accounts/{id}",
    "POST /v1/labels/{kind}/{id}/what-if",
    "POST /v1/labels/{kind}/{id}/appeals",
    "POST /v1/accounts/{id}/freeze",
    "POST /v1/accounts/{id}/unfreeze",
    "PUT /v1/accounts/{id}/village",
    "DELETE /v1/accounts/{id}/village",
    "POST /v1/redemptions",
    "POST /v1/redemptions/{id}/cancel",
    "POST /v1/consents",
    "POST /v1/consents/{id}/withdraw",
    "POST /v1/subscriptions",
    "PUT /v1/subscriptions/{id}",
    "DELETE /v1/subscriptions/{id}",
    "POST /v1/subscriptions/{id}/enable",
    "POST /v1/subscriptions/{id}/secret",
    "POST /v1/subscriptions/{id}/replay",
    "POST /v1/subscriptions/{id}/deliveries/{number}/replay",
}
ALL = frozenset(SCOPES)
TOKENS = {
    "bank": Principal("bank", ALL, ("*",), ("*",), "icbc"),
    "some": Principal("works", ALL, ("*",), ("91330800734510498B", "jsrcb:*")),
}


class Tokens:
    """A token is the name of a principal."""

    async def principal(self, token: str) -> Principal:
        return TOKENS[token]


def application(service: str) -> FastAPI:
    wired = import_module(f"services.{service}.app")
    app: FastAPI = wired.api(SETTINGS) if service == "ingest" else wired.create(SETTINGS, "api")
    app.state.verifier = Tokens()
    return app


def operations(app: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def citys(app: FastAPI) -> set[str]:
    said = "a token of the city itself"
    return {name for name, one in operations(app) if said in one.get("description", "")}


def test_every_write_is_the_citys_or_of_a_subject() -> None:
    apps = [application(service) for service in SERVICES]
    writes = {n for app in apps for n, _ in operations(app) if not n.startswith("GET ")}

    assert set().union(*map(citys, apps)) == OF_THE_CITY
    assert writes - OF_THE_CITY == OF_A_SUBJECT


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("service", ["personal", "grading", "points"])
async def test_no_bank_and_nobody_whose_subjects_are_some_changes_it(
    service: str, token: str
) -> None:
    app = application(service)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://city", headers=headers
    ) as client:
        for name in sorted(citys(app)):
            method, _, path = name.partition(" ")
            answer = await client.request(method, re.sub(r"{\w+}", "any", path))
            assert (answer.status_code, answer.json()["detail"]) == (403, CITY_ONLY), name
