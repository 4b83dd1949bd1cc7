"""From payments to scenarios: the default rules, an operator's over them, and their days."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.personal.classification import (
    Rule,
    Rulebook,
    Version,
    defaults,
    earliest,
    timeline,
)
from services.personal.domain import Claim
from shared.events.meaning import AHEAD
from shared.events.types import Payment
from shared.events.words import Channel, PaymentKind
from shared.methodology import methodology
from shared.units.calendar import CITY, local_date

DAY = date(2026, 3, 1)
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def paid(kind: str = "purchase", channel: str = "qr", **more: object) -> Payment:
    fields = {"kind": kind, "channel": channel, "amount": Decimal(1), "currency": "CNY"}
    return Payment(**(fields | more))  # type: ignore[arg-type]


def said(id: str, first: date, rule: Rule | None) -> Version:
    return Version(id, first, rule, "operator", NOW)


def outcome(claim: Claim) -> str | None:
    """The scenario's code, or the reason."""
    return claim.scenario.code if claim.scenario else claim.reason


def claimed(payment: Payment, *versions: Version, on: date = DAY) -> str | None:
    return outcome(Rulebook(timeline(versions)).claim(payment, on))


def test_kinds_are_the_scenarios_in_their_order() -> None:
    quantity = Decimal(1)
    claims = [
        defaults().claim(paid(kind, "qr", quantity=quantity), DAY) for kind in get_args(PaymentKind)
    ]
    assert [claim.scenario and claim.scenario.number for claim in claims] == list(range(1, 19))


@pytest.mark.parametrize(
    ("mcc", "expected"),
    [
        ("4111", "BUS_RIDE"),
        ("4131", "BUS_RIDE"),
        ("4784", "ETC_PARKING"),
        ("7523", "ETC_PARKING"),
        ("4814", "BILL_TELECOM"),
        ("4899", "BILL_TELECOM"),
        ("8398", "PUBLIC_WELFARE"),
        ("9211", "GOV_FEE"),
        ("9222", "GOV_FEE"),
        ("9311", "GOV_FEE"),
        ("9399", "GOV_FEE"),
        ("6010", "cash"),
        ("6011", "cash"),
        ("6012", "MOBILE_PAY"),
        ("4900", "MOBILE_PAY"),
        ("5411", "MOBILE_PAY"),
        (None, "MOBILE_PAY"),
    ],
)
def test_a_purchase_is_classified_by_the_code_of_its_merchant(
    mcc: str | None, expected: str
) -> None:
    assert outcome(defaults().claim(paid(mcc=mcc), DAY)) == expected


def test_charging_a_car_counts_as_such_only_with_its_quantity() -> None:
    charged = defaults().claim(paid(mcc="5552", quantity=Decimal("12.5")), DAY)
    assert (outcome(charged), charged.quantity) == ("EV_CHARGING", Decimal("12.5"))
    assert outcome(defaults().claim(paid(mcc="5552"), DAY)) == "MOBILE_PAY"


@pytest.mark.parametrize("mcc", ["", "411", "41110", "4111 ", "４１１１", "411a", "\x00"])
def test_a_code_that_is_not_four_digits_is_no_code(mcc: str) -> None:
    assert outcome(defaults().claim(paid(mcc=mcc), DAY)) == "MOBILE_PAY"


def test_codes_speak_of_purchases_only() -> None:
    assert outcome(defaults().claim(paid("transfer", mcc="4111"), DAY)) == "ONLINE_TRANSFER"


def test_the_channels_of_the_scenario_have_the_last_word() -> None:
    by_code = defaults().claim(paid(channel="counter", mcc="4111"), DAY)
    assert (outcome(by_code), by_code.rule) == ("channel_earns_nothing", "mcc_transit@2018-01-01")
    # Online is no channel of a mobile payment, and it is one of a bus ride.
    assert outcome(defaults().claim(paid(channel="online", mcc="4111"), DAY)) == "BUS_RIDE"
    assert outcome(defaults().claim(paid(channel="online"), DAY)) == "channel_earns_nothing"


def test_a_claim_names_its_rule() -> None:
    assert defaults().claim(paid(mcc="6011"), DAY).rule == "mcc_cash@2018-01-01"


@pytest.mark.parametrize("quantity", ["-1", "NaN", "Infinity", "1E+16"])
def test_a_quantity_out_of_range_earns_nothing(quantity: str) -> None:
    claim = defaults().claim(paid("bike_ride", quantity=Decimal(quantity)), DAY)
    assert (claim.scenario, claim.reason) == (None, "quantity_out_of_range")


def test_an_operators_version_stands_over_the_default_from_its_day_on() -> None:
    version = said("mcc_transit", DAY, Rule(500, "purchase", mcc_from="4111", reason="excluded"))
    ride = paid(mcc="4111")
    before, since = DAY - timedelta(days=1), DAY
    assert claimed(ride, version, on=before) == "BUS_RIDE"
    assert claimed(ride, version, on=since) == "excluded"
    assert Rulebook(timeline([version])).claim(ride, since).rule == "mcc_transit@2026-03-01"


def test_a_rule_that_ends_lets_the_next_one_decide() -> None:
    assert claimed(paid(mcc="4111"), said("mcc_transit", DAY, None)) == "MOBILE_PAY"


