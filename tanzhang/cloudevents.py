"""CloudEvents as this program posts them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.units.amount import decimal_text

CloudEvent = dict[str, Any]


def cloud_event(
    type: str, *, source: str, id: str, subject: str, time: datetime | str, data: dict[str, Any]
) -> CloudEvent:
    """A structured CloudEvent; fields of `data` that are None are left out.

    Decimals in `data` are written as plain decimal strings.
    """
    return {
        "specversion": "1.0",
        "type": type,
        "source": source,
        "id": id,
        "subject": subject,
        "time": time if isinstance(time, str) else time.isoformat(),
        "datacontenttype": "application/json",
        "data": {name: _plain(value) for name, value in data.items() if value is not None},
    }


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value
