"""Which events are taken, and what the answer is when none is."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.handler import judge, none_valid
from shared.auth.principal import EVERYTHING, Principal
from shared.events.errors import EventError, FieldError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BANK = Principal("bank", frozenset({"events:write:payments"}), ("urn:jsrcb",), ("jsrcb:*",))


def event(**change: Any) -> bytes:
    made = {
        "specversion": "1.0",
        "id": "1",
        "source": "urn:jsrcb",
        "type": "cn.tanzhang.payment.v1",
        "subject": "jsrcb:a8f5f167",
        "time": "2026-01-01T08:00:00+08:00",
        "data": {"kind": "transfer", "channel": "qr", "amount": 1, "currency": "CNY"},
    }
    return json.dumps(made | change).encode()


GOOD, FOREIGN, BAD = event(), event(subject="icbc:a8f5f167"), event(time=None)
BROKEN = EventError("not-json", "no", [FieldError("", "no")])
STATUS: dict[Any, int | None] = {GOOD: None, FOREIGN: 403, BAD: 422, BROKEN: 400}


@given(st.lists(st.sampled_from([GOOD, FOREIGN, BAD, BROKEN]), max_size=20))
def test_each_part_is_accepted_or_rejected_in_its_place(parts: list[bytes | EventError]) -> None:
    found = judge(parts, BANK, NOW)

    expected = [(i, STATUS[p]) for i, p in enumerate(parts) if STATUS[p]]
    assert [(r.index, r.problem.status) for r in found.rejected] == expected
    assert [e.raw for e in found.accepted] == [p for p in parts if p is GOOD]


def test_the_order_is_kept() -> None:
    parts = [event(id=str(n)) for n in range(20)]

    assert [e.id for e in judge(parts, EVERYTHING, NOW).accepted] == [str(n) for n in range(20)]


def test_a_single_event_has_its_own_problem() -> None:
    problem = none_valid(judge([BAD], BANK, NOW).rejected, is_batch=False)

    assert (problem.name, problem.status) == ("missing-field", 422)
    assert [e.pointer for e in problem.errors] == ["/time"]
    assert problem.extensions["accepted"] == 0
    assert problem.extensions["rejected"][0].problem["status"] == 422


def test_a_batch_points_into_the_batch() -> None:
    problem = none_valid(judge([FOREIGN, BAD, BROKEN], BANK, NOW).rejected, is_batch=True)

    assert (problem.name, problem.status) == ("no-valid-event", 422)
    assert [e.pointer for e in problem.errors] == ["/0/subject", "/1/time", "/2"]


def test_all_foreign() -> None:
    problem = none_valid(judge([FOREIGN, FOREIGN], BANK, NOW).rejected, is_batch=True)

    assert (problem.name, problem.status) == ("forbidden", 403)


def test_a_scope_for_another_topic() -> None:
    who = Principal("c", frozenset({"events:write:farm-records"}), ("*",), ("*",))
    (rejected,) = judge([GOOD], who, NOW).rejected

    assert "events:write:payments" in rejected.problem.detail
    assert rejected.type == "cn.tanzhang.payment.v1"


def test_a_bank_reports_its_own_customers_payments_only() -> None:
    """Also with a token for all subjects."""
    scopes = frozenset({"events:write:payments"})
    own, other = (Principal("c", scopes, ("*",), ("*",), bank) for bank in ("jsrcb", "icbc"))

    assert judge([GOOD], own, NOW).rejected == []
    (rejected,) = judge([GOOD], other, NOW).rejected
    [error] = rejected.problem.errors
    assert (rejected.problem.status, error.pointer) == (403, "/subject")
    assert error.detail == "is no customer of the token's bank icbc"


@pytest.mark.parametrize(
    ("part", "id"),
    [
        (event(time=None, id="n-1"), "n-1"),
        (event(id=7), None),
        (event(id="x" * 129), None),
        (event(id="11010519491231002X"), None),
        (b"{", None),
        (b"[" * 60_000, None),
        (BROKEN, None),
    ],
)
def test_the_id_is_told_where_it_may_be(part: bytes | EventError, id: str | None) -> None:
    (rejected,) = judge([part], EVERYTHING, NOW).rejected

    assert rejected.id == id
