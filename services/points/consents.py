"""Consents: what a person lets an institution see, until when. The rules; `consenting.py` stores."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from shared.auth.consent import Consent, ConsentScope, Reason, Verdict
from shared.http.answers import Answer, Timestamp, sample

YEARS_MAX = 5
# Clocks of clients may be ahead of ours by so much.
SKEW = timedelta(minutes=1)
Status = Literal["live", "ended", "withdrawn", "replaced"]
ShownId = Annotated[str, sample("6f1c7d0e-3b64-4b7e-9a43-2f1f0c2b7d11")]


class ConsentEvent(Answer, frozen=True, kw_only=True):
    """What happened to a consent, and who did it; nobody ends one whose time is over."""

    what: Literal["given", "ended", "withdrawn", "replaced"]
    at: Timestamp
    by: Annotated[str, sample("person")] | UnsetType | None = UNSET
    replaced_by: ShownId | UnsetType = UNSET


class ConsentShown(Answer, frozen=True, kw_only=True):
    """A consent with what happened to it."""

    id: ShownId
    account_id: Annotated[str, sample("jsrcb:token-0001")]
    bank: Annotated[str, sample("icbc")]
    scope: ConsentScope
    status: Status
    given_at: Timestamp
    until: Timestamp
    history: list[ConsentEvent]


@dataclass(slots=True, frozen=True)
class Wish:
    """What a person consents to: that `bank` sees what `scope` names, until then.

    `given_at`: when the person did so, where the client says it.
    """

    account_id: str
    bank: str
    scope: ConsentScope
    until: datetime
    given_at: datetime | None = None


@dataclass(slots=True, frozen=True)
class Given:
    """A consent as it is kept. `ended_at` is set when it is withdrawn, replaced, or found over."""

    id: UUID
    account_id: str
    bank: str
    scope: ConsentScope
    given_at: datetime
    given_by: str
    until: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    replaced_by: UUID | None = None

    def status(self, now: datetime) -> Status:
        """What has become of it. The instant `until` is the first at which it no longer holds."""
        if self.ended_at is None:
            return "live" if now < self.until else "ended"
        if self.ended_at >= self.until:
            return "ended"
        return "withdrawn" if self.replaced_by is None else "replaced"

    @property
    def decided_at(self) -> datetime:
        """When the person decided last: to give it, or to withdraw it."""
        return max(self.given_at, self.ended_at or self.given_at)

    def answers(self, wish: Wish, now: datetime) -> bool:
        """Is this what is wished for: does it stand, and was it not consented to anew since?"""
        is_repeat = wish.given_at is None or wish.given_at <= self.given_at
        return is_repeat and self.until == wish.until and self.status(now) == "live"


def is_lasting(until: datetime, now: datetime) -> bool:
    """May a consent be given until then? In the future, at most five years ahead."""
    return now < until <= years_later(now, YEARS_MAX)


def years_later(at: datetime, years: int) -> datetime:
    """The same day so many years later; 28 February where there is no 29th."""
    try:
        return at.replace(year=at.year + years)
    except ValueError:
        return at.replace(year=at.year + years, day=28)


def verdict(bank: str, scope: ConsentScope, given: Given | None, now: datetime) -> Verdict:
    """Whether the consent that was given last to this bank for this scope holds."""
    if given is None:
        return Verdict(bank=bank, scope=scope, reason=_reason("none", "none was given", "未曾授权"))
    until = _text(given.until)
    match given.status(now):
        case "live":
            reason = _reason("live", f"it holds until {until}", f"授权有效期至 {until}")
            consent = Consent(id=str(given.id), until=given.until)
            return Verdict(bank=bank, scope=scope, reason=reason, consent=consent)
        case "ended":
            reason = _reason("ended", f"it ended on {until}", f"授权已于 {until} 到期")
        case _:
            at = _text(given.ended_at or given.until)
            reason = _reason("withdrawn", f"it was withdrawn on {at}", f"授权已于 {at} 撤回")
    return Verdict(bank=bank, scope=scope, reason=reason)


def view(given: Given, now: datetime) -> ConsentShown:
    """A consent as it is shown at that time."""
    return ConsentShown(
        id=str(given.id),
        account_id=given.account_id,
        bank=given.bank,
        scope=given.scope,
        status=given.status(now),
        given_at=given.given_at,
        until=given.until,
        history=_history(given, now),
    )


def _history(given: Given, now: datetime) -> list[ConsentEvent]:
    first = ConsentEvent(what="given", at=given.given_at, by=given.given_by)
    at, by = given.ended_at or given.until, given.ended_by
    match given.status(now):
        case "live":
            return [first]
        case "ended":
            return [first, ConsentEvent(what="ended", at=given.until)]
        case "withdrawn":
            return [first, ConsentEvent(what="withdrawn", at=at, by=by)]
        case _:
            other = str(given.replaced_by)
            return [first, ConsentEvent(what="replaced", at=at, by=by, replaced_by=other)]


def _reason(code: Literal["live", "none", "withdrawn", "ended"], en: str, zh: str) -> Reason:
    return Reason(code=code, en=en, zh=zh)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