def test_where_no_rule_fits_nothing_is_earned() -> None:
    claim = Rulebook(timeline([said("purchase", DAY, None)])).claim(paid(), DAY)
    assert (claim.scenario, claim.reason, claim.rule) == (None, "unclassified", None)


def test_a_version_holds_until_the_next_one_of_its_rule() -> None:
    versions = [
        said("schools", date(2026, 3, 1), Rule(10, "purchase", None, "8211", "8299", reason="business")),
        said("schools", date(2026, 4, 1), Rule(10, "purchase", None, "8211", "8220", scenario="GOV_FEE")),
        said("schools", date(2026, 5, 1), None),
    ]  # fmt: skip
    days = [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 1), date(2026, 5, 1)]
    found = [claimed(paid(mcc="8299"), *versions, on=day) for day in days]
    assert found == ["MOBILE_PAY", "business", "MOBILE_PAY", "MOBILE_PAY"]
    assert claimed(paid(mcc="8220"), *versions, on=date(2026, 4, 30)) == "GOV_FEE"


def test_the_lowest_priority_decides_then_the_first_name() -> None:
    rules = [
        said("b_rule", DAY, Rule(7, reason="excluded")),
        said("a_rule", DAY, Rule(7, reason="business")),
        said("c_rule", DAY, Rule(6, "transfer", reason="not_green")),
    ]
    assert claimed(paid(), *rules) == "business"
    assert claimed(paid("transfer"), *rules) == "not_green"


def test_a_rule_may_speak_of_one_channel() -> None:
    rule = said("by_nfc", DAY, Rule(1, channel="nfc", reason="excluded"))
    assert [claimed(paid(channel=c), rule) for c in ("nfc", "qr")] == ["excluded", "MOBILE_PAY"]


def test_payments_before_the_first_edition_take_its_rules() -> None:
    assert outcome(defaults().claim(paid("transfer"), date(1993, 1, 1))) == "ONLINE_TRANSFER"


rules = st.none() | st.builds(
    Rule,
    st.integers(1, 3),
    st.none() | st.sampled_from(["purchase", "transfer"]),
    st.none() | st.sampled_from(["qr", "nfc"]),
    st.sampled_from(["4000", "4111"]),
    st.none() | st.sampled_from(["4111", "4900"]),
    st.booleans(),
    st.none(),
    st.sampled_from(["cash", "business", "excluded"]),
)
days = st.integers(0, 6).map(lambda n: DAY + timedelta(days=n))
versions = st.lists(
    st.builds(said, st.sampled_from(["one", "two", "mcc_transit", "purchase"]), days, rules),
    max_size=6,
    unique_by=lambda version: (version.id, version.valid_from),
)


def in_force(version: Version, among: list[Version], on: date) -> bool:
    own = [v.valid_from for v in among if v.id == version.id and v.valid_from <= on]
    return bool(own) and version.valid_from == max(own)


def plainly(payment: Payment, said_: list[Version], on: date) -> str | None:
    """The rules read one after the other: what the rulebook must answer."""
    held = [(v.rule, v.id) for v in said_ if in_force(v, said_, on) and v.rule]
    held += [
        (Rule(d.row.priority, d.row.kind, d.row.channel, d.row.mcc_from, d.row.mcc_to,
              d.row.with_quantity, d.row.scenario, d.row.reason), d.id)
        for d in methodology().classification_rules()
        if not any(v.id == d.id and v.valid_from <= on for v in said_)
    ]  # fmt: skip
    question = (payment.kind, payment.channel, payment.mcc, payment.quantity is not None)
    fitting = [(rule.priority, id, rule) for rule, id in held if rule.fits(*question)]
    if not fitting:
        return "unclassified"
    rule = min(fitting, key=lambda found: found[:2])[2]
    if rule.reason:
        return rule.reason
    scenario = next(s for s in methodology().scenarios(on) if s.code == rule.scenario)
    return scenario.code if payment.channel in scenario.channels else "channel_earns_nothing"


@given(
    versions,
    st.sampled_from(["purchase", "transfer"]),
    st.sampled_from(get_args(Channel)),
    st.none() | st.sampled_from(["4111", "4500", "5411"]),
    st.integers(-1, 8),
)
def test_the_rulebook_answers_as_the_rules_read_one_by_one(
    said_: list[Version], kind: str, channel: str, mcc: str | None, day: int
) -> None:
    on, payment = DAY + timedelta(days=day), paid(kind, channel, mcc=mcc)
    assert claimed(payment, *said_, on=on) == plainly(payment, said_, on)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.timedeltas(timedelta(minutes=-10), timedelta(minutes=40)),
    st.timedeltas(timedelta(0), AHEAD),
    st.sampled_from([CITY, ZoneInfo("UTC"), ZoneInfo("America/New_York")]),
)
def test_no_payment_let_in_before_a_change_has_its_day(
    at: datetime, off: timedelta, ahead: timedelta, zone: ZoneInfo
) -> None:
    """`off`: how far door and worker may be behind the API that takes the change, or it in front."""
    now = at.replace(tzinfo=UTC)
    assert local_date(now + off + ahead, zone) < earliest(now, zone)


def test_a_change_begins_the_day_after_tomorrow() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=CITY)
    late = datetime(2026, 3, 1, 23, 30, tzinfo=CITY)
    assert earliest(noon, CITY) == date(2026, 3, 3)
    assert earliest(late, CITY) == date(2026, 3, 4)
