"""Answers write exact decimals as plain strings."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from shared.http.app import json_response


class Row(msgspec.Struct):
    amount: Decimal
    day: date


@pytest.mark.parametrize(
    ("value", "text"), [("1E+3", "1000"), ("1.500", "1.5"), ("1E-9", "0.000000001"), ("-0", "0")]
)
def test_decimals(value: str, text: str) -> None:
    answer = json_response({"rows": [Row(Decimal(value), date(2020, 1, 31))]})

    assert json.loads(bytes(answer.body)) == {"rows": [{"amount": text, "day": "2020-01-31"}]}


def test_instants_status_and_text() -> None:
    at = datetime(2020, 1, 31, 16, tzinfo=UTC)
    answer = json_response({"at": at, "label": "深绿"}, 201, {"location": "/x"})

    assert answer.status_code == 201
    assert answer.headers["location"] == "/x"
    assert answer.body == '{"at":"2020-01-31T16:00:00Z","label":"深绿"}'.encode()
