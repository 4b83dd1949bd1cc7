"""What an audit tells."""

from dataclasses import dataclass, field


@dataclass(slots=True, frozen=True)
class Difference:
    """A figure that is not what it should be; `account` is the account's subject.

    None: an account whose name was erased, or that has none.
    """

    account: str | None
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        account = self.account or "an account without a name"
        return f"{account}: {self.what}: expected {self.expected}, found {self.found}"


@dataclass(slots=True, frozen=True)
class Check:
    """One comparison: how many accounts and rows it went over, and what did not agree."""

    name: str
    accounts: int
    rows: int
    wrong: list[Difference] = field(default_factory=list)
    in_flight: list[Difference] = field(default_factory=list)
    note: str | None = None


@dataclass(slots=True, frozen=True)
class Report:
    """All checks of an audit."""

    checks: list[Check]

    @property
    def wrong(self) -> int:
        return sum(len(check.wrong) for check in self.checks)

    @property
    def in_flight(self) -> int:
        return sum(len(check.in_flight) for check in self.checks)
