"""A batch of farm records in, a decision out."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Context, Decimal
from fractions import Fraction

from services.agri.domain import claims, posting
from services.agri.domain.account import Totals
from services.agri.domain.farms import Version, in_year
from services.agri.domain.records import Fact, Refused, check_parcel, period
from services.agri.domain.size import Size
from services.agri.store import posting as store
from services.agri.store.posting import Rows, State
from shared.database import Connection
from shared.events.envelope import Event, Outgoing
from shared.events.ids import state_id
from shared.events.types import AgriAccount, FarmRecord
from shared.stream.service import Account, Batch, Decision, waits_for_event
from shared.units.amount import ratio_text, tonnes_text
from shared.units.calendar import Zone

OUTPUT_TOPIC = "agri-accounts"
OUTPUT_TYPE = "cn.tanzhang.agri.account.v1"
SOURCE = "urn:tanzhang:agri"
WAITS_FOR_FARM = "farm"
EXACT = Context(prec=200)


async def load(connection: Connection, batch: Batch, *, zone: Zone) -> State:
    """What is known of the farms, years and replaced records that the batch names."""
    years, named = [], []
    for event in batch.events:
        number = batch.account(event).number
        target = event.target()
        if target:
            named.append((number, target))
        if isinstance(event.data, FarmRecord):
            years += _years(number, event.data, zone)
    return await store.load(connection, batch.accounts, years, named)


def decide(batch: Batch, state: State, *, zone: Zone) -> Decision[Rows]:
    """Post what can be counted; park records of unregistered farms or of unknown targets."""
    decision = Decision(Rows(batch.now))
    pending = [event for event in batch.events if _farm_known(event, state, decision)]
    # A record may come before the one that it replaces: again, until nothing more is known.
    before = len(pending) + 1
    while len(pending) < before:
        before, later = len(pending), []
        for event in pending:
            if _target_known(event, batch, state):
                _admit(event, batch, state, decision, zone)
            else:
                later.append(event)
        pending = later
    for event in pending:
        decision.park(event, waits_for_event(event.target() or b""))
    _post(batch, state, decision)
    return decision


def account_state(
    account: Account,
    sequence: int,
    year: int,
    totals: Totals,
    size: Size,
    versions: Sequence[Version],
    now: datetime,
) -> Outgoing:
    """The state event of an account and year; `sequence` is one of the account's own."""
    farm = in_year(versions, year)
    ratio = totals.ratio
    return Outgoing(
        type=OUTPUT_TYPE,
        subject=account.subject,
        id=state_id(OUTPUT_TOPIC, account.subject, year, account.epoch, sequence),
        source=SOURCE,
        time=now,
        data=AgriAccount(
            epoch=account.epoch,
            sequence=sequence,
            year=year,
            type=farm.type,
            district=farm.district,
            straw_t=_tonnes(totals.straw),
            soil_t=_tonnes(totals.soil),
            manure_t=_tonnes(totals.manure),
            neutralised_t=_tonnes(totals.neutralised),
            gross_t=_tonnes(totals.gross),
            ratio=None if ratio is None else Decimal(ratio_text(ratio)),
            area_ha=exact_decimal(size.area_ha),
            head_days=exact_decimal(size.head_days),
        ),
    )


def _farm_known(event: Event, state: State, decision: Decision[Rows]) -> bool:
    known = event.subject in state.farms
    if not known:
        decision.park(event, WAITS_FOR_FARM)
    return known


def _target_known(event: Event, batch: Batch, state: State) -> bool:
    target = event.target()
    if target is None or target == event.key:
        return True
    return state.book.knows((batch.account(event).number, target))


def _admit(
    event: Event,
    batch: Batch,
    state: State,
    decision: Decision[Rows],
    zone: Zone,
) -> None:
    try:
        fact = _fact(event, batch.account(event).number, zone)
        posting.check(fact)
        state.book.admit(fact, event.target())
    except Refused as refused:
        decision.refuse(event, refused.reason, refused.detail)


def _fact(event: Event, account: int, zone: Zone) -> Fact:
    record = event.data
    if not isinstance(record, FarmRecord):
        raise Refused(
            "unknown_type", f"/type: expected cn.tanzhang.farm.record.v1, got {event.type}"
        )
    if event.target() == event.key:
        raise Refused("replaces_itself", "/data/replaces: expected the id of another event")
    check_parcel(record)
    starts, ends = period(record, zone)
    return Fact(
        account=account,
        key=event.key,
        content=event.content,
        source=event.source,
        id=event.id,
        time=event.time,
        starts=starts,
        ends=ends,
        record=record,
    )


def _post(batch: Batch, state: State, decision: Decision[Rows]) -> None:
    """Entries, balances and states of everything that was admitted."""
    book, rows = state.book, decision.rows
    accounts = {account.number: account for account in batch.accounts.values()}
    years = sorted(book.years(), key=lambda pair: (accounts[pair[0]].subject, pair[1]))
    # The entries of a year carry the sequence of the state that first shows them.
    sequences = {pair: accounts[pair[0]].next_sequence() for pair in years}
    rows.facts = book.admitted
    rows.replaced = [(reference, book.replaced_by[reference]) for reference in book.replaced]
    rows.entries = book.settle(sequences)
    for entry in rows.entries:
        if entry.line.pathway != "gross":
            accounts[entry.account].add(entry.line.amount)
    totals, sizes = book.totals(), book.sizes()
    for number, year in years:
        account = accounts[number]
        versions = state.farms[account.subject]
        sequence = sequences[(number, year)]
        figures = totals.get((number, year), Totals()), sizes.get((number, year), Size())
        decision.outgoing.append(
            account_state(account, sequence, year, *figures, versions, batch.now)
        )


def _years(number: int, record: FarmRecord, zone: Zone) -> list[tuple[int, int]]:
    try:
        year = period(record, zone)[0].year
    except Refused:
        return []
    return [(number, found) for found in claims.years(record, year)]


def exact_decimal(value: Fraction) -> Decimal:
    """A sum of decimals, as one."""
    return EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _tonnes(mg: int) -> Decimal:
    return Decimal(tonnes_text(mg))
