"""The payment oracle against sums done by hand."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from tanzhang.simulation import city
from tanzhang.simulation.oracle import account_mg
from tanzhang.simulation.payments import customer_events, payment_counts

NOON = datetime.fromisoformat("2020-06-23T12:00:00+08:00")


def payment(
    id: object, kind: str = "transfer", *, at: datetime = NOON, channel: str = "mobile", **data: Any
) -> dict[str, Any]:
    return {
        "source": "jsrcb",
        "id": str(id),
        "time": at.isoformat(),
        "data": {"kind": kind, "channel": channel} | data,
    }


def test_one_online_transfer() -> None:
    assert account_mg([payment(1, channel="online")]) == {"ONLINE_TRANSFER": 23_096}


def test_a_cap_is_filled_and_no_more() -> None:
    assert account_mg(payment(n) for n in range(23)) == {"ONLINE_TRANSFER": 20 * 23_096}


def test_the_day_is_that_of_the_city() -> None:
    before = datetime.fromisoformat("2020-06-23T15:59:59+00:00")
    loans = [payment(n, "loan", at=before + timedelta(seconds=n)) for n in range(2)]
    assert account_mg(loans) == {"ONLINE_LOAN": 2 * 461_920}
    assert account_mg([loans[0], payment(9, "loan")]) == {"ONLINE_LOAN": 461_920}


def test_a_reversed_payment_makes_room_under_the_cap() -> None:
    loans = [payment(1, "loan"), payment(2, "loan"), payment(3, "loan", reverses="1")]
    for order in permutations(loans):
        assert account_mg(order) == {"ONLINE_LOAN": 461_920}
    assert account_mg([*loans, payment(4, "loan", reverses="2")]) == {}


def test_repeats_count_once() -> None:
    assert account_mg([payment(1)] * 5) == {"ONLINE_TRANSFER": 23_096}


@pytest.mark.parametrize(
    ("kind", "channel"),
    [("transfer", "counter"), ("transfer", "atm"), ("purchase", "online"), ("purchase", "counter")],
)
def test_what_earns_nothing(kind: str, channel: str) -> None:
    assert account_mg([payment(1, kind, channel=channel)]) == {}


@pytest.mark.parametrize(
    ("mcc", "channel", "found"),
    [
        ("5411", "qr", {"MOBILE_PAY": 4_355}),
        ("4131", "qr", {"BUS_RIDE": 98_000}),
        ("4131", "online", {"BUS_RIDE": 98_000}),
        ("4131", "counter", {}),
        ("6011", "qr", {}),
    ],
)
def test_a_purchase_counts_as_what_its_merchant_says(
    mcc: str, channel: str, found: dict[str, int]
) -> None:
    assert account_mg([payment(1, "purchase", channel=channel, mcc=mcc)]) == found


def test_what_counts_as_a_bus_ride_shares_the_cap_of_bus_rides() -> None:
    rides = [payment(n, "bus_ride") for n in range(4)]
    bought = [payment(4 + n, "purchase", channel="qr", mcc="4131") for n in range(4)]
    assert account_mg([*rides, *bought]) == {"BUS_RIDE": 6 * 98_000}


@pytest.mark.parametrize(
    ("kind", "quantity", "scenario", "mg"),
    [
        ("walking", "20000", "WALKING", 300_000),
        ("bike_ride", "1.5", "BIKE_RIDE", 64_500),
        ("ev_charging", "61.25", "EV_CHARGING", 60 * 480_000),
    ],
)
def test_measured_behaviour(kind: str, quantity: str, scenario: str, mg: int) -> None:
    assert account_mg([payment(1, kind, quantity=quantity)]) == {scenario: mg}


@pytest.mark.parametrize(
    ("before", "after", "kwh"), [("300", "250", 50), ("900", "100", 300), ("100", "120", 0)]
)
def test_household_electricity_against_the_year_before(before: str, after: str, kwh: int) -> None:
    earlier = payment(1, "electricity_saving", at=NOON.replace(year=2019), quantity=before)
    later = payment(2, "electricity_saving", quantity=after)
    for order in ([earlier, later], [later, earlier]):
        assert account_mg(order)["ELECTRICITY_SAVING"] == kwh * 515_300
    assert account_mg([later]) == {}


def test_the_whole_city_is_the_sum_of_its_accounts() -> None:
    made = city(5, enterprises=1, farms=1, customers=200, payments=1500)
    by_account: dict[str, list[dict[str, Any]]] = {}
    for posting in made.events():
        if posting.event["type"] == "cn.tanzhang.payment.v1":
            by_account.setdefault(posting.event["subject"], []).append(posting.event)
    totals = made.payment_oracle()
    amounts = [account_mg(events) for events in by_account.values()]
    assert totals.total_mg == sum(sum(mg.values()) for mg in amounts) > 0
    assert (totals.accounts, totals.credited) == (len(amounts), sum(1 for mg in amounts if mg))


@pytest.mark.parametrize(("customers", "payments"), [(10, 0), (10, 7), (10, 10), (100, 5000)])
def test_counts_sum_up(customers: int, payments: int) -> None:
    counts = payment_counts(1, customers, payments)
    assert (len(counts), sum(counts)) == (customers, payments)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 30, 400])
def test_a_customer_makes_exactly_as_many_payments_as_asked(count: int) -> None:
    for index in range(20):
        assert len(list(customer_events(1, index, count, 2020))) == count
