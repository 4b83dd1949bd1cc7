"""The audit of a whole system."""

from collections.abc import Callable, Sequence

from shared.settings import DOMAIN_SERVICES, Settings
from tanzhang.audit.comparison import Crossing
from tanzhang.audit.crossings import CROSSINGS, cross
from tanzhang.audit.ledgers import ledger
from tanzhang.audit.report import Check, Report

WAIT_SECONDS = 30.0


def _ignore(_: Check) -> None:
    pass


async def audit(
    settings: Settings,
    services: Sequence[str] = DOMAIN_SERVICES,
    *,
    wait_seconds: float = WAIT_SECONDS,
    on_check: Callable[[Check], None] = _ignore,
) -> Report:
    """Audit these services, and those pairs of them that depend on each other.

    What is under way between two services is waited for, `wait_seconds` at the most for each
    pair. AuditError when a database has no tables, SettingsError when one is not named.
    """
    checks: list[Check] = []
    for service in services:
        checks.append(await ledger(settings, service))
        on_check(checks[-1])
    for crossing in _between(services):
        checks.append(await cross(settings, crossing, wait_seconds))
        on_check(checks[-1])
    return Report(checks)


def count(services: Sequence[str]) -> int:
    """How many checks that is."""
    return len(services) + len(_between(services))


def _between(services: Sequence[str]) -> list[Crossing]:
    return [one for one in CROSSINGS if {one.sender, one.receiver} <= set(services)]
