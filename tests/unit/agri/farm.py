"""A farm in memory: posts records through the real rules, keeps what they leave."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.agri import handler
from services.agri.domain.account import Totals
from services.agri.domain.book import Book
from services.agri.domain.entries import Entry
from services.agri.domain.farms import ALWAYS, Version
from services.agri.store.posting import Rows, State
from shared.events.envelope import Event, decode
from shared.stream.service import Account, Batch, Decision
from shared.units.calendar import CITY

NOW = datetime(2021, 3, 1, tzinfo=UTC)
FARM = "farm:sunny"
YEAR = {"start": "2020-01-01", "end": "2021-01-01"}
SOIL = {
    "pathway": "soil_carbon",
    "soil": "LAC",
    "land_use": "annual",
    "tillage_before": "full",
    "tillage_after": "reduced",
    "input_before": "medium",
    "input_after": "high",
}
MANURE = {
    "pathway": "manure_utilisation",
    "animal": "growing_pig",
    "system_before": "pit_long",
    "system_after": "digester",
}


def record(id: str, *, time: str = "2021-01-10T08:00:00+08:00", **data: Any) -> Event:
    """A farm record as the door lets it in; `data` overrides a whole year on parcel p1."""
    envelope = {
        "specversion": "1.0",
        "id": id,
        "source": "bureau",
        "type": "cn.tanzhang.farm.record.v1",
        "subject": FARM,
        "time": time,
        "data": {"parcel_id": "p1", **YEAR, **data},
    }
    return decode(json.dumps(envelope).encode(), strict=False)


def straw(id: str, kg_per_ha: str, area_ha: str = "100", **more: Any) -> Event:
    data = {"pathway": "straw_return", "area_ha": area_ha, "straw_kg_per_ha": kg_per_ha}
    return record(id, **(data | more))


def soil(id: str, area_ha: str = "100", **more: Any) -> Event:
    return record(id, **(SOIL | {"area_ha": area_ha} | more))


def manure(id: str, heads: str = "700", **more: Any) -> Event:
    return record(id, **(MANURE | {"heads": heads} | more))


def emission(id: str, source: str, quantity: str, unit: str, **more: Any) -> Event:
    data = {"pathway": "emission", "source": source, "quantity": quantity, "unit": unit}
    return record(id, **(data | more))


@dataclass
class Farm:
    """What the engine and the database would keep of one registered farm."""

    account: Account = field(default_factory=lambda: Account(7, FARM, 1, 0, 0))
    book: Book = field(default_factory=Book)
    waiting: dict[bytes, Event] = field(default_factory=dict)

    def post(self, events: Iterable[Event], registered: bool = True) -> Decision[Rows]:
        """One batch: repeated events are left out, parked ones are tried again."""
        fresh = {event.key: event for event in [*events, *self.waiting.values()]}
        batch = Batch(
            [event for key, event in fresh.items() if not self.book.knows((7, key))],
            {FARM: self.account},
            NOW,
        )
        farms = {FARM: [Version(ALWAYS, "Sunny", "planting", "kecheng")]} if registered else {}
        book = Book(self.book.facts, self.book.replaced_by, self.book.entries)
        decision = handler.decide(batch, State(book, farms), zone=CITY)
        self.waiting = {parking.event.key: parking.event for parking in decision.parked}
        return decision

    def totals(self, year: int = 2020) -> Totals:
        return self.book.totals().get((7, year), Totals())

    def entries(self) -> list[Entry]:
        return [entry for entries in self.book.entries.values() for entry in entries]
