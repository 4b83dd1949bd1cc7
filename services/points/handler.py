"""A batch of reductions in, points out: 1 point for 1 gram."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from services.points import aging, domain, store
from services.points.domain import Moment, Movement
from services.points.store import Rows, State
from shared import erasure
from shared.database import Connection
from shared.erasure import Erasure
from shared.events.envelope import Event, Outgoing
from shared.events.ids import derived_id
from shared.events.types import PersonalErased, PersonalReduction, PointsMoved
from shared.events.types import State as Position
from shared.settings import Settings
from shared.stream.service import Account, Batch, Decision
from shared.units.calendar import Zone

SOURCE = "urn:tanzhang:points"
ERASED = "cn.tanzhang.personal.erased.v1"
CREDITED = "cn.tanzhang.points.credited.v1"
REVERSED = "cn.tanzhang.points.reversed.v1"


async def screen(
    settings: Settings, connection: Connection, events: Sequence[Event]
) -> Sequence[Event]:
    """Leave out what an erased account had sent before its erasure."""
    return await erasure.screened(connection, settings, events, _is_older)


async def load(zone: Zone, connection: Connection, batch: Batch) -> State:
    """What the batch's members owe, and what of the reversed points may have expired."""
    numbers = [account.number for account in batch.accounts.values()]
    reversing = {
        (batch.account(event).number, event.data.occurred_at)
        for event in batch.events
        if isinstance(event.data, PersonalReduction) and event.data.reduction_g < 0
    }
    return State(
        await store.load_claims(connection, numbers),
        await aging.load_expired(connection, reversing, zone),
        Moment(batch.now, zone).today.year,
    )


def decide(batch: Batch, state: State) -> Decision[Rows]:
    """Post each reduction, positive or negative; forget who was erased."""
    decision = Decision(Rows())
    for event in batch.events:
        account = batch.account(event)
        if isinstance(event.data, PersonalReduction):
            _post(decision, state, account, event, event.data, batch.now)
        elif isinstance(event.data, PersonalErased):
            _erase(decision, account, event.data, batch.now)
    return decision


def moved(
    type: str,
    account: Account,
    points: int,
    cause: str,
    key: bytes,
    now: datetime,
    due: str | None = None,
) -> Outgoing:
    """The event of a posting, or of one that is due; `points` milli-points, never negative."""
    data = PointsMoved(
        epoch=account.epoch,
        sequence=account.sequence,
        points=Decimal(points).scaleb(-domain.PLACES),
        balance=Decimal(account.balance).scaleb(-domain.PLACES),
        cause=cause,
        due=due,
    )
    id = derived_id(type, account.subject, key.hex())
    return Outgoing(type, account.subject, id, SOURCE, now, data)


def _post(
    decision: Decision[Rows],
    state: State,
    account: Account,
    event: Event,
    data: PersonalReduction,
    now: datetime,
) -> None:
    if account.sequence == 0:
        # A fresh account under an erased name: as new here as it is at the personal service.
        account.epoch = max(account.epoch, data.epoch)
    try:
        amount = domain.milli(data.reduction_g)
    except ValueError as error:
        decision.refuse(event, "not_a_milligram", f"/data/reduction_g: {error}")
        return
    if amount == 0:
        # No posting would remember it: each repetition would be told again.
        decision.refuse(event, "nothing_to_post", "/data/reduction_g: expected other than 0")
        return
    claim = state.claims.get(account.number, 0)
    age = state.ages.get(account.number)
    expired = age.change(data.occurred_at, state.year, amount) if age else 0
    movements = (
        domain.credited(amount, claim)
        if amount > 0
        else domain.reversed_(-amount, account.balance, expired)
    )
    apply(account, state.claims, decision.rows.claims, movements)
    kind, type = ("credited", CREDITED) if amount > 0 else ("reversed", REVERSED)
    at = data.occurred_at
    account.next_sequence()
    decision.rows.postings += store.postings(
        account, event.key, kind, movements, event.id, at, now, event.content
    )
    decision.outgoing.append(moved(type, account, abs(amount), event.id, event.key, at))


def apply(
    account: Account, claims: dict[int, int], changed: dict[int, int], movements: list[Movement]
) -> None:
    """Move a locked account's balance and claim."""
    account.add(domain.change(movements, "member"))
    owed = domain.change(movements, "claim")
    if owed:
        # The claim is a debt: what goes to it settles it.
        claims[account.number] = changed[account.number] = claims.get(account.number, 0) - owed
    assert account.balance >= 0, "a member never has less than nothing"


def _erase(decision: Decision[Rows], account: Account, data: PersonalErased, now: datetime) -> None:
    decision.rows.erased.append((account, Erasure(now, data.epoch, data.sequence)))


def _is_older(event: Event, erased: Erasure) -> bool:
    position = event.data
    return isinstance(position, Position) and (position.epoch, position.sequence) <= (
        erased.epoch,
        erased.sequence,
    )
