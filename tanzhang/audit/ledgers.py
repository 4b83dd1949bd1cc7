"""Each service's own audit, in one snapshot of it."""

from collections.abc import Sequence
from importlib import import_module

from shared.ledger import Finding
from shared.settings import Settings
from shared.units.calendar import Zone
from tanzhang.audit.report import Check, Difference
from tanzhang.audit.snapshot import Snapshot, snapshot

# What a service keeps its accounts in.
LEDGERS = {
    "industrial": "ledger_entry",
    "agri": "ledger_entry",
    "personal": "ledger_entry",
    "grading": "label",
    "points": "posting",
}
NAMES = "select account, subject from subject where account = any($1::bigint[])"


async def ledger(settings: Settings, service: str) -> Check:
    """The service's ledger against its own rows."""
    module = import_module(f"services.{service}.audit")
    async with snapshot(settings, service) as taken:
        findings: list[Finding] = await module.audit(taken.connection, Zone(settings.tanzhang_zone))
        return Check(
            f"{service}: ledger",
            await taken.connection.fetchval("select count(*) from account"),
            await taken.connection.fetchval(f"select count(*) from {LEDGERS[service]}"),
            await _named(taken, findings),
        )


async def _named(taken: Snapshot, findings: Sequence[Finding]) -> list[Difference]:
    """Findings under the names that the accounts have outside."""
    numbers = sorted({finding.account for finding in findings if finding.account is not None})
    names = {row[0]: row[1] for row in await taken.connection.fetch(NAMES, numbers)}
    return [
        Difference(
            None if finding.account is None else names.get(finding.account),
            finding.what,
            finding.expected,
            finding.found,
        )
        for finding in findings
    ]
