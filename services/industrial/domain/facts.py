"""Facts: what was reported, one per posted event, and which of two says more."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

QUALITIES = ("estimated", "substituted", "actual")
_RANK = {quality: rank for rank, quality in enumerate(QUALITIES)}
_NO_TIME = datetime.min.replace(tzinfo=UTC)

POSTED = "posted"
SUPERSEDED = "superseded"
REPLACED = "replaced"

# The last reading of a counter that is taken away, and the first of the one in its place.
FINAL = "final"
INITIAL = "initial"

# Where a register reading stands: its time, and 1 when it is the first of another counter.
Place = tuple[datetime, int]

# (rank of the quality, event time, event key, number of replacements behind it): the greater wins.
Claim = tuple[int, datetime, bytes, int]


class Refused(Exception):
    """What can never be posted: `reason` is a word, `detail` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(slots=True, eq=False)
class Fact:
    """A reading, report or activity.

    `slot` names what it tells about (a meter, a product, an activity); two facts of a slot may
    not tell about the same time. `starts` is None for a register reading. Dates are midnight UTC.
    `claim` is set when a replaced fact had a stronger claim than this one has by itself.
    """

    account: int
    key: bytes
    content: bytes
    source: str
    id: str
    kind: str
    slot: str
    starts: datetime | None
    ends: datetime
    time: datetime | None
    quality: str
    value: Decimal
    unit: str
    data: dict[str, object] = field(default_factory=dict)
    claim: Claim | None = None
    state: str = POSTED
    superseded_by: bytes | None = None
    replaced_by: bytes | None = None

    def about(self) -> tuple[str, object]:
        """What a fact that replaces this one has to be about as well: of a product, whose name may
        be corrected in the registry, the asset that makes it."""
        if "product" in self.data:
            return "product", self.data.get("asset_id") or ""
        return self.slot, None

    def stands(self) -> bool:
        """It counts: neither beaten nor replaced."""
        return self.state == POSTED

    @property
    def exchange(self) -> object:
        """final, initial or None: what a register reading says of the counter."""
        return self.data.get("exchange")

    def place(self) -> Place:
        """The place of a register reading: of one time, the old counter's is before the new's."""
        return self.ends, int(self.exchange == INITIAL)

    def period(self) -> str:
        """Its time in words, for refusals."""
        if self.starts is None:
            return f"at {self.ends.isoformat()}"
        return f"[{self.starts.isoformat()}, {self.ends.isoformat()})"


def own_claim(fact: Fact) -> Claim:
    """The claim of a fact by itself: quality, then the later event, then the greater key.

    A reading that tells of an exchange says more than any other of its time.
    """
    rank = _RANK[fact.quality] + (len(QUALITIES) if fact.exchange else 0)
    return (rank, fact.time or _NO_TIME, fact.key, 0)


def claim_of(fact: Fact) -> Claim:
    """The claim with which a fact competes for its interval."""
    return fact.claim or own_claim(fact)


def inherit(fact: Fact, target: Fact) -> None:
    """Let a fact that replaces one of its own interval take its claim when that is the stronger.

    So that whatever the target had beaten stays beaten, in whichever order they came.
    """
    taken = claim_of(target)
    same_interval = (fact.starts, fact.ends) == (target.starts, target.ends)
    if same_interval and own_claim(fact)[:3] < taken[:3]:
        fact.claim = (*taken[:3], taken[3] + 1)


def take_back(fact: Fact, by: Fact) -> None:
    """Mark a fact that another one replaces as a whole."""
    fact.state, fact.replaced_by = REPLACED, by.key


def lose(fact: Fact, to: Fact) -> None:
    """Mark a fact that does not stand because another has the stronger claim."""
    fact.superseded_by = to.key
    if fact.stands():
        fact.state = SUPERSEDED


def worse(first: str, second: str) -> str:
    """The lower of two qualities."""
    return first if _RANK[first] <= _RANK[second] else second
