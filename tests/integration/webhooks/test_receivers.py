"""Receivers that are slow, away or rude harm nobody but themselves."""

from functools import partial
from typing import Any

import pytest

from shared.webhooks.rules import PAUSE_MAX
from tests.integration.conftest import Eventually
from tests.integration.webhooks.conftest import ALICE, BOB, CREDITED, Hooks, credit
from tests.integration.webhooks.receiver import Receiver, taken
from tests.integration.webhooks.rude import OK, Speak, dripping, endless, rude, saying
from tests.integration.webhooks.test_deliveries import refusing


@pytest.mark.parametrize("speak", [saying(), dripping], ids=["silent", "dripping"])
async def test_a_receiver_without_end_holds_up_nobody_else(
    hooks: Hooks, receiver: Receiver, eventually: Eventually, speak: Speak
) -> None:
    await hooks.know(ALICE)
    await hooks.subscribe(receiver)
    async with rude(speak) as slow, hooks.sending(answer_seconds=1.0):
        id = await hooks.subscribe(Receiver(slow.url))
        await hooks.tell(credit("a1"))
        await eventually(partial(_came, receiver, 1))
        await hooks.tell(credit("a2"))
        await eventually(partial(_came, receiver, 2))
        waiting = await eventually(partial(_failed, hooks, id))
    assert waiting["last_error"] == "no answer: TimeoutError"


async def test_an_endless_answer_is_not_read_to_its_end(
    hooks: Hooks, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    async with rude(endless) as wordy, hooks.sending(answer_seconds=5.0):
        id = await hooks.subscribe(Receiver(wordy.url))
        await hooks.tell(credit("a1"), credit("a2"))
        await eventually(partial(_delivered, hooks, id, 2))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 429 Later\r\nretry-after: " + b"9" * 5000 + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 503 No\r\nretry-after: Sun, 01 Mar 2026 00:02:00 +99999999999\r\n"
        b"content-length: 0\r\n\r\n",
        b"\x00\xff\r\n\r\n" * 10,
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
    ],
    ids=["digits", "date", "rubbish", "length"],
)
async def test_an_odd_answer_is_a_failure_of_its_receiver_only(
    hooks: Hooks, receiver: Receiver, eventually: Eventually, answer: bytes
) -> None:
    await hooks.know(ALICE)
    await hooks.subscribe(receiver)
    async with rude(saying(answer)) as odd, hooks.sending(answer_seconds=5.0):
        id = await hooks.subscribe(Receiver(odd.url))
        await hooks.tell(credit("a1"))
        await eventually(partial(_failed, hooks, id))
        await hooks.tell(credit("a2"))
        await eventually(partial(_came, receiver, 2))


async def test_a_connection_is_used_again(hooks: Hooks, eventually: Eventually) -> None:
    await hooks.know(ALICE)
    async with rude(saying(OK)) as plain:
        id = await hooks.subscribe(Receiver(plain.url))
        await hooks.tell(*(credit(f"a{n}") for n in range(20)))
        async with hooks.sending():
            await eventually(partial(_delivered, hooks, id, 20))
    assert (plain.requests, plain.connections) == (20, 1)


async def test_a_receiver_that_is_down_is_asked_for_one_account_at_a_time(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    people = [f"jsrcb:person-{n:04}" for n in range(20)]
    await hooks.know(*people)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing()
    await hooks.tell(*(credit(f"e{n}", person) for n, person in enumerate(people)))
    async with hooks.sending():
        await eventually(partial(_paused, hooks, id, 1))
        assert len(receiver.attempts) == 8, "as many as go to one receiver at once"
        for failures in (2, 3):
            hooks.later(seconds=5 * 2 ** (failures - 2))
            await eventually(partial(_paused, hooks, id, failures))
        assert len(receiver.attempts) == 10
        receiver.answer = taken
        hooks.later(seconds=PAUSE_MAX.total_seconds())
        await eventually(partial(_came, receiver, 20))


async def test_what_failed_before_keeps_nothing_else_waiting(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE, BOB)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing("a1")
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        for attempts, seconds in enumerate((5, 10, 20), 1):
            await eventually(partial(_tried, hooks, id, attempts))
            hooks.later(seconds=seconds)
        await eventually(partial(_tried, hooks, id, 4))
        await hooks.tell(credit("b1", BOB, at=hooks.now))
        await eventually(partial(_came, receiver, 1))
    assert receiver.ids() == ["b1"]


async def test_a_url_that_is_changed_while_the_old_one_says_gone_is_not_disabled(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)

    async def change_and_go(writer: Any) -> None:
        async with hooks.client() as http:
            changed = {"url": receiver.url, "types": [CREDITED]}
            assert (await http.put(f"/v1/subscriptions/{id}", json=changed)).status_code == 200
        writer.write(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n")

    async with rude(change_and_go) as moved, hooks.sending():
        old = Receiver(moved.url)
        id = await hooks.subscribe(old)
        receiver.secret = old.secret
        await hooks.tell(credit("a1"))
        await eventually(partial(_tried, hooks, id, 1))
        hooks.later(seconds=5)
        await eventually(partial(_came, receiver, 1))
    found = await hooks.subscription(id)
    assert (found["status"], found["failing_since"]) == ("active", None)


async def test_what_waits_goes_to_a_new_url_at_once(
    hooks: Hooks, receiver: Receiver, other: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    other.secret = receiver.secret
    receiver.answer = refusing(status=503, retry_after="3600")
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        await eventually(partial(_failed, hooks, id))
        async with hooks.client() as http:
            changed = {"url": other.url, "types": [CREDITED]}
            shown = (await http.put(f"/v1/subscriptions/{id}", json=changed)).json()
        assert shown["failing_since"] is None
        await eventually(partial(_came, other, 1))


async def _came(receiver: Receiver, number: int) -> bool:
    return len(receiver.events) >= number


async def _delivered(hooks: Hooks, id: str, number: int) -> bool:
    return len(await hooks.deliveries(id, state="delivered")) == number


async def _failed(hooks: Hooks, id: str) -> dict[str, Any] | None:
    waiting = await hooks.deliveries(id, state="pending")
    return next((one for one in waiting if one["attempts"]), None)


async def _tried(hooks: Hooks, id: str, attempts: int) -> bool:
    return any(one["attempts"] >= attempts for one in await hooks.deliveries(id))


async def _paused(hooks: Hooks, id: str, failures: int) -> bool:
    sql = "select failures from webhook_subscription where id = $1"
    return bool(await hooks.pool.fetchval(sql, id) == failures)
