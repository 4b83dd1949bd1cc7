"""What a subscription wants, and when a delivery is tried again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.auth.principal import Principal
from shared.events.envelope import Event, decode
from shared.events.types import OUTPUTS
from shared.webhooks import rules
from shared.webhooks.rules import Subscription, filterable, next_attempt, retry_after, wants

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CREDITED, TIER = "cn.tanzhang.points.credited.v1", "cn.tanzhang.points.tier.v1"
LABEL = "cn.tanzhang.label.changed.v1"


def _tier(tier: str = "B", subject: str = "jsrcb:token-0001") -> Event:
    data = {
        "epoch": 1,
        "sequence": 2,
        "tier": tier,
        "previous": None,
        "trailing_g": Decimal(1),
        "points": Decimal(1),
        "balance": Decimal(1),
        "cause": "c",
    }
    return _event(TIER, subject, data)


def _event(type: str, subject: str, data: dict[str, Any]) -> Event:
    document = {
        "specversion": "1.0",
        "id": "1",
        "source": "urn:tanzhang:points",
        "type": type,
        "subject": subject,
        "time": NOW,
        "data": data,
    }
    return decode(msgspec.json.encode(document), strict=False)


def _subscription(**changes: Any) -> Subscription:
    given: dict[str, Any] = {
        "id": UUID(int=1),
        "reader": Principal("app", subjects=("jsrcb:*",)),
        "types": frozenset({TIER}),
        "filter": {},
        "created_at": NOW,
    }
    return Subscription(**given | changes)


def _wants(subscription: Subscription, event: Event, sent_at: datetime = NOW) -> bool:
    return wants(subscription, event, event.subject, sent_at)


def test_it_wants_the_types_and_subjects_that_it_names() -> None:
    assert _wants(_subscription(), _tier())
    assert not _wants(_subscription(types=frozenset({CREDITED})), _tier())
    assert not _wants(_subscription(), _tier(subject="icbc:token-0001"))


def test_a_filter_wants_one_of_the_values() -> None:
    assert _wants(_subscription(filter={"tier": ["A", "B"]}), _tier())
    assert not _wants(_subscription(filter={"tier": ["A"]}), _tier())
    assert _wants(_subscription(filter={"previous": ["null"]}), _tier())
    assert not _wants(_subscription(filter={"tier": ["B"], "previous": ["A"]}), _tier())


def test_what_was_sent_before_it_is_not_for_it() -> None:
    assert not _wants(_subscription(), _tier(), NOW - rules.SKEW - timedelta(seconds=1))


def test_filters_take_fields_that_all_types_have_and_that_are_words_or_numbers() -> None:
    assert "label" in filterable(["cn.tanzhang.label.changed.v1"])
    assert "policy" not in filterable(["cn.tanzhang.label.changed.v1"])
    assert filterable([CREDITED, TIER]) == ["cause", "epoch", "sequence"]
    assert filterable([rules.NOTICE]) == []


@pytest.mark.parametrize(
    ("type", "name", "value", "expected"),
    [
        (LABEL, "label", "red", None),
        (LABEL, "label", "medium_green", None),
        (LABEL, "label", "Red", "expected one of: deep_green, light_green, yellow, red, ungraded"),
        (LABEL, "label", "null", "expected one of: deep_green"),
        (LABEL, "previous", "null", None),
        (LABEL, "previous", "rde", "expected one of: deep_green"),
        (LABEL, "expired", "true", None),
        (LABEL, "expired", "null", None),
        (LABEL, "expired", "yes", "expected one of: true, false, null"),
        (LABEL, "year", "2022", None),
        (LABEL, "year", "2022.0", "expected a whole number in digits"),
        (LABEL, "year", "02022", "expected a whole number in digits"),
        (LABEL, "benchmark_version", "3041/glass/2022#1", None),
        (TIER, "tier", "deep", None),
        (TIER, "tier", "red", "expected one of: deep, medium, light, none"),
        (TIER, "previous", "none", None),
    ],
)
def test_a_filter_names_values_that_there_are(
    type: str, name: str, value: str, expected: str | None
) -> None:
    found = rules.unheard_of([type, rules.NOTICE], name, value)
    assert (found is None) if expected is None else (found or "").startswith(expected)


def test_a_value_of_one_of_the_types_will_do() -> None:
    assert rules.unheard_of([CREDITED, TIER], "cause", "x") is None
    assert rules.unheard_of([CREDITED, TIER], "epoch", "x") is not None


def test_a_topics_types_are_those_that_it_carries() -> None:
    assert set(rules.event_types("point-credits")) == {
        name for name, (topic, _) in OUTPUTS.items() if topic == "point-credits"
    }


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_double_up_to_an_hour_and_keep_half_at_least(attempts: int, chance: float) -> None:
    longest = min(timedelta(seconds=5) * 2 ** min(attempts - 1, 20), timedelta(hours=1))
    pause = next_attempt(attempts, NOW, None, lambda: chance) - NOW
    assert longest / 2 <= pause <= longest


def test_a_receiver_says_when_to_come_again() -> None:
    def pause(asked: timedelta) -> timedelta:
        return next_attempt(1, NOW, asked, lambda: 0.0) - NOW

    assert pause(timedelta(minutes=7)) == timedelta(minutes=7)
    assert pause(timedelta(0)) == timedelta(seconds=2.5), "never sooner than we would"
    assert pause(timedelta(days=9)) == timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Sun, 01 Mar 2026 00:02:00 GMT", 120),
        ("Sat, 28 Feb 2026 00:00:00 GMT", 0),
        ("9" * 40, 86_400),
        ("9" * 5000, 86_400),
        ("Sun, 01 Mar 2026 00:02:00 +99999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(header, NOW) == expected


@given(
    st.text(max_size=60) | st.from_regex(r"\w{3}, \d\d \w{3} \d{1,6} \d\d:\d\d:\d\d [+-]?\d{0,30}")
)
def test_whatever_a_receiver_says_is_a_pause_of_a_day_at_most_or_none(header: str) -> None:
    pause = retry_after(header, NOW)
    assert pause is None or timedelta(0) <= pause <= timedelta(days=1)
