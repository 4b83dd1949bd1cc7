"""One sender at a time; secrets and their keys while it sends."""

from contextlib import suppress
from functools import partial

import msgspec

from shared.settings import Settings
from shared.webhooks import subscriptions
from shared.webhooks.addresses import guard
from shared.webhooks.attempts import Post, Target
from shared.webhooks.deliveries import Due
from shared.webhooks.signing import NoKey, Vault
from tests.integration.conftest import Eventually
from tests.integration.webhooks.conftest import ALICE, BOB, CREDITED, Hooks, credit
from tests.integration.webhooks.receiver import Receiver

END_LEADER = """
select pg_terminate_backend(pid) from pg_locks
where locktype = 'advisory' and objsubid = 2 and objid = 3 and granted
    and database = (select oid from pg_database where datname = current_database())
"""


async def test_two_senders_and_a_lost_lock_keep_the_order(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE, BOB)
    await hooks.subscribe(receiver)
    async with hooks.sending(), hooks.sending():
        for lot in range(3):
            await hooks.tell(*(credit(f"a{lot}{n}") for n in range(10)))
            await eventually(partial(_came, receiver, 10 * lot + 3))
            assert await hooks.pool.fetchval(END_LEADER)
        await eventually(partial(_all_came, receiver, 30))
    first = list(dict.fromkeys(receiver.ids()))
    assert first == [f"a{lot}{n}" for lot in range(3) for n in range(10)]


async def test_a_sender_of_an_earlier_generation_finds_nothing_to_do(
    hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.subscribe(receiver)
    async with hooks.pool.acquire() as connection:
        before = await subscriptions.lead(connection, "points")
        after = await subscriptions.lead(connection, "points")
        [known] = await subscriptions.active(connection)
    assert await subscriptions.receiver(hooks.pool, known.id, hooks.now, before) is None
    assert await subscriptions.receiver(hooks.pool, known.id, hooks.now, after) is not None


async def test_what_was_read_too_long_ago_is_not_sent(hooks: Hooks, receiver: Receiver) -> None:
    post = Post(guard(hooks.settings), lambda: hooks.now)
    what = Due(1, ALICE, "a1", CREDITED, credit("a1").raw, 0, None)
    to = await post.target(receiver.url, ["whsec_" + "QUJD" * 8])
    assert isinstance(to, Target)
    async with post.transport() as transport:
        assert await post.attempt(transport, to, what, lambda: False) is None
    assert receiver.attempts == []


async def test_a_new_key_takes_the_place_of_the_old_one(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    await hooks.subscribe(receiver)
    await hooks.do(f"{await hooks.subscribe(receiver)}/secret")
    hooks.settings = _with_key(hooks, "new, of this test")
    async with hooks.sending():
        await eventually(partial(_kept_under, hooks, "new"))


async def test_a_secret_that_cannot_be_read_is_not_the_receivers_failure(
    hooks: Hooks, receiver: Receiver, eventually: Eventually
) -> None:
    await hooks.know(ALICE)
    id = await hooks.subscribe(receiver)
    await hooks.tell(credit("a1"))
    right = hooks.settings
    hooks.settings = _with_key(hooks, "another")
    async with hooks.sending():
        await eventually(partial(_held, hooks))
    assert (await hooks.subscription(id))["failing_since"] is None
    hooks.settings = right
    hooks.later(minutes=2)
    async with hooks.sending():
        await eventually(partial(_came, receiver, 1))


async def test_an_old_secret_is_forgotten_when_it_signs_no_more(
    hooks: Hooks, receiver: Receiver
) -> None:
    await hooks.do(f"{await hooks.subscribe(receiver)}/secret")
    kept = "select old_secret is not null from webhook_subscription"
    async with hooks.pool.acquire() as connection:
        for hours, expected in ((23, True), (1, False)):
            hooks.later(hours=hours)
            await subscriptions.drop_old_secrets(connection, hooks.now)
            assert await connection.fetchval(kept) is expected


def _with_key(hooks: Hooks, key: str) -> Settings:
    return msgspec.structs.replace(hooks.settings, tanzhang_webhook_key=key)


async def _kept_under(hooks: Hooks, key: str) -> bool:
    vault = Vault(_with_key(hooks, key))
    rows = await hooks.pool.fetch("select secret, old_secret from webhook_subscription")
    sealed = [secret for row in rows for secret in row if secret]
    assert len(sealed) == 3
    with suppress(NoKey):
        return all(vault.unseal(secret) for secret in sealed)
    return False


async def _came(receiver: Receiver, number: int) -> bool:
    return len(receiver.events) >= number


async def _all_came(receiver: Receiver, number: int) -> bool:
    return len({*receiver.ids()}) == number


async def _held(hooks: Hooks) -> bool:
    sql = "select resume_at is not null from webhook_subscription"
    return bool(await hooks.pool.fetchval(sql))
