"""What the demonstration compares with, and how it says what differs."""

from collections import Counter

import pytest

from tanzhang.demo import golden
from tanzhang.demo.checking import Group, compared, differing
from tanzhang.demo.ledgers import READERS, missing, reader
from tanzhang.demo.saving import savings
from tanzhang.simulation import city
from tanzhang.simulation.oracle import account_mg
from tanzhang.simulation.payments import account_id


def test_rules_give_golden_numbers_five_to_eight() -> None:
    groups = golden.rules()
    assert [group.title[0] for group in groups] == ["5", "6", "7", "8"]
    assert [check for group in groups for check in group.differing()] == []


def test_a_figure_that_is_not_found_differs() -> None:
    group = Group("figures", (compared("a", 1, 1), compared("b", "0.10", None)))
    assert not group.agrees
    assert [str(check) for _, check in differing([group])] == ["b: expected 0.10, found nothing"]


async def test_savings_are_those_of_the_oracle() -> None:
    made = city(5, enterprises=1, farms=1, customers=60, payments=900)
    found = await savings(made)
    assert found.totals == made.payment_oracle()
    assert 0 < len(found.sample) <= 50
    whole = {account_id(5, index): account_mg(made.customer_events(index)) for index in range(60)}
    assert found.sample.items() <= whole.items()


@pytest.mark.parametrize(
    ("type", "service"),
    [
        ("cn.tanzhang.meter.reading.v1", "industrial"),
        ("cn.tanzhang.economic.report.v1", "industrial"),
        ("cn.tanzhang.farm.record.v1", "agri"),
        ("cn.tanzhang.payment.v1", "personal"),
    ],
)
def test_every_input_has_its_reader(type: str, service: str) -> None:
    assert reader(type) == service
    assert set(READERS.values()) == {"industrial", "agri", "personal"}


def test_what_is_missing_is_said() -> None:
    expected = Counter({"personal": 3000, "agri": 5})
    read = {"personal": 1200, "agri": 6, "industrial": 0}
    assert missing(expected, read) == ["personal has read 1,200 of 3,000 events"]
