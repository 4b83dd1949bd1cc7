"""Exports as lines of CSV that a spreadsheet takes for what they are, and villages' codes."""

from datetime import UTC, datetime

import pytest
from msgspec import to_builtins

from services.points.domain import Moment
from services.points.exports import Export, Person, csv_line, item, row
from services.points.villages import is_village

AT = Moment(datetime(2026, 3, 1, tzinfo=UTC))
PERSON = Person("jsrcb:token-0001", 23_096, "light", "330881101201", -5_000)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-abc:token-0001", "@SUM(A1)", "\tx", "\rx"])
def test_a_text_is_never_a_formula(text: str) -> None:
    assert csv_line([text]).startswith(("'", "\"'"))


def test_an_amount_below_zero_stays_a_number() -> None:
    assert csv_line(["-5.000", "0.000"]) == "-5.000,0.000\r\n"


def test_a_comma_and_a_quote_are_quoted() -> None:
    assert csv_line(['a,"b"']) == '"a,""b"""\r\n'


def test_the_credit_score_is_not_told_the_village() -> None:
    assert to_builtins(item(Export("credit_score", "xinan"), PERSON, AT)) == {
        "account_id": "jsrcb:token-0001",
        "balance": "23.096",
        "credited_12m": "-5.000",
        "tier": "light",
        "as_of": "2026-03-01T00:00:00Z",
    }


def test_the_village_evaluation_is() -> None:
    assert row(Export("village", "qz-villages"), PERSON, AT) == (
        "jsrcb:token-0001,23.096,-5.000,light,2026-03-01T00:00:00+00:00,330881101201\r\n"
    )


@pytest.mark.parametrize(
    ("code", "good"),
    [
        ("330881101201", True),
        ("710000000001", True),
        ("330881101000", False),
        ("990881101201", False),
        ("33088110120", False),
        ("3308811012011", False),
        ("33088110120a", False),
        ("330881101201\n", False),
        ("３３０８８１１０１２０１", False),
    ],
)
def test_a_village_is_twelve_digits_of_a_province_and_no_township(code: str, good: bool) -> None:
    assert is_village(code) is good
