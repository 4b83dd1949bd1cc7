"""What is sent: the simulated city's payments, encoded beforehand."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import msgspec

from tanzhang.cloudevents import CloudEvent
from tanzhang.simulation.payments import customer_events

SEED = 7
YEAR = 2025
ACCOUNTS = 20_000
DUPLICATE_SHARE = 0.01
# How far behind its first a repetition comes, in records.
REPEATED_AFTER = 2_000
# The simulation itself reverses two in three hundred of its payments.
MORE_REVERSED = 0.004

Record = tuple[bytes, bytes]
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Load:
    """Records (key, value) in the order of sending; `unique` of them are no repetition."""

    records: list[Record] = field(default_factory=list)
    unique: int = 0

    def __len__(self) -> int:
        return len(self.records)


def payments(
    count: int,
    *,
    accounts: int = ACCOUNTS,
    hot_share: float = 0.0,
    seed: int = SEED,
    repeated: float = DUPLICATE_SHARE,
) -> Load:
    """`count` payments of a city's customers, mixed at random; a customer's own keep their order.

    All 18 scenarios in the shares of the simulation, days that go over a cap, one in a hundred
    reversed, one in a hundred sent twice. `hot_share` of them are one customer's.
    """
    chance = Random(f"{seed}:load")
    twice = int(count * repeated)
    events = _mixed(chance, count - twice, accounts, int(count * hot_share), seed)
    fresh = [(event["subject"].encode(), _encode(event)) for event in events]
    return Load(_with_repetitions(chance, fresh, twice), len(fresh))


def _with_repetitions(chance: Random, fresh: list[Record], count: int) -> list[Record]:
    again: dict[int, list[Record]] = {}
    for _ in range(count):
        at = chance.randrange(len(fresh))
        later = min(at + int(chance.expovariate(1 / REPEATED_AFTER)), len(fresh) - 1)
        again.setdefault(later, []).append(fresh[at])
    return [r for at, record in enumerate(fresh) for r in (record, *again.get(at, ()))]


def _mixed(chance: Random, count: int, accounts: int, hot: int, seed: int) -> Iterator[CloudEvent]:
    """Exactly `count` events of customers drawn at random; one more customer has `hot` of them."""
    order = array("I", (chance.randrange(accounts) for _ in range(count - hot)))
    order.extend([accounts] * hot)
    chance.shuffle(order)
    counts = array("I", bytes(4 * (accounts + 1)))
    for index in order:
        counts[index] += 1
    customers = [_customer(seed, index, count) for index, count in enumerate(counts)]
    for index in order:
        yield next(customers[index])


def _customer(seed: int, index: int, count: int) -> Iterator[CloudEvent]:
    """A customer's events, some of them turned into reversals of the one before."""
    chance = Random(f"{seed}:reversals:{index}")
    events = list(customer_events(seed, index, count, YEAR))
    for at in range(1, len(events)):
        around = events[at - 1 : at + 2]
        if chance.random() < MORE_REVERSED and not any("reverses" in e["data"] for e in around):
            named = events[at - 1]
            data = {**named["data"], "reverses": named["id"]}
            events[at] = {**named, "id": events[at]["id"], "data": data}
    yield from events
