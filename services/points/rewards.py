"""What points buy: offers, and what comes onto the shelf."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from asyncpg import Record

from shared.database import Connection, Pool
from shared.http.answers import Answer, Listing, Points, Timestamp, sample
from shared.http.paging import Page
from shared.http.problems import conflict, invalid, not_found
from shared.units.amount import points_text

STOCK_MAX = 1_000_000_000
# An offer begins at `valid_from` and has ended at `valid_until`.
OFFERED = """
(valid_from is null or valid_from <= {now}) and (valid_until is null or valid_until > {now})
"""
FIELDS = "id, name, name_zh, points, stock, per_account, valid_from, valid_until"
GET = f"select {FIELDS}, {OFFERED.format(now='$2')} as offered from reward where id = $1"
LIST = f"""
select * from (
    select {FIELDS}, {OFFERED.format(now="$1")} as offered from reward where id > $2
) r
where $3::boolean is null or (offered and stock > 0) = $3 order by id limit $4
"""
PUT = """
insert into reward
    (id, name, name_zh, points, stock, per_account, valid_from, valid_until, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (id) do update set name = excluded.name, name_zh = excluded.name_zh,
    points = excluded.points, per_account = excluded.per_account,
    valid_from = excluded.valid_from, valid_until = excluded.valid_until,
    updated_at = excluded.updated_at
returning (xmax = 0) as created
"""
FIRST = ""
DELIVER = """
insert into delivery (reward_id, reference, quantity, delivered_by, delivered_at)
values ($1, $2, $3, $4, $5) on conflict do nothing returning true
"""
DELIVERED = "select quantity from delivery where reward_id = $1 and reference = $2"
LOCK = "select stock from reward where id = $1 for update"
ADD = "update reward set stock = stock + $2, updated_at = $3 where id = $1"


class RewardShown(Answer, frozen=True, kw_only=True):
    """What a reward costs and what is left of it; `available`: in stock and offered now."""

    id: Annotated[str, sample("bag")]
    name: Annotated[str, sample("Cloth bag")]
    name_zh: Annotated[str, sample("布袋")] | None
    points: Points
    stock: int
    per_account: int | None
    valid_from: Timestamp | None
    valid_until: Timestamp | None
    available: bool


@dataclass(slots=True, frozen=True)
class Offer:
    """A reward as an operator offers it; `points` milli-points per item."""

    id: str
    name: str
    name_zh: str | None
    points: int
    stock: int
    per_account: int | None
    valid_from: datetime | None
    valid_until: datetime | None


@dataclass(slots=True, frozen=True)
class Delivery:
    """`quantity` items more (or fewer) on the shelf, once per reference."""

    reward_id: str
    reference: str
    quantity: int
    by: str


async def put(pool: Pool, offer: Offer, by: str, now: datetime) -> bool:
    """Make or change an offer; True when it is new.

    `stock` is what the offer begins with: redemptions run, so that a stock that somebody has read
    and writes back would undo them. Another one than the first is a 409.
    """
    async with pool.acquire() as connection, connection.transaction():
        created: bool = await connection.fetchval(
            PUT, offer.id, offer.name, offer.name_zh, offer.points, offer.stock,
            offer.per_account, offer.valid_from, offer.valid_until, now,
        )  # fmt: skip
        first = Delivery(offer.id, FIRST, offer.stock, by)
        if not await _recorded(connection, first, now):
            began_with = await connection.fetchval(DELIVERED, offer.id, FIRST)
            if began_with != offer.stock:
                raise conflict(
                    f"/stock: the offer began with {began_with}; to change what is left, "
                    f"POST /v1/rewards/{offer.id}/stock",
                    "stock-moves",
                )
        return created


async def deliver(pool: Pool, delivery: Delivery, now: datetime) -> None:
    """Change the stock by a delivery; the same one again changes nothing."""
    async with pool.acquire() as connection, connection.transaction():
        stock = await connection.fetchval(LOCK, delivery.reward_id)
        if stock is None:
            raise not_found("reward", delivery.reward_id)
        if not await _recorded(connection, delivery, now):
            await _check_repeated(connection, delivery)
            return
        if not 0 <= stock + delivery.quantity <= STOCK_MAX:
            detail = f"{stock} in stock, {delivery.quantity} to add: expected 0 to {STOCK_MAX}"
            raise conflict(detail, "stock-out-of-range", stock=stock)
        await connection.execute(ADD, delivery.reward_id, delivery.quantity, now)


async def get(pool: Pool, id: str, now: datetime) -> RewardShown:
    """A reward, or 404."""
    row = await pool.fetchrow(GET, id, now)
    if row is None:
        raise not_found("reward", id)
    return _shown(row)


async def listed(
    pool: Pool, page: Page, available: bool | None, now: datetime
) -> Listing[RewardShown]:
    """Rewards by id; `available`: in stock and offered now, or not."""
    after = page.after(tuple[str]) or ("",)
    rows = await pool.fetch(LIST, now, *after, available, page.limit + 1)
    return page.listing(rows, _shown, lambda row: (row["id"],))


def _shown(row: Record) -> RewardShown:
    return RewardShown(
        id=row["id"],
        name=row["name"],
        name_zh=row["name_zh"],
        points=points_text(row["points"]),
        stock=row["stock"],
        per_account=row["per_account"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        available=row["offered"] and row["stock"] > 0,
    )


async def _recorded(connection: Connection, delivery: Delivery, now: datetime) -> bool:
    """False when this reference has come before."""
    new: bool | None = await connection.fetchval(
        DELIVER, delivery.reward_id, delivery.reference, delivery.quantity, delivery.by, now
    )
    return bool(new)


async def _check_repeated(connection: Connection, delivery: Delivery) -> None:
    before = await connection.fetchval(DELIVERED, delivery.reward_id, delivery.reference)
    if before != delivery.quantity:
        detail = f"{delivery.reference!r} has come before with {before}"
        raise invalid("/reference", detail, "reference-reused")
