"""Who may be told is looked at again when it is told: consents end, wishes shrink, people go."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from services.points.app import service
from shared.events.envelope import decode
from shared.stream.poster import Poster
from shared.webhooks.rules import NOTICE
from tests.integration.conftest import Eventually
from tests.integration.points.desk import personal_event
from tests.integration.webhooks.conftest import ALICE, BOB, CREDITED, Hooks, credit, wish
from tests.integration.webhooks.receiver import Receiver, taken
from tests.integration.webhooks.test_deliveries import refusing

CAROL = "icbc:token-carol"
GIVE = """
insert into consent (account, id, bank, scope, given_at, given_by, until)
select account, gen_random_uuid(), 'icbc', 'account', $2, 'x', $3 from subject where subject = $1
"""
WITHDRAW = "update consent set ended_at = $1"


async def _bank_subscribes(hooks: Hooks, receiver: Receiver, *subjects: str) -> str:
    async with hooks.client("icbc", subjects, bank="icbc") as http:
        made = (await http.post("/v1/subscriptions", json=wish(receiver.url))).json()
    receiver.secret = made["secret"]
    return str(made["id"])


async def _consent(hooks: Hooks, subject: str, **time: float) -> None:
    await hooks.pool.execute(GIVE, subject, hooks.now, hooks.now + timedelta(**time))


async def _erase(hooks: Hooks, subject: str) -> None:
    poster = Poster(service(hooks.settings), parked_per_source=10)
    position = {"epoch": 1, "sequence": 10}
    gone = decode(
        personal_event("erased", "gone", subject, hooks.now.isoformat(), position), strict=False
    )
    async with hooks.pool.acquire() as connection, connection.transaction():
        await poster.post(connection, [gone], hooks.now)


@pytest.mark.parametrize("ends", ["withdrawn", "over"])
async def test_what_waits_for_a_bank_goes_with_the_consent(
    hooks: Hooks, receiver: Receiver, eventually: Eventually, ends: str
) -> None:
    await hooks.know(ALICE, CAROL)
    await _bank_subscribes(hooks, receiver, "*")
    await _consent(hooks, ALICE, days=1)
    assert await hooks.tell(credit("a1"), credit("c1", CAROL)) == 2
    if ends == "withdrawn":
        await hooks.pool.execute(WITHDRAW, hooks.now)
    else:
        hooks.later(days=1)
    async with hooks.sending():
        await eventually(partial(_nothing_waits, hooks))
    assert receiver.ids() == ["c1"]
    assert await hooks.pool.fetchval("select count(*) from webhook_delivery") == 1


async def test_nothing_is_sent_again_without_the_consent(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await _bank_subscribes(hooks, receiver, "*")
    await _consent(hooks, ALICE, days=1)
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        await eventually(partial(_nothing_waits, hooks))
        await hooks.pool.execute(WITHDRAW, hooks.now)
        async with hooks.client("icbc", ["*"], bank="icbc") as http:
            since = hooks.now.isoformat()
            again = await http.post(
                f"/v1/subscriptions/{id}/replay", json={"since": since, "states": ["delivered"]}
            )
        assert again.json() == {"deliveries": 1}
        await eventually(partial(_nothing_waits, hooks))
    assert receiver.ids() == ["a1"]


async def test_what_is_no_longer_asked_for_is_not_sent(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE, BOB)
    id = await hooks.subscribe(receiver)
    await hooks.tell(credit("a1"), credit("b1", BOB))
    async with hooks.client() as http:
        fewer = wish(receiver.url, subjects=[BOB], types=[CREDITED, NOTICE])
        assert (await http.put(f"/v1/subscriptions/{id}", json=fewer)).status_code == 200
    async with hooks.sending():
        await eventually(partial(_nothing_waits, hooks))
    assert receiver.ids() == ["b1"]


async def test_what_a_changed_filter_leaves_out_is_not_sent(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.tell(credit("a1"), credit("a2", cause="q"))
    async with hooks.client() as http:
        fewer = wish(receiver.url, filter={"cause": ["q"]}, types=[CREDITED, NOTICE])
        assert (await http.put(f"/v1/subscriptions/{id}", json=fewer)).status_code == 200
    async with hooks.sending():
        await eventually(partial(_nothing_waits, hooks))
    assert receiver.ids() == ["a2"]


async def test_after_an_erasure_nothing_of_the_person_is_kept_or_made(
    hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.know(ALICE, BOB)
    id = await hooks.subscribe(receiver)
    await hooks.tell(credit("a1"), credit("b1", BOB))
    await _erase(hooks, ALICE)
    assert [one["id"] for one in await hooks.deliveries(id)] == ["b1"]
    assert await hooks.tell(credit("a2")) == 0


async def test_an_erased_name_is_no_longer_among_what_is_asked_for(
    hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.know(ALICE, BOB)
    both = await hooks.subscribe(receiver, subjects=[ALICE, BOB])
    await hooks.subscribe(receiver, subjects=[ALICE])
    await hooks.subscribe(receiver, subjects=[f"{ALICE}:*"])
    whole = await hooks.subscribe(receiver)
    await _erase(hooks, ALICE)
    async with hooks.client() as http:
        left = (await http.get("/v1/subscriptions")).json()["items"]
    assert {one["id"]: one["subjects"] for one in left} == {both: [BOB], whole: ["jsrcb:*"]}


async def test_who_is_erased_while_a_delivery_is_under_way_is_not_tried_again(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE, BOB)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing("a1")
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        await eventually(partial(_tried, receiver))
        await _erase(hooks, ALICE)
        receiver.answer = taken
        hooks.later(days=1)
        await hooks.tell(credit("b1", BOB, at=hooks.now))
        await eventually(partial(_nothing_waits, hooks))
    assert receiver.ids() == ["b1"]
    assert [one["id"] for one in await hooks.deliveries(id)] == ["b1"]


async def test_one_that_is_removed_meanwhile_takes_nothing_from_the_others(
    hooks: Hooks, receiver: Receiver, other: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    leaving, staying = await hooks.subscribe(receiver), await hooks.subscribe(other)
    async with hooks.pool.acquire() as connection:
        removal = connection.transaction()
        await removal.start()
        await connection.execute("delete from webhook_subscription where id = $1", leaving)
        async with hooks.telling(credit("a1")) as told:
            await eventually(partial(_someone_waits, hooks))
            await removal.commit()
            assert await told == 1
    assert [one["id"] for one in await hooks.deliveries(staying)] == ["a1"]


async def test_a_subscription_that_was_long_without_anything_to_send_is_not_failing(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE, BOB)
    id = await hooks.subscribe(receiver)
    receiver.answer = refusing()
    await hooks.tell(credit("a1"))
    async with hooks.sending():
        await eventually(partial(_tried, receiver))
        await _erase(hooks, ALICE)
        hooks.later(days=8)
        await hooks.tell(credit("b1", BOB, at=hooks.now))
        await eventually(partial(_tried, receiver, 2))
    assert (await hooks.subscription(id))["status"] == "active"


async def test_nobody_sees_a_number_that_is_none(hooks: Hooks, receiver: Receiver) -> None:
    id = await hooks.subscribe(receiver)
    assert (await hooks.do(f"{id}/deliveries/{2**70}/replay")).status_code == 422
    assert (await hooks.do(f"{id}/deliveries/7/replay")).status_code == 404
    assert (await hooks.do(f"{uuid4()}/deliveries/7/replay")).status_code == 404


async def _nothing_waits(hooks: Hooks) -> bool:
    sql = "select exists (select from webhook_delivery where state = 'pending')"
    return not await hooks.pool.fetchval(sql)


async def _tried(receiver: Receiver, times: int = 1) -> bool:
    return len(receiver.attempts) >= times


async def _someone_waits(hooks: Hooks) -> bool:
    sql = "select exists (select from pg_stat_activity where wait_event_type = 'Lock')"
    return bool(await hooks.pool.fetchval(sql))
