"""What a subscription wants, and when a delivery is tried again. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints
from uuid import UUID

from shared.auth.principal import Principal
from shared.events.envelope import Event
from shared.events.types import OUTPUTS, Data
from shared.methodology.label_rows import LABEL_WORDS

# Told to the other subscriptions of a client when one of them is disabled; in no topic.
NOTICE = "cn.tanzhang.subscription.disabled.v1"

FIRST_PAUSE = timedelta(seconds=5)
PAUSE_MAX = timedelta(hours=1)
RETRY_AFTER_MAX = timedelta(days=1)
# Without a success for so long a subscription is disabled; so long a delivery is tried.
PATIENCE = timedelta(days=7)
# Longer than any pause: a subscription without an attempt for so long was not failing.
UNASKED = timedelta(days=2)
# Clocks differ: of what was sent shortly before the subscription was made, some comes too.
SKEW = timedelta(minutes=1)

_PLAIN = {str, int, bool, NoneType}
_WHOLE = re.compile("0|-?[1-9][0-9]*")
_LABEL, _TIER = "cn.tanzhang.label.changed.v1", "cn.tanzhang.points.tier.v1"
_LABELS = tuple(dict.fromkeys(LABEL_WORDS["industrial"] + LABEL_WORDS["agri"]))
# What of these fields is a closed list.
_WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    (_LABEL, "label"): _LABELS,
    (_LABEL, "previous"): _LABELS,
    (_TIER, "tier"): LABEL_WORDS["personal"],
    (_TIER, "previous"): LABEL_WORDS["personal"],
}


@dataclass(slots=True, frozen=True)
class Subscription:
    """Whom to tell what. `reader` is the client as it subscribed, with the subjects it asked for."""

    id: UUID
    reader: Principal
    types: frozenset[str]
    filter: Mapping[str, Collection[str]]
    created_at: datetime


def wants(subscription: Subscription, event: Event, account: str, sent_at: datetime) -> bool:
    """Is this event of `account`, sent at that time, one for the subscription?"""
    return (
        sent_at >= subscription.created_at - SKEW
        and asks_for(subscription.types, subscription.reader, event.type, account)
        and passes(subscription.filter, event.data)
    )


def asks_for(types: Collection[str], reader: Principal, type: str, account: str) -> bool:
    """Are these types and this reader's subjects such that it is told? Notices are of no account."""
    return type in types and (type == NOTICE or reader.reads(account))


def passes(filter: Mapping[str, Collection[str]], data: Data) -> bool:
    """Has the data one of the values that a filter names, in each of its fields?"""
    return all(_text(getattr(data, name)) in values for name, values in filter.items())


def event_types(topic: str) -> tuple[str, ...]:
    """The types of events that a topic carries."""
    return tuple(name for name, (found, _) in OUTPUTS.items() if found == topic)


def filterable(types: Collection[str]) -> list[str]:
    """The fields of `data` that all these types have and whose value is a word or a number."""
    found = [_plain_fields(OUTPUTS[name][1]) for name in types if name in OUTPUTS]
    return sorted(set.intersection(*found)) if found else []


def unheard_of(types: Collection[str], name: str, value: str) -> str | None:
    """What was expected when a field has this value in no event of these types; None when it may."""
    expected = [_expected(type, name, value) for type in types if type in OUTPUTS]
    return expected[0] if expected and all(expected) else None


def next_attempt(
    attempts: int, now: datetime, retry_after: timedelta | None, chance: Callable[[], float]
) -> datetime:
    """When to try again after so many failures: doubling pauses, up to half of each by chance.

    A receiver that says when to come again is believed, for a day at most.
    """
    longest: timedelta = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), PAUSE_MAX)
    pause: timedelta = longest * (0.5 + chance() / 2)
    return now + max(pause, min(retry_after or timedelta(0), RETRY_AFTER_MAX))


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """The pause that a `Retry-After` header asks for, in seconds or as a date (RFC 9110)."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        # Python reads no number of thousands of digits.
        return timedelta(seconds=min(int(text[:1000]), RETRY_AFTER_MAX // timedelta(seconds=1)))
    try:
        until = parsedate_to_datetime(text)
        pause = until.replace(tzinfo=until.tzinfo or UTC) - now
    except (ValueError, OverflowError):
        return None
    return min(max(pause, timedelta(0)), RETRY_AFTER_MAX)


def _expected(type: str, name: str, value: str) -> str | None:
    kinds = _kinds(get_type_hints(OUTPUTS[type][1])[name])
    words = _WORDS.get((type, name), ("true", "false") if bool in kinds else ())
    if words:
        known = (*words, "null") if NoneType in kinds else words
        return None if value in known else f"expected one of: {', '.join(known)}"
    if int in kinds and not _WHOLE.fullmatch(value):
        return "expected a whole number in digits"
    return None


def _plain_fields(type: type[Data]) -> set[str]:
    return {name for name, hint in get_type_hints(type).items() if _is_plain(hint)}


def _is_plain(hint: Any) -> bool:
    return _kinds(hint) <= _PLAIN


def _kinds(hint: Any) -> set[Any]:
    return set(get_args(hint) if isinstance(hint, UnionType) else (hint,))


def _text(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
