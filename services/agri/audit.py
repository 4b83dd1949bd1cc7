"""The audit of the agricultural ledger: entries against facts, balances against entries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from services.agri.domain.book import Book
from services.agri.domain.entries import live
from services.agri.domain.lines import NEUTRALISING, Line
from services.agri.domain.posting import Group, group_of, targets
from services.agri.domain.records import Fact
from services.agri.store.posting import whole_book
from shared.database import Connection
from shared.ledger import Finding
from shared.units.calendar import CITY, Zone

SERVICE = "agri"
BALANCES = "select number, balance from account order by number"
# Quantities are shown to nine places. A further return is the difference of two rounded sums, and
# its months are rounded by running difference: less than a milligram each.
ENTRIES = """
select account, format('entry %s line %s', encode(event_key, 'hex'), line) as what,
    trim_scale(quantity * factor)::text as expected, amount_mg::text as found
from ledger_entry
where abs(amount_mg - quantity * factor) > 2 + abs(factor) / 1e9
order by account, event_key, line
limit 100
"""


async def audit(connection: Connection, zone: Zone = CITY) -> list[Finding]:
    """Recompute the ledger; run it in one repeatable-read transaction. Empty when all agrees.

    A group is a parcel, year and pathway (a record of its own where records don't add up);
    what its standing facts give by the rules must be what its entries sum up to. A balance is
    the sum of all entries that neutralise; gross emissions are kept apart. Each entry is its
    quantity times its factor.
    """
    book = await whole_book(connection)
    balances = {row[0]: row[1] for row in await connection.fetch(BALANCES)}
    entries = [
        Finding(SERVICE, row["account"], row["what"], f"{row['expected']} mg", f"{row['found']} mg")
        for row in await connection.fetch(ENTRIES)
    ]
    return [*entries, *_orphans(book), *_groups(book), *_balances(book, balances)]


def _orphans(book: Book) -> Iterator[Finding]:
    for account, key in sorted(book.entries.keys() - book.facts.keys()):
        yield Finding(SERVICE, account, f"entries of event {key.hex()}", "a fact", "none")


def _groups(book: Book) -> Iterator[Finding]:
    groups: dict[Group, list[Fact]] = defaultdict(list)
    for fact in book.facts.values():
        groups[group_of(fact)].append(fact)
    for group, facts in sorted(groups.items()):
        standing = [f for f in facts if f.reference not in book.replaced_by]
        wanted = targets(standing)
        expected = sum(line.amount for lines in wanted.values() for line in lines)
        found = sum(_amounts(book, facts))
        if expected != found:
            yield Finding(SERVICE, group.account, _name(group), f"{expected} mg", f"{found} mg")
        elif differing := _differing(book, facts, wanted):
            what = f"{_name(group)}: months of event {differing.hex()}"
            yield Finding(SERVICE, group.account, what, "as its facts give", "otherwise split")


def _differing(
    book: Book, facts: Iterable[Fact], wanted: Mapping[bytes, Sequence[Line]]
) -> bytes | None:
    """The first event whose standing lines are not the wanted ones, factor versions aside."""
    for fact in facts:
        standing = [entry.line for entry in live(book.entries.get(fact.reference, ()))]
        if sorted(map(_posting, standing)) != sorted(map(_posting, wanted.get(fact.key, ()))):
            return fact.key
    return None


def _posting(line: Line) -> tuple[date, str, str, int]:
    return (line.month, line.pathway, line.parcel, line.amount)


def _amounts(book: Book, facts: Iterable[Fact]) -> Iterator[int]:
    for fact in facts:
        for entry in book.entries.get(fact.reference, ()):
            yield entry.line.amount


def _balances(book: Book, balances: dict[int, int]) -> Iterator[Finding]:
    sums: dict[int, int] = defaultdict(int)
    for (account, _), entries in book.entries.items():
        sums[account] += sum(e.line.amount for e in entries if e.line.pathway in NEUTRALISING)
    for account in sorted(balances.keys() | sums.keys()):
        expected, found = sums.get(account, 0), balances.get(account, 0)
        if expected != found:
            yield Finding(SERVICE, account, "balance", f"{expected} mg", f"{found} mg")


def _name(group: Group) -> str:
    parts = [group.pathway, str(group.year), f"parcel {group.parcel}"]
    return " ".join(parts + ([f"event {group.key.hex()}"] if group.key else []))
