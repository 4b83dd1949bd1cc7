"""What every payment gives, once all of them are known (METHODOLOGY 4.2, DESIGN 6)."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from tests.faults.oracle.figures import (
    MG_PER_G,
    PURCHASE_CHANNELS,
    SCENARIOS,
    UNEARNING_CHANNELS,
)
from tests.faults.oracle.told import Identity, Told, local_date, month_of, running

# Account, kind, and the day or month that shares a cap.
Slot = tuple[str, str, date]
SAVING = "electricity_saving"


def given(posted: Mapping[Identity, Told]) -> dict[Identity, int]:
    """Milligrams by event; reversals and what they took back have none."""
    amounts = dict.fromkeys(posted, 0)
    slots = _slots(posted)
    for slot, payments in slots.items():
        factor_mg = SCENARIOS[slot[1]][0] * MG_PER_G
        granted = _saved(slot, slots) if slot[1] == SAVING else _filled(slot[1], payments)
        parts = running([quantity * factor_mg for quantity in granted])
        amounts |= {p.identity: mg for p, mg in zip(payments, parts, strict=True)}
    return amounts


def refusal(event: Told, posted: Mapping[Identity, Told]) -> str | None:
    """Why a payment is a dead letter."""
    named = posted.get(event.target) if event.target else None
    if named is None:
        return None
    return "already_reversed" if named.target is None else "not_a_payment"


def _slots(posted: Mapping[Identity, Told]) -> dict[Slot, list[Told]]:
    """What earns and was not reversed, in the order of (time, event key).

    Of what reports one behaviour only the first.
    """
    reversed_ = {event.target for event in posted.values()}
    slots: dict[Slot, list[Told]] = defaultdict(list)
    reported: set[tuple[str, str]] = set()
    for event in sorted(posted.values(), key=lambda event: event.order):
        if event.target is None and event.identity not in reversed_ and _earns(event):
            if _is_reported(event, reported):
                continue
            day, kind = local_date(event.time), event.data["kind"]
            slots[event.subject, kind, month_of(day) if kind == SAVING else day].append(event)
    return slots


def _is_reported(event: Told, reported: set[tuple[str, str]]) -> bool:
    """Has an earlier one reported this behaviour? It is reported from now on."""
    reference = event.data.get("channel_ref")
    if reference is None:
        return False
    behaviour = event.data["kind"], reference
    before = behaviour in reported
    reported.add(behaviour)
    return before


def _earns(event: Told) -> bool:
    channel = event.data["channel"]
    if event.data["kind"] == "purchase":
        return channel in PURCHASE_CHANNELS
    return channel not in UNEARNING_CHANNELS


def _filled(kind: str, payments: list[Told]) -> list[Fraction]:
    """The cap, used up in order."""
    _, cap, has_quantity = SCENARIOS[kind]
    left, granted = Fraction(cap), []
    for payment in payments:
        granted.append(min(payment.figure("quantity") if has_quantity else Fraction(1), left))
        left -= granted[-1]
    return granted


def _saved(slot: Slot, slots: Mapping[Slot, list[Told]]) -> list[Fraction]:
    """The fall against the same month last year, on the month's last bill."""
    account, kind, month = slot
    before = slots.get((account, kind, month.replace(year=month.year - 1)))
    granted = [Fraction(0)] * len(slots[slot])
    if before:
        fall = _used(before) - _used(slots[slot])
        granted[-1] = max(Fraction(0), min(fall, Fraction(SCENARIOS[SAVING][1])))
    return granted


def _used(payments: list[Told]) -> Fraction:
    return sum((payment.figure("quantity") for payment in payments), Fraction(0))
