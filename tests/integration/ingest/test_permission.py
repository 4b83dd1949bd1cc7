"""Who may send what, and how much of it."""

import json
from typing import Any

import pytest

from services.ingest.app import api
from shared.settings import Settings, SettingsError
from tests.integration.ingest.door import BATCH, SOURCE, Door, Opener, payment, reading

# Claims of a token, and what of a payment they don't cover.
FOREIGN: list[tuple[dict[str, Any], list[str]]] = [
    ({"scopes": ("events:write:meter-readings",)}, []),
    ({"sources": ("urn:others:*",)}, ["/source"]),
    ({"subjects": ("jsrcbx:*",)}, ["/subject"]),
    ({"sources": (), "subjects": ()}, ["/source", "/subject"]),
    ({"sources": (SOURCE[:-1],)}, ["/source"]),
]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_no_good_token(door: Door) -> None:
    for header in ("", "Bearer", "Bearer x.y.z", "Basic YTpi", "bearer x"):
        answer = await door.post(payment(), headers={"authorization": header})

        assert answer.status_code == 401, header
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["type"] == "urn:tanzhang:problem:unauthorized"


async def test_reading_the_types_needs_a_token(door: Door) -> None:
    assert (await door.client.get("/v1/event-types")).status_code == 401
    assert (await door.client.get("/v1/event-types/x/schema")).status_code == 401


async def test_a_token_that_sends_nothing(door: Door) -> None:
    token = door.token(scopes=("labels:read",))

    assert (await door.post(b"{", headers=bearer(token))).status_code == 403


async def test_a_single_event(door: Door) -> None:
    for claims, pointers in FOREIGN:
        answer = await door.post(payment(), headers=bearer(door.token(**claims)))

        assert answer.status_code == 403, claims
        found = answer.json()
        assert found["type"] == "urn:tanzhang:problem:forbidden"
        assert [e["pointer"] for e in found["errors"]] == pointers, claims
        assert found["accepted"] == 0
        assert len(found["rejected"]) == 1


async def test_in_a_batch_only_the_foreign_ones_are_rejected(door: Door) -> None:
    token = door.token(
        scopes=("events:write:payments",), sources=("urn:jsrcb:*",), subjects=("jsrcb:*",)
    )
    own, foreign = payment(), payment({"subject": "jsrcbx:a8f5f167f44f4964"})
    batch = [foreign, own, reading(), payment({"source": "urn:jsrcbx:core"}), payment(kind="x")]

    answer = await door.post(batch, BATCH, bearer(token))

    assert answer.status_code == 202
    found = answer.json()
    assert found["accepted"] == 1
    assert [(r["index"], r["problem"]["status"]) for r in found["rejected"]] == [
        (0, 403),
        (2, 403),
        (3, 403),
        (4, 422),
    ]
    stored = await door.stored("payments", {own["id"]})
    assert [json.loads(r.value)["id"] for r in stored] == [own["id"]]


async def test_a_batch_without_a_permitted_event(door: Door) -> None:
    token = door.token(subjects=("other:*",))

    all_foreign = await door.post([payment(), payment()], BATCH, bearer(token))
    mixed = await door.post([payment(), payment(kind="x")], BATCH, bearer(token))

    assert (all_foreign.status_code, all_foreign.json()["accepted"]) == (403, 0)
    assert (mixed.status_code, mixed.json()["accepted"]) == (422, 0)


async def test_rate_per_client(open_door: Opener) -> None:
    now = 0.0
    async with open_door(tanzhang_rate_per_client=10, seconds=lambda: now) as door:
        first = await door.post([payment() for _ in range(25)], BATCH)
        second = await door.post(payment())
        other = await door.post(payment(), headers=bearer(door.token(client="other")))
        now += int(second.headers["retry-after"])
        third = await door.post(payment())

    assert first.status_code == 202
    assert second.status_code == 429
    assert second.json()["type"] == "urn:tanzhang:problem:too-many-requests"
    assert second.headers["retry-after"] == "2"
    assert other.status_code == 202
    assert third.status_code == 202


async def test_authentication_off(open_door: Opener) -> None:
    async with open_door(tanzhang_auth="off", tanzhang_jwks=None) as door:
        answer = await door.post(payment(), headers={"authorization": ""})

    assert answer.status_code == 202


def test_it_does_not_start_open_to_all() -> None:
    with pytest.raises(SettingsError, match="TANZHANG_JWKS"):
        api(Settings())
    with pytest.raises(SettingsError, match="TANZHANG_AUTH"):
        api(Settings(tanzhang_auth="off", tanzhang_host="0.0.0.0"))
