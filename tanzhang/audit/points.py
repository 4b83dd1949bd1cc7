"""Points against reductions: a milligram saved is a milli-point credited, once."""

from collections.abc import Iterator, Mapping, Sequence

from services.personal.erasure import ERASED
from services.personal.handler import SOURCE, reduction_id
from services.personal.taking_back import taken_back_id
from shared.database import Connection
from shared.events.ids import event_key
from tanzhang.audit.comparison import Crossing, Gap, Look, Message
from tanzhang.audit.report import Difference
from tanzhang.audit.snapshot import Snapshot
from tanzhang.audit.stream import AccountRows, account_rows, next_subject

# Both in the order of bytes, whatever the databases' own: they are read side by side, so that
# only one account at a time is held. An erased account has no name and is left out.
REDUCTIONS = """
select s.subject, e.event_key, e.line, e.epoch, e.amount_mg
from ledger_entry e join subject s on s.account = e.account
where e.amount_mg <> 0 {narrowed}
order by s.subject collate "C"
"""
POSTINGS = """
select s.subject, p.event_key, sum(case
    when p.from_account = 'issuance' then p.points
    when p.to_account = 'issuance' then -p.points
    else 0 end)::bigint, min(p.cause)
from posting p join subject s on s.account = p.account
where p.kind in ('credited', 'reversed') {narrowed}
group by s.subject, p.event_key
order by s.subject collate "C"
"""
NARROWED = "and s.subject = any($1::text[])"


async def compare(personal: Snapshot, points: Snapshot, subjects: Sequence[str] | None) -> Look:
    """Every reduction that is not zero has the posting of its event, of the same amount."""
    look = Look()
    reductions = await _rows(personal.connection, REDUCTIONS, subjects)
    postings = await _rows(points.connection, POSTINGS, subjects)
    while not look.full and (subject := await next_subject(reductions, postings)) is not None:
        saved = {
            event_key(SOURCE, reduction_id(subject, payment, line, epoch)): milligrams
            for _, payment, line, epoch, milligrams in await reductions.take(subject)
        }
        posted = {key: (amount, id) for _, key, amount, id in await postings.take(subject)}
        look.accounts += 1
        look.rows += len(saved)
        look.gaps += _gaps(subject, saved, posted)
    return look


def names(message: Message) -> Sequence[str]:
    """A reduction by its event key; an erasure by its account."""
    if message.type == ERASED:
        return (_erased(message.subject),)
    return (event_key(message.source, message.id).hex(),)


CROSSING = Crossing(
    "points against reductions", "personal", "points", "personal-reductions", compare, names
)


async def _rows(connection: Connection, sql: str, subjects: Sequence[str] | None) -> AccountRows:
    if subjects is None:
        return await account_rows(connection, sql.format(narrowed=""))
    return await account_rows(connection, sql.format(narrowed=NARROWED), subjects)


def _erased(subject: str) -> str:
    return f"erased {subject}"


def _gaps(
    subject: str, saved: Mapping[bytes, int], posted: Mapping[bytes, tuple[int, str]]
) -> Iterator[Gap]:
    """`posted` has milli-points by event, and the event's id."""
    lost = {key: _taking_back(subject, posted[key][1]) for key in posted.keys() - saved.keys()}
    settled = {
        both for key, back in lost.items()
        if back in posted and posted[key][0] == -posted[back][0] for both in (key, back)
    }  # fmt: skip
    for key in sorted((saved.keys() | posted.keys()) - settled):
        expected, found = saved.get(key), posted[key][0] if key in posted else None
        if expected == found:
            continue
        difference = Difference(
            subject,
            f"points of reduction {key.hex()}",
            "none" if expected is None else f"{expected} milli-points",
            "none" if found is None else f"{found} milli-points",
        )
        yield Gap(difference, _settled_by(subject, key, found, lost.get(key)))


def _settled_by(subject: str, key: bytes, found: int | None, back: bytes | None) -> frozenset[str]:
    """What may still come: the reduction itself; of what the ledger has lost, that it is taken
    back, or the erasure of an account that points still knows."""
    if found is None:
        return frozenset((key.hex(),))
    return frozenset() if back is None else frozenset((_erased(subject), back.hex()))


def _taking_back(subject: str, lost: str) -> bytes:
    """The key of the event that takes back a reduction that the ledger has lost."""
    return event_key(SOURCE, taken_back_id(subject, lost))
