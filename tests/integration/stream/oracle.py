"""What a log of the toy's events must come to, one event at a time and without the engine."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.events.ids import event_key

Said = tuple[Any, ...]


@dataclass
class Expected:
    """Of one account: what is posted in this order, parked, and dead."""

    posted: dict[str, dict[str, Any]] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)
    parked: dict[str, dict[str, Any]] = field(default_factory=dict)
    dead: dict[tuple[bool, bytes], str] = field(default_factory=dict)

    def take(self, event: dict[str, Any]) -> None:
        """The next event of the log; an identity is known once it is posted or parked."""
        standing = self.posted.get(event["id"]) or self.parked.get(event["id"])
        if standing is not None:
            if _said(standing) != _said(event):
                self._die("conflict", event)
            return
        self._decide(event)

    def _decide(self, event: dict[str, Any]) -> None:
        data, id = event["data"], event["id"]
        if data["currency"] == "POISON":
            return self._die("unexpected", event)
        if data["currency"] == "REFUSED":
            return self._die("refused", event)
        amount, named = int(data["amount"]), data.get("reverses")
        if named is not None:
            if named not in self.posted:
                self.parked[id] = event
                return None
            if named in self.reversed or "reverses" in self.posted[named]["data"]:
                return self._die("not_reversible", event)
            self.reversed.add(named)
            amount = -self.amounts[named]
        self.posted[id], self.amounts[id] = event, amount
        for waiting in [e for e in self.parked.values() if e["data"]["reverses"] == id]:
            del self.parked[waiting["id"]]
            self._decide(waiting)
        return None

    def _die(self, reason: str, event: dict[str, Any]) -> None:
        """Dead letters are one per event (and one per failing record); the first reason stays."""
        self.dead.setdefault((reason == "unexpected", msgspec.json.encode(event)), reason)

    def balance(self) -> int:
        return sum(self.amounts.values())

    def entries(self) -> set[tuple[bytes, int]]:
        return {(event_key("urn:bank:toy", id), amount) for id, amount in self.amounts.items()}


def _said(event: dict[str, Any]) -> Said:
    data = event["data"]
    return (
        event["type"],
        event["time"],
        int(data["amount"]),
        data["currency"],
        data.get("reverses"),
    )


def fold(log: list[dict[str, Any]]) -> dict[str, Expected]:
    """By subject. Every account lives on one partition, so `log` may join the partitions."""
    accounts: dict[str, Expected] = {}
    for event in log:
        accounts.setdefault(event["subject"], Expected()).take(event)
    return accounts
