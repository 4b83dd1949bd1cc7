"""Until when a consent holds, and what is said of one that does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from services.points.consents import ConsentEvent, Given, is_lasting, verdict, view, years_later

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
UNTIL = datetime(2026, 9, 1, 2, tzinfo=UTC)
ID, OTHER = UUID(int=1), UUID(int=2)
GIVEN = Given(ID, "jsrcb:token-0001", "icbc", "passport", NOW, "app", UNTIL)
LATER = NOW + timedelta(days=1)
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


def test_it_holds_up_to_the_instant_at_which_it_ends() -> None:
    assert GIVEN.status(UNTIL - timedelta(microseconds=1)) == "live"
    assert GIVEN.status(UNTIL) == "ended"


@generated(INSTANTS, st.none() | INSTANTS)
def test_only_what_is_live_is_allowed(now: datetime, withdrawn: datetime | None) -> None:
    record = replace(GIVEN, ended_at=withdrawn and min(withdrawn, UNTIL))
    allowed = verdict("icbc", "passport", record, now).consent is not None
    assert allowed == (withdrawn is None and now < UNTIL)


@pytest.mark.parametrize(
    ("record", "code", "en", "zh"),
    [
        (None, "none", "none was given", "未曾授权"),
        (
            replace(GIVEN, ended_at=NOW, ended_by="app"),
            "withdrawn",
            "it was withdrawn on 2026-03-01T02:00:00+00:00",
            "授权已于 2026-03-01T02:00:00+00:00 撤回",
        ),
        (
            replace(GIVEN, until=NOW),
            "ended",
            "it ended on 2026-03-01T02:00:00+00:00",
            "授权已于 2026-03-01T02:00:00+00:00 到期",
        ),
    ],
)
def test_a_refusal_says_why(record: Given | None, code: str, en: str, zh: str) -> None:
    reason = verdict("icbc", "passport", record, LATER).reason
    assert (reason.code, reason.en, reason.zh) == (code, en, zh)


def test_what_holds_is_named_with_its_end() -> None:
    found = verdict("icbc", "passport", GIVEN, LATER)
    assert found.consent is not None
    assert (found.consent.id, found.consent.until) == (str(ID), UNTIL)
    assert found.reason.code == "live"


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (GIVEN, ["given"]),
        (replace(GIVEN, until=NOW), ["given", "ended"]),
        (replace(GIVEN, ended_at=LATER, ended_by="app"), ["given", "withdrawn"]),
        (replace(GIVEN, ended_at=LATER, ended_by="app", replaced_by=OTHER), ["given", "replaced"]),
        # Given anew after it was over: it had ended by itself.
        (replace(GIVEN, ended_at=UNTIL, ended_by="app", replaced_by=OTHER), ["given", "ended"]),
    ],
)
def test_the_history_tells_what_happened(record: Given, what: list[str]) -> None:
    assert [step.what for step in view(record, LATER).history] == what


def test_what_was_replaced_names_what_replaced_it() -> None:
    record = replace(GIVEN, ended_at=LATER, ended_by="app", replaced_by=OTHER)
    found = view(record, LATER)
    assert found.status == "replaced"
    replaced = ConsentEvent(what="replaced", at=LATER, by="app", replaced_by=str(OTHER))
    assert found.history[1] == replaced


def test_a_consent_lasts_at_most_five_years() -> None:
    assert is_lasting(NOW + timedelta(microseconds=1), NOW)
    assert is_lasting(datetime(2031, 3, 1, 2, tzinfo=UTC), NOW)
    assert not is_lasting(datetime(2031, 3, 1, 2, 0, 0, 1, tzinfo=UTC), NOW)
    assert not is_lasting(NOW, NOW)


def test_five_years_after_a_29th_of_february_is_a_28th() -> None:
    leap = datetime(2028, 2, 29, tzinfo=UTC)
    assert years_later(leap, 5) == datetime(2033, 2, 28, tzinfo=UTC)
    assert years_later(leap, 4) == datetime(2032, 2, 29, tzinfo=UTC)
