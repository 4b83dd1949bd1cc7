"""Versions of registry records: from when one holds, and how they are shown."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request
from pydantic import AwareDatetime

from services.industrial.domain.registry import ALWAYS, Asset, Enterprise, Meter, on_date
from services.industrial.store import registry
from shared.http.problems import not_found
from shared.units.calendar import Zone, local_date

RecordT = TypeVar("RecordT", Enterprise, Asset, Meter)
Known = Annotated[
    AwareDatetime | None,
    Query(description="What was known then, before later corrections: a time with its offset"),
]


def dated(
    record: RecordT, valid_from: date | None, known: Sequence[RecordT], today: date
) -> RecordT:
    """The record from when it holds: as given; else the first always, an unchanged one as before,
    a changed one from today."""
    if valid_from is not None or not known:
        return record._replace(valid_from=valid_from or ALWAYS)
    current = on_date(known, today)
    same = record._replace(valid_from=current.valid_from) == current
    return current if same else record._replace(valid_from=today)


def today(request: Request, now: datetime) -> date:
    return local_date(now, Zone(request.app.state.settings.tanzhang_zone))


def found(what: str, id: str, versions: Sequence[RecordT], on: date | None) -> dict[str, Any]:
    record = registry.version(versions, on)
    if record is None:
        raise not_found(what, id)
    return shown(record, versions)


def shown(record: RecordT, versions: Sequence[RecordT]) -> dict[str, Any]:
    return _fields(record) | {"versions": [_fields(v) for v in versions]}


def _fields(record: RecordT) -> dict[str, Any]:
    starts = None if record.valid_from == ALWAYS else record.valid_from.isoformat()
    return record._asdict() | {"valid_from": starts}
