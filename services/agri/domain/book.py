"""The book of the accounts and years that a batch touches: its facts, and what they post."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.agri.domain import claims
from services.agri.domain.account import Totals, totals
from services.agri.domain.entries import Entry, corrections
from services.agri.domain.lines import Pathway
from services.agri.domain.posting import Group, group_of, targets
from services.agri.domain.records import Fact, Reference, Refused
from services.agri.domain.size import Size, size

Parcel = tuple[int, int, str]


@dataclass(slots=True)
class Book:
    """A working copy. `replaced_by` names the successor of a fact that no longer counts."""

    facts: dict[Reference, Fact] = field(default_factory=dict)
    replaced_by: dict[Reference, bytes] = field(default_factory=dict)
    entries: dict[Reference, list[Entry]] = field(default_factory=dict)
    admitted: list[Fact] = field(default_factory=list)
    replaced: list[Reference] = field(default_factory=list)
    _touched: dict[Group, bytes] = field(default_factory=dict)
    _parcels: dict[Parcel, dict[Reference, Fact]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for reference, fact in self.facts.items():
            if reference not in self.replaced_by:
                self._stand(fact)

    def knows(self, reference: Reference) -> bool:
        return reference in self.facts

    def admit(self, fact: Fact, target: bytes | None = None) -> None:
        """Take a fact, in place of `target` (a known one) when given; may raise Refused."""
        old = self.facts[(fact.account, target)] if target else None
        if old:
            self._check_free(fact, old)
        claims.check(fact, (rival for rival in self._rivals(fact) if rival is not old))
        if old:
            self._replace(old, fact)
        self.facts[fact.reference] = fact
        self.admitted.append(fact)
        self._stand(fact)
        self._touched[group_of(fact)] = fact.key

    def years(self) -> list[tuple[int, int]]:
        """The (account, year) pairs that the admitted facts change."""
        return sorted({(group.account, group.year) for group in self._touched})

    def settle(self, sequences: dict[tuple[int, int], int]) -> list[Entry]:
        """The entries that bring every touched group to its target; also put in the book."""
        members: dict[Group, list[Fact]] = {group: [] for group in self._touched}
        for fact in self.facts.values():
            group = group_of(fact)
            if group in members:
                members[group].append(fact)
        posted = []
        for group, cause in self._touched.items():
            sequence = sequences[(group.account, group.year)]
            posted += self._settle(members[group], cause, sequence)
        return posted

    def totals(self) -> dict[tuple[int, int], Totals]:
        """What the entries of each (account, year) sum up to."""
        amounts: dict[tuple[int, int], list[tuple[Pathway, int]]] = defaultdict(list)
        for (account, _), entries in self.entries.items():
            for entry in entries:
                amounts[(account, entry.year)].append((entry.line.pathway, entry.line.amount))
        return {pair: totals(found) for pair, found in amounts.items()}

    def sizes(self) -> dict[tuple[int, int], Size]:
        """How large each account was in a year, by its standing facts."""
        standing: dict[tuple[int, int], list[Fact]] = defaultdict(list)
        for reference, fact in self.facts.items():
            if reference not in self.replaced_by:
                standing[(fact.account, fact.year)].append(fact)
        return {pair: size(facts) for pair, facts in standing.items()}

    def _settle(self, members: list[Fact], cause: bytes, sequence: int) -> list[Entry]:
        standing = [f for f in members if f.reference not in self.replaced_by]
        wanted = targets(standing)
        posted = []
        for fact in sorted(members, key=lambda fact: fact.order):
            reference = fact.reference
            entries = self.entries.setdefault(reference, [])
            new = corrections(
                reference,
                entries,
                wanted.get(fact.key, []),
                cause=self._cause(reference, cause),
                sequence=sequence,
            )
            entries += new
            posted += new
        return posted

    def _cause(self, reference: Reference, latest: bytes) -> bytes:
        """An event causes its first entries itself, its end is caused by its successor."""
        if not self.entries[reference]:
            return reference[1]
        return self.replaced_by.get(reference, latest)

    def _check_free(self, fact: Fact, old: Fact) -> None:
        successor = self.replaced_by.get(old.reference)
        if successor is not None:
            raise Refused(
                "already_replaced",
                f"/data/replaces: {old.name!r} has been replaced already, by "
                f"{self._name(old.account, successor)!r}; name that one",
            )

    def _name(self, account: int, key: bytes) -> str:
        known = self.facts.get((account, key))
        return known.name if known else f"event {key.hex()}"

    def _rivals(self, fact: Fact) -> Iterator[Fact]:
        """What claims the parcel, in the years that matter to the fact."""
        for year in claims.years(fact.record, fact.year):
            yield from self._parcels.get((fact.account, year, fact.record.parcel_id), {}).values()

    def _stand(self, fact: Fact) -> None:
        if claims.claims(fact.record):
            self._parcels.setdefault(_parcel(fact), {})[fact.reference] = fact

    def _replace(self, old: Fact, fact: Fact) -> None:
        self.replaced_by[old.reference] = fact.key
        self.replaced.append(old.reference)
        self._touched[group_of(old)] = fact.key
        self._parcels.get(_parcel(old), {}).pop(old.reference, None)


def _parcel(fact: Fact) -> Parcel:
    return (fact.account, fact.year, fact.record.parcel_id)
