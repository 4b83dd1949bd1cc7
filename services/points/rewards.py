"""Rewards, redemptions and cancellations: balance and stock never go below zero."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from asyncpg import Record

from services.points import domain, handler, store
from services.points.domain import Movement
from services.points.store import Rows, State
from shared.database import Connection, Pool
from shared.http.problems import Problem, conflict, not_found
from shared.stream import accounts
from shared.stream.poster import Poster
from shared.stream.service import Account
from shared.units.amount import points_text

REDEEMED = "cn.tanzhang.points.redeemed.v1"

PUT = """
insert into reward (id, name, points, stock, per_account, valid_until, updated_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (id) do update set name = excluded.name, points = excluded.points,
    stock = excluded.stock, per_account = excluded.per_account,
    valid_until = excluded.valid_until, updated_at = excluded.updated_at
returning (xmax = 0) as created
"""
GET = "select id, name, points, stock, per_account, valid_until from reward where id = $1"
TAKEN = """
select coalesce(sum(quantity), 0) from redemption
where account = $1 and reward_id = $2 and status = 'redeemed'
"""
TAKE_STOCK = "update reward set stock = stock - $2 where id = $1"
INSERT = """
insert into redemption (account, id, reward_id, quantity, points, status, created_at)
values ($1, $2, $3, $4, $5, 'redeemed', $6)
"""
OWNER = """
select s.subject from redemption r join subject s on s.account = r.account where r.id = $1
"""
FOR_UPDATE = "select * from redemption where account = $1 and id = $2 for update"
CANCEL = """
update redemption set status = 'cancelled', cancelled_at = $3 where account = $1 and id = $2
"""
IN_FLIGHT = "select pg_try_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 3))"
ANSWERED = "select request_hash, body from idempotency where client = $1 and key = $2"
REMEMBER = """
insert into idempotency (client, key, account, request_hash, body, created_at)
values ($1, $2, $3, $4, $5, $6)
"""


@dataclass(slots=True, frozen=True)
class Order:
    """What a member wants, and under which key of which client."""

    client: str
    key: str
    account_id: str
    reward_id: str
    quantity: int

    def request_hash(self) -> bytes:
        """Equal for equal requests."""
        wanted = msgspec.json.encode([self.account_id, self.reward_id, self.quantity])
        return hashlib.blake2b(wanted, digest_size=16).digest()


@dataclass(slots=True, frozen=True)
class Answer:
    """The body of a redemption; `hit` when it is the repeated answer of an earlier request."""

    body: dict[str, Any]
    hit: bool = False


async def get(pool: Pool, id: str) -> dict[str, Any]:
    """A reward, or 404."""
    row = await pool.fetchrow(GET, id)
    if row is None:
        raise not_found("reward", id)
    return {**row, "points": points_text(row["points"])}


async def redeem(
    pool: Pool, poster: Poster[Any, Any], order: Order, id: UUID, now: datetime
) -> Answer:
    """Redeem, once per idempotency key. Raises 404, 409 or 422 problems."""
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(IN_FLIGHT, order.client, order.key):
            raise conflict("A request with this Idempotency-Key is in flight", "request-in-flight")
        answered = await connection.fetchrow(ANSWERED, order.client, order.key)
        if answered is not None:
            return _repeated(order, answered)
        account = await _locked(connection, poster, order.account_id)
        reward = await _reserved(connection, account, order, now)
        cost = reward["points"] * order.quantity
        _check_balance(account, cost)
        await connection.execute(TAKE_STOCK, order.reward_id, order.quantity)
        await connection.execute(
            INSERT, account.number, id, order.reward_id, order.quantity, cost, now
        )
        await _move(connection, poster, account, id, "redeemed", domain.redeemed(cost), now)
        body = _body(order, id, cost, "redeemed", account.balance)
        await connection.execute(
            REMEMBER, order.client, order.key, account.number, order.request_hash(), body, now
        )
        return Answer(body)


async def cancel(pool: Pool, poster: Poster[Any, Any], id: UUID, now: datetime) -> dict[str, Any]:
    """Give points and stock back; cancelling again answers the same."""
    subject = await owner(pool, id)
    async with pool.acquire() as connection, connection.transaction():
        account = await _locked(connection, poster, subject)
        row = await connection.fetchrow(FOR_UPDATE, account.number, id)
        if row is None:
            raise not_found("redemption", str(id))
        order = Order("", "", subject, row["reward_id"], row["quantity"])
        if row["status"] == "redeemed":
            claims = await store.load_claims(connection, [account.number])
            movements = domain.credited(row["points"], claims.get(account.number, 0), "redemption")
            await connection.execute(CANCEL, account.number, id, now)
            await connection.execute(TAKE_STOCK, row["reward_id"], -row["quantity"])
            await _move(connection, poster, account, id, "cancelled", movements, now)
        return _body(order, id, row["points"], "cancelled", account.balance)


async def owner(pool: Pool, id: UUID) -> str:
    """Whose redemption it is, or 404."""
    subject: str | None = await pool.fetchval(OWNER, id)
    if subject is None:
        raise not_found("redemption", str(id))
    return subject


async def _locked(connection: Connection, poster: Poster[Any, Any], subject: str) -> Account:
    if await accounts.find(connection, subject) is None:
        raise not_found("account", subject)
    return (await poster.lock(connection, [subject]))[subject]


async def _reserved(
    connection: Connection, account: Account, order: Order, now: datetime
) -> Record:
    """The reward, locked until the end: stock is counted by one at a time."""
    reward = await connection.fetchrow(GET + " for update", order.reward_id)
    if reward is None:
        raise not_found("reward", order.reward_id)
    if reward["valid_until"] is not None and reward["valid_until"] < now:
        raise conflict(f"Reward {order.reward_id!r} is no longer offered", "reward-ended")
    if reward["stock"] < order.quantity:
        raise conflict(f"{reward['stock']} left, {order.quantity} wanted", "out-of-stock")
    if reward["per_account"] is not None:
        taken = await connection.fetchval(TAKEN, account.number, order.reward_id)
        if taken + order.quantity > reward["per_account"]:
            detail = f"{reward['per_account']} per account, {taken} redeemed already"
            raise conflict(detail, "limit-per-account")
    return reward


def _check_balance(account: Account, cost: int) -> None:
    if account.balance < cost:
        have, need = points_text(account.balance), points_text(cost)
        raise conflict(f"{have} points, {need} needed", "not-enough-points", balance=have)


async def _move(
    connection: Connection,
    poster: Poster[Any, Any],
    account: Account,
    id: UUID,
    kind: Literal["redeemed", "cancelled"],
    movements: list[Movement],
    now: datetime,
) -> None:
    """Post what an API request moves, as the worker would."""
    rows = Rows()
    state = State(await store.load_claims(connection, [account.number]))
    handler.apply(account, state.claims, rows.claims, movements)
    key = hashlib.blake2b(kind.encode() + id.bytes, digest_size=16).digest()
    cause = f"{kind}:{id}"
    account.next_sequence()
    rows.postings += store.postings(account, key, kind, movements, cause, now, now)
    points = sum(movement.points for movement in movements)
    type = REDEEMED if kind == "redeemed" else handler.CREDITED
    outgoing = [handler.moved(type, account, points, cause, key, now)]
    await poster.service.write(connection, rows)
    await poster.save(connection, [account], outgoing, now)


def _repeated(order: Order, answered: Record) -> Answer:
    if answered["request_hash"] != order.request_hash():
        raise Problem(
            "idempotency-key-reused", 422, "This Idempotency-Key came before with another request"
        )
    return Answer(answered["body"], hit=True)


def _body(order: Order, id: UUID, points: int, status: str, balance: int) -> dict[str, Any]:
    return {
        "id": str(id),
        "account_id": order.account_id,
        "reward_id": order.reward_id,
        "quantity": order.quantity,
        "points": points_text(points),
        "status": status,
        "balance": points_text(balance),
    }
