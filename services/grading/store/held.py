"""What grading keeps of accounts, and what a decision writes."""

from dataclasses import dataclass, field
from datetime import datetime

from services.grading.domain.benchmarks import Benchmark
from services.grading.domain.city import CityMean
from services.grading.domain.farm_peers import FarmPeers
from services.grading.domain.grades import Label
from shared.events.types import AgriAccount, IndustrialAccount, LabelChanged

AccountState = IndustrialAccount | AgriAccount
STATE_TYPES: dict[str, type[IndustrialAccount] | type[AgriAccount]] = {
    "industrial": IndustrialAccount,
    "agri": AgriAccount,
}


@dataclass(slots=True)
class Held:
    """What is stored about the accounts of a batch, by subject and year."""

    states: dict[str, dict[int, AccountState]] = field(default_factory=dict)
    labels: dict[str, dict[int, Label]] = field(default_factory=dict)
    benchmarks: tuple[Benchmark, ...] = ()
    city: dict[int, CityMean] = field(default_factory=dict)
    peers: dict[tuple[int, str], FarmPeers] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class LabelRow:
    """A label of an account; `sector` is carried for lists."""

    account: int
    kind: str
    sector: str
    label: Label


@dataclass(slots=True, frozen=True)
class HistoryRow:
    """A label that is announced, with the data sent, when and why."""

    account: int
    label: Label
    data: LabelChanged
    at: datetime
    cause: str


@dataclass(slots=True)
class Rows:
    """What a decision writes."""

    states: list[tuple[int, AccountState]] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)


def kind_of(state: AccountState) -> str:
    """The kind of account that a state is of."""
    return "industrial" if isinstance(state, IndustrialAccount) else "agri"


def sector_of(state: AccountState) -> str:
    """The sector of an enterprise, the type of a farm."""
    return state.sector if isinstance(state, IndustrialAccount) else state.type
