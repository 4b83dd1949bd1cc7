"""What becomes of the events of a request: accepted, or rejected each with its problem. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from shared.auth.consent import speaks_for
from shared.auth.principal import Principal
from shared.events.envelope import Event, decode
from shared.events.errors import EventError, FieldError, pointer
from shared.events.identifiers import personal_identifier
from shared.events.types import INPUTS
from shared.events.validation import LIMITS
from shared.http.answers import Answer, ProblemMember, sample
from shared.http.problems import Problem, forbidden
from shared.units.calendar import CITY

ERRORS_MAX = 100
_STATUS = {"not-json": 400, "too-large": 413}
FORBIDDEN = 403


class Rejected(Answer, frozen=True, kw_only=True):
    """An event that was not taken, by its place in the batch; the id where it can be read."""

    index: Annotated[int, Meta(ge=0, examples=[0])]
    id: Annotated[str, sample("core-2020-01-01-4711")] | None
    problem: ProblemMember


@dataclass(slots=True, frozen=True)
class Rejection:
    """One event that is not taken; `type` only where it is known to be one of ours."""

    index: int
    id: str | None
    problem: Problem
    type: str | None = None

    def item(self) -> Rejected:
        return Rejected(index=self.index, id=self.id, problem=self.problem.document())


@dataclass(slots=True)
class Judgement:
    """The events of a request, parted. Accepted ones keep their order."""

    accepted: list[Event] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


def judge(
    parts: Sequence[bytes | EventError],
    principal: Principal,
    now: datetime,
    zone: ZoneInfo = CITY,
) -> Judgement:
    """Decode each part strictly and ask whether the principal may send it.

    `parts` come from `shared.events.http.parse`; `now` bounds times that lie ahead,
    days are those of `zone`.
    """
    found = Judgement()
    may_send = _Permission(principal)
    for index, part in enumerate(parts):
        try:
            if isinstance(part, EventError):
                raise part
            event = decode(part, strict=True, now=now, zone=zone)
        except EventError as error:
            found.rejected.append(Rejection(index, _id(part), as_problem(error)))
            continue
        refusal = may_send.refusal(event)
        if refusal is None:
            found.accepted.append(event)
        else:
            found.rejected.append(Rejection(index, event.id, refusal, event.type))
    return found


def as_problem(error: EventError) -> Problem:
    """An event's error as a problem of its own."""
    return Problem(error.name, _STATUS.get(error.name, 422), error.detail, error.errors)


def none_valid(rejected: Sequence[Rejection], *, is_batch: bool) -> Problem:
    """The answer when no event is taken: 403 when all lack permission, else 422.

    For a single event it is the event's own problem.
    """
    listed: dict[str, Any] = {"accepted": 0, "rejected": [r.item() for r in rejected]}
    if not is_batch:
        (only,) = rejected
        own = only.problem
        return Problem(own.name, own.status, own.detail, own.errors, **listed)
    if all(r.problem.status == FORBIDDEN for r in rejected):
        return forbidden("The token allows none of the events", _errors(rejected), **listed)
    detail = f"None of the {len(rejected)} events is valid; `rejected` has the reason for each"
    return Problem("no-valid-event", 422, detail, _errors(rejected), **listed)


class _Permission:
    """The principal's rights, looked up once per topic and once per source."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._topics: dict[str, bool] = {}
        self._sources: dict[str, bool] = {}

    def refusal(self, event: Event) -> Problem | None:
        topic = INPUTS[event.type][0]
        allowed = self._topics.get(topic)
        if allowed is None:
            allowed = self._topics[topic] = self._principal.may_write(topic)
        if not allowed:
            scope = f"events:write:{topic}"
            return forbidden(f"The token lacks the scope {scope}", scope=scope)
        known = self._sources.get(event.source)
        if known is None:
            known = self._sources[event.source] = self._principal.covers("sources", event.source)
        if known and self._is_subject(topic, event.subject):
            return None
        return self._foreign(topic, event)

    def _is_subject(self, topic: str, subject: str) -> bool:
        """Of a person a bank tells what its own customers do, whatever its subjects."""
        if topic == "payments":
            return speaks_for(self._principal, subject)
        return self._principal.covers("subjects", subject)

    def _foreign(self, topic: str, event: Event) -> Problem:
        who = self._principal
        covered = {
            "source": who.covers("sources", event.source),
            "subject": self._is_subject(topic, event.subject),
        }
        names = [name for name, yes in covered.items() if not yes]
        errors = [FieldError(pointer(n), self._why_not(n, event)) for n in names]
        detail = f"The token does not speak for the event's {' and '.join(names)}"
        return forbidden(detail, errors)

    def _why_not(self, name: str, event: Event) -> str:
        who = self._principal
        if name == "subject" and who.covers("subjects", event.subject):
            return f"is no customer of the token's bank {who.bank}"
        return f"is not among the token's {name}s"


def _errors(rejected: Sequence[Rejection]) -> list[FieldError]:
    """The fields of all rejected events, each pointer beginning with the event's index."""
    errors = [
        FieldError(pointer(r.index) + e.pointer, e.detail)
        for r in rejected
        for e in r.problem.errors or (FieldError("", r.problem.detail),)
    ]
    return errors[:ERRORS_MAX]


class _Named(msgspec.Struct):
    id: str


_named = msgspec.json.Decoder(_Named)


def _id(part: bytes | EventError) -> str | None:
    """The id to report, where it can be read and repeated."""
    if isinstance(part, EventError):
        return None
    try:
        id = _named.decode(part).id
    except (ValueError, RecursionError):
        return None
    return None if len(id) > LIMITS["id"] or personal_identifier(id) else id
