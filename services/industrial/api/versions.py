"""Versions of registry records: from when one holds, and how they are shown."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from services.industrial.domain.registry import ALWAYS, Asset, Enterprise, Meter, on_date
from services.industrial.store import registry
from shared.http.answers import Answer
from shared.http.problems import not_found
from shared.units.amount import decimal_text

RecordT = TypeVar("RecordT", Enterprise, Asset, Meter)
ShownT = TypeVar("ShownT", bound=Answer)


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


def found(
    shape: type[ShownT], what: str, id: str, versions: Sequence[RecordT], on: date | None
) -> ShownT:
    """The record as it is shown; Problem 404 without any."""
    record = registry.version(versions, on)
    if record is None:
        raise not_found(what, id)
    return shown(shape, record, versions)


def shown(shape: type[ShownT], record: RecordT, versions: Sequence[RecordT]) -> ShownT:
    """`shape` is a version with the further field `versions`."""
    version = shape.__base__
    assert version is not None
    return shape(**_fields(record), versions=[version(**_fields(one)) for one in versions])


def _fields(record: RecordT) -> dict[str, Any]:
    starts = None if record.valid_from == ALWAYS else record.valid_from.isoformat()
    plain = {
        name: decimal_text(value) if isinstance(value, Decimal) else value
        for name, value in record._asdict().items()
    }
    return plain | {"valid_from": starts}
