"""Points moved on locked accounts by a request or by the clock, posted as the worker would."""

from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from services.points import domain, handler, store
from services.points.domain import Moment, Movement
from services.points.store import Rows
from shared.database import Connection
from shared.events.envelope import Outgoing
from shared.stream.poster import Poster
from shared.stream.service import Account

# The event of each kind of posting: a cancelled redemption is credited.
TYPES = {
    "credited": handler.CREDITED,
    "reversed": handler.REVERSED,
    "redeemed": "cn.tanzhang.points.redeemed.v1",
    "cancelled": handler.CREDITED,
    "expired": "cn.tanzhang.points.expired.v1",
}


@dataclass(slots=True)
class Moves:
    """What has been moved so far in a transaction: claims by account number, rows, events."""

    connection: Connection
    poster: Poster[Any, Any]
    at: Moment
    claims: dict[int, int]
    rows: Rows = field(default_factory=Rows)
    outgoing: list[Outgoing] = field(default_factory=list)

    def post(
        self, account: Account, kind: str, movements: list[Movement], key: bytes, cause: str
    ) -> None:
        """Move points of a locked account under its next sequence."""
        handler.apply(account, self.claims, self.rows.claims, movements)
        account.next_sequence()
        self.rows.postings += store.postings(
            account, key, kind, movements, cause, self.at.now, self.at.now
        )
        points = sum(movement.points for movement in movements)
        self.outgoing.append(handler.moved(TYPES[kind], account, points, cause, key, self.at.now))

    def give_back(self, account: Account, points: int, key: bytes, cause: str) -> None:
        """Return redeemed points; a claim is settled first, as by any credit."""
        movements = domain.credited(points, self.claims.get(account.number, 0), "redemption")
        self.post(account, "cancelled", movements, key, cause)

    async def write(self) -> None:
        """Append the postings so far, for queries that count them."""
        await self.poster.service.write(self.connection, self.rows)
        self.rows = Rows()

    async def save(self, locked: Collection[Account]) -> None:
        """Write what was moved, and the accounts."""
        await self.write()
        await self.poster.save(self.connection, locked, self.outgoing, self.at.now)


async def begin(
    connection: Connection, poster: Poster[Any, Any], locked: Collection[Account], at: Moment
) -> Moves:
    """Nothing moved yet on these locked accounts."""
    claims = await store.load_claims(connection, [account.number for account in locked])
    return Moves(connection, poster, at, claims)


def key_of(*parts: object) -> bytes:
    """The event key of what no event has caused."""
    return blake2b(":".join(map(str, parts)).encode(), digest_size=16).digest()
