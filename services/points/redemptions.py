"""Redemptions and cancellations: balance and stock never go below zero.

Every write locks the account first, then the reward.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from asyncpg import Record

from services.points import domain, expiry, freezing, moving
from services.points.domain import Moment
from services.points.moving import Moves
from services.points.rewards import GET as REWARD
from shared.database import Connection, Pool
from shared.http.answers import Answer as Shape
from shared.http.answers import Instant, Listing, Points, sample
from shared.http.paging import Page
from shared.http.problems import Problem, conflict, invalid, not_found
from shared.stream import accounts
from shared.stream.poster import Poster
from shared.stream.service import Account
from shared.units.amount import points_text

TAKEN = """
select coalesce(sum(quantity), 0) from redemption
where account = $1 and reward_id = $2 and status = 'redeemed'
"""
TAKE_STOCK = "update reward set stock = stock - $2 where id = $1"
INSERT = """
insert into redemption (account, id, reward_id, quantity, points, status, created_at)
values ($1, $2, $3, $4, $5, 'redeemed', $6)
"""
FIND = """
select s.subject, r.* from redemption r join subject s on s.account = r.account where r.id = $1
"""
LIST = """
select s.subject, r.* from redemption r join subject s on s.account = r.account
where r.account = $1 and (r.created_at, r.id) > ($2, $3) order by r.created_at, r.id limit $4
"""
FOR_UPDATE = "select * from redemption where account = $1 and id = $2 for update"
CANCEL = """
update redemption set status = 'cancelled', cancelled_at = $3 where account = $1 and id = $2
"""
IN_FLIGHT = "select pg_try_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 3))"
ANSWERED = "select request_hash, status, body from idempotency where client = $1 and key = $2"
REMEMBER = """
insert into idempotency (client, key, account, request_hash, status, body, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
"""


@dataclass(slots=True, frozen=True)
class Order:
    """What a member wants, and under which key of which client; `points` is what they expect to pay."""

    client: str
    key: str
    account_id: str
    reward_id: str
    quantity: int
    points: int | None = None

    def request_hash(self) -> bytes:
        """Equal for equal requests."""
        wanted = [self.account_id, self.reward_id, self.quantity, self.points]
        return blake2b(msgspec.json.encode(wanted), digest_size=16).digest()


class RedemptionShown(Shape, frozen=True, kw_only=True):
    """A redemption as it stands; `points` are those of all its items."""

    id: Annotated[str, sample("6f1c7d0e-3b64-4b7e-9a43-2f1f0c2b7d11")]
    account_id: Annotated[str, sample("jsrcb:token-0001")]
    reward_id: Annotated[str, sample("bag")]
    quantity: int
    points: Points
    status: Literal["redeemed", "cancelled"]
    created_at: Instant
    cancelled_at: Instant | None


class RedemptionMoved(RedemptionShown, frozen=True, kw_only=True):
    """A redemption that was just made or cancelled, and the account's balance after it."""

    balance: Points


@dataclass(slots=True, frozen=True)
class Answer:
    """A redemption or the refusal of one; `hit` when it is that of an earlier request."""

    status: int
    body: dict[str, Any]
    hit: bool = False


class Cursor(NamedTuple):
    """Where a listing of redemptions goes on."""

    created_at: datetime
    id: UUID


START = Cursor(datetime.fromisoformat("0001-01-01T00:00:00Z"), UUID(int=0))


async def redeem(
    pool: Pool, poster: Poster[Any, Any], order: Order, id: UUID, at: Moment
) -> Answer:
    """Redeem, once per idempotency key.

    What was decided about an account that exists is the key's answer for good, a refusal too; a
    404 for the account, 409 in flight and 422 for another body leave nothing behind.
    """
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(IN_FLIGHT, order.client, order.key):
            raise conflict("A request with this Idempotency-Key is in flight", "request-in-flight")
        answered = await connection.fetchrow(ANSWERED, order.client, order.key)
        if answered is not None:
            return _repeated(order, answered)
        account = await _locked(connection, order.account_id)
        moves = await moving.begin(connection, poster, [account], at)
        await expiry.settle(account, moves)
        try:
            made = await _redeemed(account, order, id, moves)
            answer = Answer(201, msgspec.to_builtins(made))
        except Problem as refusal:
            answer = Answer(refusal.status, refusal.document())
        await moves.save([account])
        await connection.execute(
            REMEMBER, order.client, order.key, account.number, order.request_hash(),
            answer.status, answer.body, at.now,
        )  # fmt: skip
        return answer


async def cancel(
    pool: Pool, poster: Poster[Any, Any], subject: str, id: UUID, at: Moment
) -> RedemptionMoved:
    """Give points and stock back; cancelling again changes nothing.

    It is as if the points had never been spent: what has expired meanwhile expires now.
    """
    async with pool.acquire() as connection, connection.transaction():
        account = await _locked(connection, subject)
        row = await connection.fetchrow(FOR_UPDATE, account.number, id)
        if row is None:
            raise not_found("redemption", str(id))
        if row["status"] == "redeemed":
            moves = await moving.begin(connection, poster, [account], at)
            announced = await expiry.announced(account, moves)
            await connection.execute(CANCEL, account.number, id, at.now)
            await connection.execute(TAKE_STOCK, row["reward_id"], -row["quantity"])
            key = moving.key_of("cancelled", id)
            moves.give_back(account, row["points"], key, f"cancelled:{id}")
            await expiry.settle(account, moves)
            await expiry.correct(account, moves, announced)
            await moves.save([account])
        return _moved(await find(connection, id), account)


async def find(connection: Connection | Pool, id: UUID) -> Record:
    """A redemption with the `subject` whose it is, or 404."""
    row = await connection.fetchrow(FIND, id)
    if row is None:
        raise not_found("redemption", str(id))
    return row


async def listed(pool: Pool, account: int, page: Page) -> Listing[RedemptionShown]:
    """The redemptions of an account, the first one first."""
    after = page.after(Cursor) or START
    rows = await pool.fetch(LIST, account, *after, page.limit + 1)
    return page.listing(rows, shown, lambda row: (row["created_at"], row["id"]))


def shown(row: Record) -> RedemptionShown:
    """A redemption as it stands."""
    return RedemptionShown(**_fields(row))


def _moved(row: Record, account: Account) -> RedemptionMoved:
    return RedemptionMoved(**_fields(row), balance=points_text(account.balance))


def _fields(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "account_id": row["subject"],
        "reward_id": row["reward_id"],
        "quantity": row["quantity"],
        "points": points_text(row["points"]),
        "status": row["status"],
        "created_at": row["created_at"].isoformat(),
        "cancelled_at": row["cancelled_at"] and row["cancelled_at"].isoformat(),
    }


async def _locked(connection: Connection, subject: str) -> Account:
    found = await accounts.lock_existing(connection, [subject])
    if subject not in found:
        raise not_found("account", subject)
    return found[subject]


async def _redeemed(account: Account, order: Order, id: UUID, moves: Moves) -> RedemptionMoved:
    """Check everything, then take points and stock; a Problem has changed nothing."""
    connection = moves.connection
    await freezing.check(connection, account.number)
    reward = await _reserved(connection, account, order, moves.at.now)
    cost = reward["points"] * order.quantity
    _check_cost(account, order, cost)
    await connection.execute(TAKE_STOCK, order.reward_id, order.quantity)
    await connection.execute(
        INSERT, account.number, id, order.reward_id, order.quantity, cost, moves.at.now
    )
    key = moving.key_of("redeemed", id)
    moves.post(account, "redeemed", domain.redeemed(cost), key, f"redeemed:{id}")
    return _moved(await find(connection, id), account)


async def _reserved(
    connection: Connection, account: Account, order: Order, now: datetime
) -> Record:
    """The reward, locked until the end: stock is counted by one at a time."""
    reward = await connection.fetchrow(f"{REWARD} for update", order.reward_id, now)
    if reward is None:
        raise not_found("reward", order.reward_id)
    _check_offered(reward, now)
    if reward["stock"] < order.quantity:
        raise conflict(f"{reward['stock']} left, {order.quantity} wanted", "out-of-stock")
    if reward["per_account"] is not None:
        taken = await connection.fetchval(TAKEN, account.number, order.reward_id)
        if taken + order.quantity > reward["per_account"]:
            detail = f"{reward['per_account']} per account, {taken} redeemed already"
            raise conflict(detail, "limit-per-account")
    return reward


def _check_offered(reward: Record, now: datetime) -> None:
    if reward["offered"]:
        return
    name, begins = reward["id"], reward["valid_from"]
    if begins is not None and begins > now:
        raise conflict(f"Reward {name!r} is offered from {begins.isoformat()}", "reward-not-yet")
    ended = reward["valid_until"].isoformat()
    raise conflict(f"Reward {name!r} was offered until {ended}", "reward-ended")


def _check_cost(account: Account, order: Order, cost: int) -> None:
    need = points_text(cost)
    if order.points not in (None, cost):
        expected = points_text(order.points)
        detail = f"/points: {order.quantity} cost {need} now, not {expected}"
        raise conflict(detail, "price-changed", points=need)
    if account.balance < cost:
        have = points_text(account.balance)
        raise conflict(f"{have} points, {need} needed", "not-enough-points", balance=have)


def _repeated(order: Order, answered: Record) -> Answer:
    if answered["request_hash"] != order.request_hash():
        detail = "came before with another request"
        raise invalid("/header/Idempotency-Key", detail, "idempotency-key-reused")
    return Answer(answered["status"], answered["body"], hit=True)
