"""Consents: what a person lets an institution see, until when. The rules; `consenting.py` stores."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.auth.consent import Consent, ConsentScope, Reason, Verdict

YEARS_MAX = 5
Status = Literal["live", "ended", "withdrawn", "replaced"]


@dataclass(slots=True, frozen=True)
class Wish:
    """What a person consents to: that `bank` sees what `scope` names, until then."""

    account_id: str
    bank: str
    scope: ConsentScope
    until: datetime


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


def view(given: Given, now: datetime) -> dict[str, Any]:
    """A consent as it is shown, with what happened to it."""
    return {
        "id": str(given.id),
        "account_id": given.account_id,
        "bank": given.bank,
        "scope": given.scope,
        "status": given.status(now),
        "given_at": given.given_at,
        "until": given.until,
        "history": _history(given, now),
    }


def _history(given: Given, now: datetime) -> list[dict[str, Any]]:
    first = {"what": "given", "at": given.given_at, "by": given.given_by}
    match given.status(now):
        case "live":
            return [first]
        case "ended":
            return [first, {"what": "ended", "at": given.until}]
        case "withdrawn":
            return [first, {"what": "withdrawn", "at": given.ended_at, "by": given.ended_by}]
        case _:
            last = {"what": "replaced", "at": given.ended_at, "by": given.ended_by}
            return [first, last | {"replaced_by": str(given.replaced_by)}]


def _reason(code: Literal["live", "none", "withdrawn", "ended"], en: str, zh: str) -> Reason:
    return Reason(code=code, en=en, zh=zh)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
