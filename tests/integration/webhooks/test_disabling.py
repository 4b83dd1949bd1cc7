"""A subscription that fails for a week is disabled, with notice, and can go on."""

from starlette.responses import Response

from shared.webhooks.rules import NOTICE
from tests.integration.conftest import Eventually
from tests.integration.webhooks.conftest import ALICE, Hooks, credit
from tests.integration.webhooks.receiver import Receiver, taken
from tests.integration.webhooks.test_deliveries import refusing


async def _fail_for(
    hooks: Hooks, receiver: Receiver, eventually: Eventually, id: str, days: int
) -> None:
    """Nothing is taken, attempt after attempt."""
    receiver.answer = refusing()
    await hooks.tell(credit("a1", at=hooks.now), credit("a2", at=hooks.now))
    async with hooks.sending():
        for day in range(days + 1):

            async def tried(count: int = day + 1) -> bool:
                return bool((await hooks.deliveries(id))[-1]["attempts"] >= count)

            await eventually(tried)
            hooks.later(days=1)


async def test_after_a_week_without_success_it_is_disabled(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    began = hooks.now
    await _fail_for(hooks, receiver, eventually, id, days=7)
    found = await hooks.subscription(id)
    assert found["status"] == "disabled"
    assert found["disabled"]["reason"] == "failing"
    assert found["failing_since"].startswith(began.isoformat()[:19])
    assert await hooks.tell(credit("a3", at=hooks.now)) == 0, "nothing more is kept for it"


async def test_a_day_of_failure_disables_nothing(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await _fail_for(hooks, receiver, eventually, id, days=6)
    assert (await hooks.subscription(id))["status"] == "active"


async def test_gone_disables_at_once(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    receiver.answer = lambda event: Response(status_code=410)
    await hooks.tell(credit("a1"))
    async with hooks.sending():

        async def disabled() -> bool:
            return bool((await hooks.subscription(id))["status"] == "disabled")

        await eventually(disabled)
    assert (await hooks.subscription(id))["disabled"]["reason"] == "gone"


async def test_the_clients_other_subscriptions_are_told(
    hooks: Hooks, receiver: Receiver, other: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.subscribe(other, types=[NOTICE])
    receiver.answer = lambda event: Response(status_code=410)
    await hooks.tell(credit("a1"))
    async with hooks.sending():

        async def told() -> bool:
            return bool(other.events)

        await eventually(told)
    [notice] = other.events
    assert (notice["type"], notice["subject"]) == (NOTICE, id)
    assert notice["data"]["reason"] == "gone"
    assert notice["data"]["url"] == receiver.url


async def test_enabled_again_what_waited_goes_out_in_order(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await _fail_for(hooks, receiver, eventually, id, days=7)
    waiting = [one["id"] for one in reversed(await hooks.deliveries(id, state="pending"))]
    receiver.answer = taken
    assert (await hooks.do(f"{id}/enable")).json()["status"] == "active"
    async with hooks.sending():

        async def all_out() -> bool:
            return len(receiver.events) == len(waiting)

        await eventually(all_out)
    assert receiver.ids() == waiting
