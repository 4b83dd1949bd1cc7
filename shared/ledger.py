"""What an audit of a ledger reports."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Finding:
    """A figure that is not what the ledger's own rows say; `account` is the internal number."""

    service: str
    account: int | None
    what: str
    expected: str
    found: str
