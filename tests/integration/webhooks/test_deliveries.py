"""Deliveries: signed, in order per account, tried again, given up, sent again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from starlette.responses import Response

from shared.webhooks import deliveries
from tests.integration.conftest import Eventually
from tests.integration.webhooks.conftest import ALICE, BOB, Hooks, credit
from tests.integration.webhooks.receiver import Receiver, taken


def refusing(*ids: str, status: int = 500, **headers: str) -> Callable[[dict[str, Any]], Response]:
    """Refuses these events, or all."""
    return lambda event: (
        Response(status_code=status, headers={k.replace("_", "-"): v for k, v in headers.items()})
        if not ids or event["id"] in ids
        else taken(event)
    )


async def test_an_event_is_delivered_signed_and_as_it_was(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    event = credit("c1")
    await hooks.tell(event)
    async with hooks.sending():
        await eventually(_count(receiver.events, 1))
    assert receiver.events[0]["data"]["points"] == "23.096"
    headers = receiver.headers[0]
    assert headers["webhook-id"] == "c1"
    assert headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
    [made] = await hooks.deliveries(id)
    assert (made["state"], made["attempts"], made["last_status"]) == ("delivered", 1, 204)


async def test_the_same_event_again_is_delivered_once(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.know(ALICE)
    await hooks.subscribe(receiver)
    assert await hooks.tell(credit("c1"), credit("c1")) == 1
    assert await hooks.tell(credit("c1")) == 0


BACKLOG = """
insert into webhook_delivery (subscription, subject, event_id, type, body, state, created_at, due_at)
select $1, 'jsrcb:person-' || n % 2000, n::text, 't', '', 'pending', now(), now()
from generate_series(1, 20000) n
"""


async def test_a_sudden_backlog_is_not_read_through_for_each_delivery(
    hooks: Hooks, receiver: Receiver
) -> None:
    """The server has no statistics of it yet."""
    id = await hooks.subscribe(receiver)
    async with hooks.pool.acquire() as connection:
        turn = connection.transaction()
        await turn.start()
        await connection.execute(BACKLOG, UUID(id))
        due = f"prepare due(uuid, timestamptz, bigint) as {deliveries.DUE}"
        taken = f"prepare taken(uuid, bigint[], timestamptz[], integer[]) as {deliveries.DELIVERED}"
        await connection.execute(due)
        await connection.execute(taken)
        first = await connection.fetch(f"explain execute due('{id}', now(), 32)")
        entered = await connection.fetch(
            f"explain execute taken('{id}', '{{1}}', '{{now}}', '{{1}}')"
        )
        for name in ("due", "taken"):
            await connection.execute(f"deallocate {name}")
        await turn.rollback()
    assert "webhook_delivery_queue" in "\n".join(row[0] for row in first)
    assert "webhook_delivery_pkey" in "\n".join(row[0] for row in entered)


async def test_an_account_waits_behind_what_fails_and_others_do_not(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE, BOB)
    await hooks.subscribe(receiver)
    receiver.answer = refusing("a1")
    await hooks.tell(credit("a1"), credit("a2"), credit("b1", BOB), credit("a3"))
    async with hooks.sending():
        await eventually(_count(receiver.events, 1))
        await eventually(_count(receiver.attempts, 2))
        assert receiver.ids() == ["b1"]
        receiver.answer = taken
        hooks.later(minutes=1)
        await eventually(_count(receiver.events, 4))
    assert receiver.ids() == ["b1", "a1", "a2", "a3"]


async def test_what_comes_behind_a_failure_later_waits_too(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing()
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        await eventually(lambda: _tried(hooks, id, 1))
    await hooks.tell(credit("a2"))
    second, first = await hooks.deliveries(id)
    assert second["next_attempt_at"] == first["next_attempt_at"]


async def test_pauses_double(hooks: Hooks, receiver: Receiver, eventually: Eventually) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing()
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        for attempt, seconds in enumerate((5, 10, 20, 40), 1):
            [waiting] = await eventually(partial(_tried, hooks, id, attempt))
            at = waiting["next_attempt_at"]
            assert _seconds(at) - hooks.now.timestamp() == seconds
            hooks.later(seconds=seconds)
    assert (await hooks.subscription(id))["last_error"] == "answered 500"


async def test_retry_after_stops_the_whole_subscription(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE, BOB)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing(status=429, retry_after="600")
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        await eventually(lambda: _tried(hooks, id, 1))
        receiver.answer = taken
        await hooks.tell(credit("b1", BOB))
        hooks.later(minutes=9)
        await eventually(lambda: _tried(hooks, id, 1))
        assert receiver.ids() == []
        hooks.later(minutes=2)
        await eventually(_count(receiver.events, 2))


async def test_a_redirect_is_not_followed(
    hooks: Hooks, receiver: Receiver, other: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing(status=307, location=other.url)
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        [waiting] = await eventually(lambda: _tried(hooks, id, 1))
    assert waiting["last_status"] == 307
    assert other.attempts == []


async def test_one_that_fails_for_a_week_is_given_up_and_the_account_goes_on(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE, BOB)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing("a1")
    await hooks.tell(credit("a1"), credit("a2"))
    async with hooks.sending():
        for day in range(8):
            await hooks.tell(credit(f"b{day}", BOB, at=hooks.now))
            await eventually(_count(receiver.events, day + 1))
            hooks.later(days=1)
        await eventually(_count(receiver.events, 9))
    assert "a2" in receiver.ids()
    [given_up] = await hooks.deliveries(id, state="failed")
    assert given_up["id"] == "a1"
    assert (await hooks.subscription(id))["status"] == "active"


async def test_what_was_given_up_is_sent_again_when_asked(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.tell(credit("a1"), credit("a2"))
    async with hooks.sending():
        await eventually(_count(receiver.events, 2))
        [second, _] = await hooks.deliveries(id)
        one = await hooks.do(f"{id}/deliveries/{second['number']}/replay")
        assert (one.status_code, one.json()) == (202, {"deliveries": 1})
        await eventually(_count(receiver.events, 3))
        since = hooks.now.isoformat()
        every = await hooks.do(f"{id}/replay", since=since, states=["delivered"])
        assert every.json() == {"deliveries": 2}
        await eventually(_count(receiver.events, 5))
    assert receiver.ids() == ["a1", "a2", "a2", "a1", "a2"]


async def test_a_replay_goes_out_before_what_has_come_since(
    hooks: Hooks, receiver: Receiver, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "REPLAYED_MAX", 2)
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.tell(*(credit(f"a{n}") for n in range(5)))
    async with hooks.sending():
        await eventually(_count(receiver.events, 5))
    hooks.later(minutes=1)
    await hooks.tell(credit("a5", at=hooks.now))
    since = hooks.now - timedelta(minutes=5)
    answer = await hooks.do(f"{id}/replay", since=since.isoformat(), states=["delivered"])
    assert answer.json() == {"deliveries": 5}
    async with hooks.sending():
        await eventually(_count(receiver.events, 11))
    assert receiver.ids()[5:] == [f"a{n}" for n in range(6)]


async def test_a_delivery_that_waits_is_not_sent_again(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.tell(credit("a1"))
    [waiting] = await hooks.deliveries(id)
    answer = await hooks.do(f"{id}/deliveries/{waiting['number']}/replay")
    assert answer.status_code == 404


async def test_a_receiver_that_is_away_is_tried_again(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.pool.execute("update webhook_subscription set url = 'http://127.0.0.1:9/'")
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        [waiting] = await eventually(lambda: _tried(hooks, id, 1))
    assert (waiting["last_status"], waiting["last_error"]) == (None, "no answer: ConnectError")


async def test_old_deliveries_are_dropped(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.tell(credit("a1"))
    hooks.later(days=31)
    await hooks.tell(credit("a2", at=hooks.now))
    async with hooks.pool.acquire() as connection:
        assert await deliveries.prune(connection, hooks.now) == 1
    assert [one["id"] for one in await hooks.deliveries(id)] == ["a2"]


def _count(found: list[Any], number: int) -> Any:
    async def enough() -> bool:
        return len(found) >= number

    return enough


async def _tried(hooks: Hooks, id: str, attempts: int) -> list[dict[str, Any]]:
    found = await hooks.deliveries(id)
    return found if any(one["attempts"] == attempts for one in found) else []


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
