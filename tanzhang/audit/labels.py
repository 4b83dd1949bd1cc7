"""What grading grades against the accounts of industrial and agri."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial

from services.agri.domain.size import Size
from services.agri.handler import exact_decimal
from services.agri.store.posting import whole_book
from services.grading.audit import AccountFigures, graded_figures, labels_against_accounts
from shared.database import Connection
from tanzhang.audit.comparison import Crossing, Gap, Look, Message
from tanzhang.audit.report import Difference
from tanzhang.audit.snapshot import Snapshot

# From the entries, not from the sums that the services keep of them.
INDUSTRIAL = """
select s.subject, extract(year from e.month)::int as year, sum(case
        when e.category in ('energy', 'process') then e.amount_mg
        when e.category = 'avoided' then -e.amount_mg
        else 0 end) * 0.000000001 as total_t,
    coalesce(sum(e.quantity) filter (where e.category = 'output'), 0) as output
from ledger_entry e join subject s on s.account = e.account
group by s.subject, year
"""
AGRI = """
with entries as (
    select account, year,
        sum(amount_mg) filter (where pathway <> 'gross') as neutralised,
        sum(amount_mg) filter (where pathway = 'gross') as gross
    from ledger_entry group by account, year
), recorded as (
    select account, year from fact union select account, year from entries
)
select r.account, s.subject, r.year, coalesce(e.neutralised, 0) * 0.000000001 as total_t,
    coalesce(e.gross, 0) * 0.000000001 as gross_t
from recorded r
join subject s on s.account = r.account
left join entries e on e.account = r.account and e.year = r.year
"""

Figures = Callable[[Connection], Awaitable[list[AccountFigures]]]


async def industrial_figures(connection: Connection) -> list[AccountFigures]:
    """Every enterprise and year that has entries."""
    return [
        AccountFigures(f"industrial:{row[0]}", row[1], 0, 0, row[2], output=row[3])
        for row in await connection.fetch(INDUSTRIAL)
    ]


async def agri_figures(connection: Connection) -> list[AccountFigures]:
    """Every farm and year that has records."""
    sizes = (await whole_book(connection)).sizes()
    found = []
    for account, subject, year, total, gross in await connection.fetch(AGRI):
        size = sizes.get((account, year), Size())
        per = exact_decimal(size.area_ha), exact_decimal(size.head_days)
        found.append(AccountFigures(f"agri:{subject}", year, 0, 0, total, gross, None, *per))
    return found


async def compare(
    kind: str,
    figures: Figures,
    sender: Snapshot,
    grading: Snapshot,
    subjects: Sequence[str] | None,
) -> Look:
    """Every account and year is graded by the figures that its own ledger has."""
    chosen = None if subjects is None else frozenset(subjects)
    accounts = _narrowed(kind, await figures(sender.connection), chosen)
    graded = _narrowed(kind, await graded_figures(grading.connection), chosen)
    look = Look(len({account.subject for account in accounts}), len(accounts))
    look.gaps += _gaps(accounts, graded)
    return look


def names(kind: str, message: Message) -> Sequence[str]:
    """A state by its account and year: a later one settles what an earlier one left."""
    return (f"{kind}:{message.subject} {message.data.get('year')}",)


def _crossing(kind: str, topic: str, figures: Figures) -> Crossing:
    return Crossing(
        f"grading against {kind}",
        kind,
        "grading",
        topic,
        partial(compare, kind, figures),
        partial(names, kind),
    )


CROSSINGS = (
    _crossing("industrial", "industrial-accounts", industrial_figures),
    _crossing("agri", "agri-accounts", agri_figures),
)


def _narrowed(
    kind: str, figures: Iterable[AccountFigures], chosen: frozenset[str] | None
) -> list[AccountFigures]:
    return [
        f
        for f in figures
        if f.subject.startswith(f"{kind}:") and (chosen is None or f.subject in chosen)
    ]


def _gaps(accounts: Sequence[AccountFigures], graded: Sequence[AccountFigures]) -> Iterator[Gap]:
    for finding in labels_against_accounts(accounts, graded):
        yield _gap(finding.what, finding.expected, finding.found)
    known = {(account.subject, account.year) for account in accounts}
    for figures in graded:
        if (figures.subject, figures.year) not in known:
            yield _gap(f"{figures.subject} {figures.year}", "no account", "graded")


def _gap(name: str, expected: str, found: str) -> Gap:
    subject, _, year = name.rpartition(" ")
    return Gap(
        Difference(subject, f"figures graded for {year}", expected, found), frozenset((name,))
    )
