"""The audit of a running system: every ledger by itself, then each against what it was made of.

    report = await audit(settings)
    report.wrong, report.in_flight, report.checks

A ledger is read in one snapshot, so what it says of itself is right or wrong at once. Two
services are never read at the same instant: a difference between them counts as wrong only when
what would settle it is neither in the sender's outbox nor in Kafka beyond the receiver's offset.
"""

from tanzhang.audit.report import Check, Difference, Report
from tanzhang.audit.running import WAIT_SECONDS, audit, count

__all__ = ["WAIT_SECONDS", "Check", "Difference", "Report", "audit", "count"]
