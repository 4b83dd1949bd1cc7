"""Which scenario a payment belongs to, or why it earns nothing: rules by day. Pure.

The default rules are data; an operator's version of a rule stands over the default of the same id
from its day on. A rule counts by the payment's local day, and a version begins on a day that no
payment that was let in can have yet: so it doesn't matter when a payment arrives.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from services.personal.domain import ONE, QUANTITY_MAX, ZERO, Claim
from shared.events.meaning import AHEAD
from shared.events.types import Payment
from shared.events.words import Channel, PaymentKind
from shared.methodology import RuleRow, Scenario, methodology
from shared.units.calendar import local_date

# The clocks of door, worker and API may differ, a request takes its time, and workers remember
# the rules for a minute: together less than this.
MARGIN = timedelta(hours=1)
MEMO_MAX = 50_000
MCC_DIGITS = 4

Question = tuple[str, str, str | None, bool]


@dataclass(slots=True, frozen=True)
class Rule:
    """What is None fits every payment; either `scenario` (its code) or `reason`.

    Of the rules that fit a payment the lowest (priority, id) decides.
    """

    priority: int
    kind: PaymentKind | None = None
    channel: Channel | None = None
    mcc_from: str | None = None
    mcc_to: str | None = None
    with_quantity: bool = False
    scenario: str | None = None
    reason: str | None = None

    def fits(self, kind: str, channel: str, mcc: str | None, has_quantity: bool) -> bool:
        """Does it speak of such payments? A code that isn't four digits is no code."""
        if self.kind not in (None, kind) or self.channel not in (None, channel):
            return False
        if self.with_quantity and not has_quantity:
            return False
        if self.mcc_from is None:
            return True
        if mcc is None or len(mcc) != MCC_DIGITS or not (mcc.isascii() and mcc.isdigit()):
            return False
        return self.mcc_from <= mcc <= (self.mcc_to or self.mcc_from)


@dataclass(slots=True, frozen=True)
class Version:
    """What an operator said of a rule from a day on; `rule` None: it ends there."""

    id: str
    valid_from: date
    rule: Rule | None
    changed_by: str
    changed_at: datetime


@dataclass(slots=True, frozen=True)
class Held:
    """A rule on the days from `begins` to before `ends`: an operator's version or a default."""

    id: str
    valid_from: date
    begins: date
    ends: date
    rule: Rule
    version: Version | None = None
    default: RuleRow | None = None

    @property
    def label(self) -> str:
        """How an entry names it."""
        return f"{self.id}@{self.valid_from}"

    def holds(self, on: date) -> bool:
        return self.begins <= on < self.ends


@dataclass(slots=True)
class _Span:
    """Days on which nothing changes, and what was asked of them so far."""

    rules: Sequence[Held]
    scenarios: dict[str, Scenario]
    memo: dict[Question, Claim] = field(default_factory=dict)

    def answer(self, question: Question) -> Claim:
        """What such a payment claims, its quantity aside."""
        if len(self.memo) >= MEMO_MAX:
            self.memo.clear()
        found = next((held for held in self.rules if held.rule.fits(*question)), None)
        claim = self.memo[question] = self._claim(found, question)
        return claim

    def _claim(self, held: Held | None, question: Question) -> Claim:
        if held is None:
            return Claim(None, ZERO, "unclassified")
        if held.rule.scenario is None:
            return Claim(None, ZERO, held.rule.reason, held.label)
        scenario = self.scenarios[held.rule.scenario]
        if question[1] not in scenario.channels:
            return Claim(None, ZERO, "channel_earns_nothing", held.label)
        if scenario.needs_quantity and not question[3]:
            return Claim(None, ZERO, "quantity_missing", held.label)
        return Claim(scenario, ONE, None, held.label)


class Rulebook:
    """The rules of all days."""

    def __init__(self, held: Iterable[Held]) -> None:
        self.held = tuple(held)
        changes = {day for rule in self.held for day in (rule.begins, rule.ends)}
        self._starts = sorted({date.min, *changes, *_scenario_changes()} - {date.max})
        self._spans: dict[int, _Span] = {}

    def claim(self, payment: Payment, day: date) -> Claim:
        """The scenario of a payment, or why it earns nothing; `day` is its day in the city."""
        span = self._span(day)
        quantity = payment.quantity
        question = (payment.kind, payment.channel, payment.mcc, quantity is not None)
        claim = span.memo.get(question) or span.answer(question)
        if quantity is None or claim.scenario is None or not claim.scenario.needs_quantity:
            return claim
        return _measured(claim, quantity)

    def _span(self, day: date) -> _Span:
        number = bisect_right(self._starts, day) - 1
        span = self._spans.get(number)
        if span is None:
            start = self._starts[number]
            rules = sorted(
                (held for held in self.held if held.holds(start)),
                key=lambda held: (held.rule.priority, held.id),
            )
            scenarios = {s.code: s for s in methodology().scenarios(start)}
            span = self._spans[number] = _Span(rules, scenarios)
        return span


def timeline(versions: Iterable[Version] = ()) -> list[Held]:
    """The default rules and what an operator said of them, each with the days that it holds."""
    by_id: dict[str, list[Version]] = {}
    for version in sorted(versions, key=lambda version: (version.id, version.valid_from)):
        by_id.setdefault(version.id, []).append(version)
    held = [
        replace(default, ends=ends)
        for default in _defaults()
        if default.begins < (ends := min(default.ends, _first(by_id.get(default.id))))
    ]
    for own in by_id.values():
        until = [*(version.valid_from for version in own[1:]), date.max]
        held += [
            Held(v.id, v.valid_from, v.valid_from, end, v.rule, v)
            for v, end in zip(own, until, strict=True)
            if v.rule is not None
        ]
    return held


@cache
def defaults() -> Rulebook:
    """The rules of a city whose operator has changed none."""
    return Rulebook(_defaults())


def earliest(now: datetime, zone: ZoneInfo) -> date:
    """The first day that no payment let in so far can have: a change begins there or later."""
    return local_date(now + AHEAD + MARGIN, zone) + timedelta(days=1)


def _first(versions: Sequence[Version] | None) -> date:
    return versions[0].valid_from if versions else date.max


@cache
def _defaults() -> tuple[Held, ...]:
    return tuple(
        Held(
            rule.id,
            rule.valid_from,
            rule.begins,
            rule.ends,
            Rule(
                rule.row.priority,
                rule.row.kind,
                rule.row.channel,
                rule.row.mcc_from,
                rule.row.mcc_to,
                rule.row.with_quantity,
                rule.row.scenario,
                rule.row.reason,
            ),
            default=rule.row,
        )
        for rule in methodology().classification_rules()
    )


def _scenario_changes() -> set[date]:
    headers = [document.header for document in methodology().files["scenarios"].documents]
    return {day for h in headers for day in (h.valid_from, h.valid_to) if day is not None}


def _measured(claim: Claim, quantity: Decimal) -> Claim:
    if quantity.is_finite() and 0 <= quantity <= QUANTITY_MAX:
        return claim._replace(quantity=quantity)
    return Claim(None, ZERO, "quantity_out_of_range", claim.rule)
