"""After an unclean stop: what the lost broker had, said again from the ledgers."""

from datetime import UTC, datetime

from shared.settings import DOMAIN_SERVICES, Settings
from tanzhang.re_emission import re_emit


async def after_unclean_stop(settings: Settings, since: datetime) -> list[str]:
    """Put what each service has emitted since `since` into its outbox again.

    Ids are derived from the causes, so what consumers know already changes nothing.
    Runs after migrations and before any service, sources of events first; returns the services
    that had something to say.
    """
    now = datetime.now(UTC)
    return [service for service in DOMAIN_SERVICES if await re_emit(settings, service, since, now)]
