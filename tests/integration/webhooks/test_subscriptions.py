"""Subscriptions over HTTP: what may be asked for, by whom, and who is told what."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.integration.webhooks.conftest import ALICE, BOB, CREDITED, Hooks, credit, wish
from tests.integration.webhooks.receiver import Receiver

URL = "http://127.0.0.1:8443/hook"


async def test_the_secret_is_shown_once(hooks: Hooks) -> None:
    async with hooks.client() as http:
        made = (await http.post("/v1/subscriptions", json=wish(URL))).json()
        shown = (await http.get(f"/v1/subscriptions/{made['id']}")).json()
    assert made.pop("secret").startswith("whsec_")
    assert shown == made
    assert shown["status"] == "active"
    assert shown["subjects"] == ["jsrcb:*"], "those of the token"


async def test_a_receiver_may_bring_its_secret_and_the_database_does_not_show_it(
    hooks: Hooks,
) -> None:
    secret = "whsec_" + "QUJD" * 8
    async with hooks.client() as http:
        made = (await http.post("/v1/subscriptions", json=wish(URL, secret=secret))).json()
    assert made["secret"] == secret
    kept = await hooks.pool.fetchval("select secret from webhook_subscription")
    assert b"QUJD" not in kept


async def test_a_subscription_is_changed_and_removed(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.tell(credit("a1"))
    async with hooks.client() as http:
        changed = await http.put(f"/v1/subscriptions/{id}", json=wish(URL, filter={"cause": ["p"]}))
        assert changed.json()["filter"] == {"cause": ["p"]}
        assert (await http.delete(f"/v1/subscriptions/{id}")).status_code == 204
        assert (await http.get(f"/v1/subscriptions/{id}")).status_code == 404
        assert (await http.get("/v1/subscriptions")).json()["items"] == []
    assert await hooks.pool.fetchval("select count(*) from webhook_delivery") == 0


async def test_a_new_secret_signs_together_with_the_old_one(
    hooks: Hooks, receiver: Receiver, eventually: Any
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    old = receiver.secret
    receiver.secret = (await hooks.do(f"{id}/secret")).json()["secret"]
    assert receiver.secret != old
    await hooks.tell(credit("a1"))
    async with hooks.sending():

        async def came() -> bool:
            return bool(receiver.events)

        await eventually(came)
    assert len(receiver.headers[0]["webhook-signature"].split()) == 2


async def test_a_client_sees_its_own_only(hooks: Hooks, receiver: Receiver) -> None:
    id = await hooks.subscribe(receiver)
    async with hooks.client("another") as http:
        assert (await http.get("/v1/subscriptions")).json()["items"] == []
        for path in (id, f"{id}/deliveries"):
            assert (await http.get(f"/v1/subscriptions/{path}")).status_code == 404
        assert (await http.delete(f"/v1/subscriptions/{id}")).status_code == 404


async def test_it_needs_the_scope(hooks: Hooks) -> None:
    async with hooks.client(scopes=["points:read"]) as http:
        answer = await http.post("/v1/subscriptions", json=wish(URL))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "The token lacks the scope subscriptions:write"


async def test_subjects_are_those_of_the_token_or_less(hooks: Hooks) -> None:
    async with hooks.client() as http:
        for subjects, status in (
            ([ALICE], 201),
            (["jsrcb:*"], 201),
            (["*"], 403),
            (["icbc:*"], 403),
            (["jsrcb*"], 403),
        ):
            answer = await http.post("/v1/subscriptions", json=wish(URL, subjects=subjects))
            assert answer.status_code == status, subjects
    assert answer.json()["detail"] == "/subjects/0: the token's subjects do not include jsrcb*"


async def test_a_token_without_subjects_is_told_nothing(hooks: Hooks) -> None:
    async with hooks.client(subjects=()) as http:
        assert (await http.post("/v1/subscriptions", json=wish(URL))).status_code == 403


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"url": "ftp://127.0.0.1/"}, "/url", "expected an https url with a host"),
        ({"url": "https://10.0.0.1/"}, "/url", "10.0.0.1 is not public: expected a public address"),
        ({"url": "https://nobody.invalid/"}, "/url", "expected a name that is known"),
        ({"types": ["cn.tanzhang.label.changed.v1"]}, "/types/0", CREDITED),
        ({"types": []}, "/types", "length >= 1"),
        ({"filter": {"policy": ["x"]}}, "/filter/policy", "expected one of: cause, due, epoch"),
        ({"filter": {"a/b": ["x"]}}, "/filter/a~1b", "expected one of: cause, due, epoch"),
        ({"filter": {"sequence": ["1", "x"]}}, "/filter/sequence/1", "expected a whole number"),
        (
            {"types": ["cn.tanzhang.points.tier.v1"], "filter": {"tier": ["A"]}},
            "/filter/tier/0",
            "deep, medium, light, none",
        ),
        ({"filter": {"cause": ["x" * 201]}}, "/filter", "length <= 200"),
        ({"subjects": ["jsrcb:" + "x" * 200]}, "/subjects/0", "length <= 200"),
        ({"subjects": [ALICE, "jsrcb:13812345678"]}, "/subjects/1", "looks like a mobile number"),
        ({"types": [CREDITED] * 101}, "/types", "length <= 100"),
        ({"secret": "short"}, "/secret", "expected whsec_ and 24 to 64 bytes in base64"),
        ({"events": []}, "/events", "is not a field of this body"),
    ],
)
async def test_what_is_wrong_is_named(
    hooks: Hooks, changes: dict[str, Any], pointer: str, detail: str
) -> None:
    async with hooks.client() as http:
        answer = await http.post("/v1/subscriptions", json=wish(URL) | changes)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]


async def test_a_client_has_a_hundred_at_most(hooks: Hooks) -> None:
    async with hooks.client() as http:
        for _ in range(100):
            assert (await http.post("/v1/subscriptions", json=wish(URL))).status_code == 201
        answer = await http.post("/v1/subscriptions", json=wish(URL))
        assert answer.status_code == 409
        assert "at most 100 subscriptions" in answer.json()["detail"]
        first = (await http.get("/v1/subscriptions", params={"limit": 60})).json()
        rest = (
            await http.get("/v1/subscriptions", params={"limit": 60, "cursor": first["next"]})
        ).json()
    assert len({one["id"] for one in first["items"] + rest["items"]}) == 100
    assert rest["next"] is None


async def test_a_bank_is_told_of_its_own_customers_and_of_those_who_consented(
    hooks: Hooks,
) -> None:
    carol = "icbc:token-carol"
    await hooks.know(ALICE, BOB, carol)
    async with hooks.client("icbc", ["*"], bank="icbc") as http:
        assert (await http.post("/v1/subscriptions", json=wish(URL))).status_code == 201
    events = [credit("a1"), credit("b1", BOB), credit("c1", carol)]
    assert await hooks.tell(*events) == 1
    await hooks.pool.execute(
        "insert into consent (account, id, bank, scope, given_at, given_by, until)"
        " values (1, gen_random_uuid(), 'icbc', 'account', $1, 'x', $2)",
        hooks.now,
        hooks.now + timedelta(days=1),
    )
    assert await hooks.tell(*events) == 1
    found = await hooks.pool.fetch("select event_id from webhook_delivery order by number")
    assert [row[0] for row in found] == ["c1", "a1"]


async def test_a_filter_and_the_subjects_choose(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.know(ALICE, BOB)
    await hooks.subscribe(receiver, subjects=[ALICE], filter={"cause": ["p"]})
    await hooks.subscribe(receiver, filter={"cause": ["other"]})
    assert await hooks.tell(credit("a1"), credit("b1", BOB)) == 1


async def test_without_a_key_for_secrets_it_says_so(hooks: Hooks) -> None:
    hooks.settings = msgspec.structs.replace(hooks.settings, tanzhang_webhook_key=None)
    async with hooks.serving(), hooks.client() as http:
        answer = await http.post("/v1/subscriptions", json=wish(URL))
    assert answer.status_code == 503
    assert "TANZHANG_WEBHOOK_KEY is not set" in answer.json()["detail"]


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "2026-03-01T00:00:00"]
)
async def test_an_instant_out_of_range_or_without_offset_is_refused(
    hooks: Hooks, receiver: Receiver, since: str
) -> None:
    id = await hooks.subscribe(receiver)
    answer = await hooks.do(f"{id}/replay", since=since, states=["failed"])
    assert answer.status_code == 422
