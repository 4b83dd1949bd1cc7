"""After an unclean stop: what the lost broker had, said again from the ledgers."""

from datetime import datetime
from importlib import import_module
from importlib.util import find_spec

from shared.settings import DOMAIN_SERVICES, Settings


async def after_unclean_stop(settings: Settings, since: datetime) -> list[str]:
    """Put what each service has emitted since `since` into its outbox again.

    Ids are derived from the causes, so what consumers know already changes nothing.
    Runs after migrations and before any service; returns the services that were asked.
    """
    if find_spec("tanzhang.commands.re_emit") is None:
        return []
    module = import_module("tanzhang.commands.re_emit")
    for service in DOMAIN_SERVICES:
        await module.re_emit(settings, service, since)
    return list(DOMAIN_SERVICES)
