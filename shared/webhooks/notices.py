"""Disabling a subscription, and telling its client so through the others that it has."""

from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from shared.database import Connection
from shared.events.ids import derived_id
from shared.webhooks import deliveries, subscriptions
from shared.webhooks.deliveries import New
from shared.webhooks.rules import NOTICE
from shared.webhooks.subscriptions import Disabled

log = structlog.get_logger()


async def disable(
    connection: Connection, service: str, id: UUID, url: str, now: datetime, reason: str
) -> None:
    """Disable a subscription to this url: `failing` for longer than we are patient, or `gone` (410)."""
    found = await subscriptions.disable(connection, id, url, now, reason)
    if found is None:
        return
    disabled, told = found
    log.warning("subscription_disabled", service=service, subscription=str(id), reason=reason)
    notice = _notice(service, disabled, now, reason)
    await deliveries.add(connection, [notice._replace(subscription=other) for other in told], now)


def _notice(service: str, disabled: Disabled, now: datetime, reason: str) -> New:
    id = derived_id(NOTICE, str(disabled.id), now.isoformat())
    event = {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:tanzhang:{service}",
        "type": NOTICE,
        "subject": str(disabled.id),
        "time": now,
        "datacontenttype": "application/json",
        "data": {
            "url": disabled.url,
            "reason": reason,
            "failing_since": disabled.failing_since,
            "disabled_at": now,
        },
    }
    return New(disabled.id, str(disabled.id), id, NOTICE, msgspec.json.encode(event))
