"""The oracle by figures worked out by hand, and its indifference to order and repetition."""

import json
from datetime import date
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.oracle import DeadLetter, Farm, expected
from tests.faults.workload import TOPICS, Kind, Sent, Workload

ACCOUNT = "jsrcb:someone-or-other"
ENTERPRISE = "91330800704205947U"
FARM = "farm:sanyiyi"
REGISTRATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "industrial",
        f"/v1/enterprises/{ENTERPRISE}",
        {"sector": "3120", "product": "xylitol", "product_unit": "t"},
    ),
    (
        "grading",
        "/v1/benchmarks/3120/2020?product=xylitol",
        {
            "product": "xylitol",
            "benchmark": "0.1100",
            "cuts": {"deep_green": "0.80", "light_green": "1.00", "yellow": "1.20"},
        },
    ),
]


def _meter(name: str, carrier: str, unit: str, **more: str) -> tuple[str, str, dict[str, Any]]:
    body = {"enterprise_id": ENTERPRISE, "carrier": carrier, "unit": unit, "multiplier": "1"}
    return "industrial", f"/v1/meters/{name}", body | more


def _sent(
    type: str,
    id: str,
    subject: str,
    data: dict[str, Any],
    time: str = "2025-03-01T10:00:00+08:00",
    kind: Kind = "event",
) -> Sent:
    name = f"cn.tanzhang.{type}.v1"
    found = {"specversion": "1.0", "type": name, "source": "s", "id": id, "subject": subject}
    raw = json.dumps(found | {"time": time, "data": data}).encode()
    return Sent(TOPICS[name], subject, raw, kind)


def _paid(id: str, paid: str, at: str = "10:00:00", kind: Kind = "event", **data: Any) -> Sent:
    found = {"kind": paid, "channel": "online", "amount": "1", "currency": "CNY"} | data
    return _sent("payment", id, ACCOUNT, found, f"2025-03-01T{at}+08:00", kind)


def _read(id: str, meter: str, value: str, unit: str, end: str, **data: Any) -> Sent:
    found = {"meter_id": meter, "value": value, "unit": unit, "quality": "actual", "end": end}
    found["kind"] = "interval" if "start" in data else "register"
    return _sent("meter.reading", id, ENTERPRISE, found | data)


def _activity(id: str, activity: str, quantity: str, **data: Any) -> Sent:
    found = {"activity": activity, "quantity": quantity, "unit": "t"}
    found |= {"start": "2020-01-01", "end": "2021-01-01"}
    return _sent("process.activity", id, ENTERPRISE, found | data)


def _recorded(id: str, **data: Any) -> Sent:
    found = {"start": "2020-01-01", "end": "2021-01-01", "parcel_id": "p"}
    return _sent("farm.record", id, FARM, found | data)


def _personal(*sent: Sent) -> dict[str, int]:
    found = expected(sent, []).amounts["personal"]
    return {id: amount for (_, id), amount in found.items()}


def test_one_transfer_saves_what_one_voucher_weighs() -> None:
    assert _personal(_paid("1", "transfer")) == {"1": 23_096}
    assert expected([_paid("1", "transfer")], []).accounts == {ACCOUNT: 23_096}


def test_a_cap_is_filled_by_time_and_refilled_after_a_reversal() -> None:
    loans = [_paid("late", "loan", "11:00:00"), _paid("early", "loan", "09:00:00")]
    assert _personal(*loans) == {"early": 461_920, "late": 0}
    back = _paid("back", "loan", "12:00:00", reverses="early")
    assert _personal(back, *loans) == {"early": 0, "late": 461_920, "back": 0}


def test_the_first_report_of_a_behaviour_counts_and_the_next_after_its_reversal() -> None:
    loans = [
        _paid("late", "loan", "11:00:00", channel_ref="r"),
        _paid("early", "loan", "09:00:00", channel_ref="r"),
        _paid("unearning", "loan", "08:00:00", channel_ref="r", channel="counter"),
        _paid("other", "transfer", "12:00:00", channel_ref="r"),
    ]
    nothing = {"late": 0, "early": 0, "unearning": 0}
    assert _personal(*loans) == nothing | {"early": 461_920, "other": 23_096}
    back = _paid("back", "loan", "12:00:00", reverses="early", channel_ref="r")
    assert _personal(back, *loans) == nothing | {"late": 461_920, "other": 23_096, "back": 0}


def test_a_quantity_fills_what_is_left_and_rounds_the_slot_once() -> None:
    rides = [
        _paid("a", "bike_ride", "08:00:00", quantity="19.99999"),
        _paid("b", "bike_ride", "09:00:00", quantity="3"),
    ]
    # 859 999.57 mg and 860 000 mg in all.
    assert _personal(*rides) == {"a": 860_000, "b": 0}


def test_counters_and_the_wrong_channel_for_a_purchase_earn_nothing() -> None:
    found = _personal(
        _paid("a", "transfer", channel="counter"),
        _paid("b", "purchase", channel="online"),
        _paid("c", "purchase", channel="qr"),
    )
    assert found == {"a": 0, "b": 0, "c": 4_355}


def test_a_day_ends_in_the_city() -> None:
    def loan(id: str, time: str) -> Sent:
        data = {"kind": "loan", "channel": "online", "amount": "1", "currency": "CNY"}
        return _sent("payment", id, ACCOUNT, data, time)

    found = _personal(
        loan("a", "2025-03-01T15:59:59Z"),
        loan("b", "2025-03-01T16:00:00Z"),
        loan("c", "2025-03-02T23:59:59+08:00"),
    )
    assert found == {"a": 461_920, "b": 461_920, "c": 0}


def test_saved_power_is_the_fall_against_last_year_up_to_its_cap() -> None:
    def bill(id: str, year: int, used: str) -> Sent:
        data = {"kind": "electricity_saving", "channel": "partner", "quantity": used}
        data |= {"amount": "0", "currency": "CNY"}
        return _sent("payment", id, ACCOUNT, data, f"{year}-06-15T10:00:00+08:00")

    found = _personal(bill("a", 2024, "500"), bill("b", 2025, "300"), bill("c", 2026, "900"))
    assert found == {"a": 0, "b": 200 * 515_300, "c": 0}
    assert _personal(bill("a", 2024, "500"), bill("b", 2025, "1"))["b"] == 300 * 515_300


def test_what_waits_and_what_is_dead() -> None:
    sent = [
        _paid("first", "transfer"),
        _paid("first", "transfer", kind="conflict", amount="2"),
        _paid("early", "transfer", reverses="never came"),
        _paid("back", "transfer", reverses="first"),
        _paid("again", "transfer", kind="refused", reverses="first"),
        _paid("twist", "transfer", kind="refused", reverses="back"),
        Sent("payments", "x", b"{", "poison"),
    ]
    found = expected(sent, [])
    assert found.parked == {("personal", ("s", "early"))}
    reasons = {what: reason for _, what, reason in found.dead}
    assert [letter for letter in found.dead if letter.reason == "conflict"] == [
        DeadLetter("personal", "s first", "conflict")
    ]
    assert (reasons["s again"], reasons["s twist"]) == ("already_reversed", "not_a_payment")
    assert sorted(reasons.values()) == [
        "already_reversed",
        "conflict",
        "not-json",
        "not_a_payment",
    ]


def test_a_record_that_nothing_is_wrong_with_is_no_poison() -> None:
    with pytest.raises(AssertionError, match="nothing is wrong"):
        expected([_paid("1", "transfer", kind="poison")], [])
    with pytest.raises(AssertionError, match="no rule refuses"):
        expected([_paid("1", "transfer", kind="refused")], [])


def test_the_enterprise_of_the_methodology_before_and_after_its_reduction() -> None:
    output = {"product": "xylitol", "quantity": "137120", "unit": "t"}
    output |= {"start": "2020-01-01", "end": "2021-01-01"}
    before = [
        _activity("1", "direct.energy_co2", "11659.61"),
        _activity("2", "direct.co2", "2491.14"),
        _sent("production.report", "3", ENTERPRISE, output),
    ]
    year = expected(before, REGISTRATIONS).enterprises[ENTERPRISE, 2020]
    assert year.total == 14_150_750_000_000
    assert round(Fraction(year.total, 10**9) / year.output, 4) == Fraction("0.1032")
    found = expected([*before, _activity("4", "direct.avoided_co2", "275.51")], REGISTRATIONS)
    assert found.enterprises[ENTERPRISE, 2020].total == 13_875_240_000_000
    assert found.labels == {("industrial", ENTERPRISE, 2020): "light_green"}


@pytest.mark.parametrize(
    ("tonnes", "word"),
    [("0.8", "deep_green"), ("1", "light_green"), ("1.2", "yellow"), ("1.2000001", "red")],
)
def test_cut_points_belong_to_the_better_colour(tonnes: str, word: str) -> None:
    body = REGISTRATIONS[1][2] | {"benchmark": "1"}
    registrations = [REGISTRATIONS[0], (*REGISTRATIONS[1][:2], body)]
    output = {"product": "xylitol", "quantity": "1", "unit": "t"}
    output |= {"start": "2020-01-01", "end": "2021-01-01"}
    sent = [
        _activity("1", "direct.energy_co2", tonnes),
        _sent("production.report", "2", ENTERPRISE, output),
    ]
    assert expected(sent, registrations).labels == {("industrial", ENTERPRISE, 2020): word}


def test_a_tonne_of_diesel_and_a_megawatt_hour() -> None:
    registrations = [*REGISTRATIONS, _meter("d", "diesel", "t"), _meter("e", "electricity", "kWh")]
    day = {"start": "2022-03-01T00:00:00+08:00"}
    end = "2022-03-02T00:00:00+08:00"
    found = expected(
        [_read("1", "d", "1000", "kg", end, **day), _read("2", "e", "1", "MWh", end, **day)],
        registrations,
    ).amounts["industrial"]
    assert round(Fraction(found["s", "1"], 10**9), 4) == Fraction("3.0959")
    assert found["s", "2"] == 515_300_000


def test_a_reading_across_the_new_year_takes_the_factor_of_each_year() -> None:
    registrations = [*REGISTRATIONS, _meter("e", "electricity", "kWh")]
    found = expected(
        [
            _read(
                "1", "e", "4", "MWh", "2022-01-04T00:00:00+08:00", start="2021-12-31T00:00:00+08:00"
            )
        ],
        registrations,
    )
    years = {key[1]: year.energy for key, year in found.enterprises.items()}
    assert years == {2021: 542_200_000, 2022: 3 * 515_300_000}


def test_a_better_reading_and_a_replacement_take_the_interval() -> None:
    registrations = [*REGISTRATIONS, _meter("e", "heat", "GJ")]

    def reading(id: str, value: str, **data: Any) -> Sent:
        times = {"start": "2025-03-01T00:00:00+08:00"}
        return _read(id, "e", value, "GJ", "2025-03-02T00:00:00+08:00", **times | data)

    sent = [
        reading("a", "10"),
        reading("b", "20", quality="estimated"),
        reading("c", "30", quality="estimated", replaces="a"),
    ]
    found = expected(sent, registrations).amounts["industrial"]
    # The replacement is weaker than what it replaces, and still keeps its place.
    assert found == {("s", "a"): 0, ("s", "b"): 0, ("s", "c"): 30 * 110_000_000}


def test_a_counter_that_rolls_over() -> None:
    registrations = [*REGISTRATIONS, _meter("e", "heat", "GJ", register_max="1000")]
    found = expected(
        [
            _read("late", "e", "100", "GJ", "2025-03-03T00:00:00+08:00"),
            _read("early", "e", "400", "GJ", "2025-03-01T00:00:00+08:00"),
            _read("middle", "e", "900", "GJ", "2025-03-02T00:00:00+08:00"),
        ],
        registrations,
    ).amounts["industrial"]
    assert found["s", "middle"] == 500 * 110_000_000
    assert found["s", "late"] == 200 * 110_000_000
    assert found["s", "early"] == 0


def test_the_farm_of_the_methodology() -> None:
    soil = {"soil": "LAC", "land_use": "perennial", "input_before": "medium"}
    soil |= {"input_after": "high_manure", "tillage_before": "full", "tillage_after": "full"}
    herd = {"animal": "growing_pig", "heads": "700"}
    herd |= {"system_before": "pit_long", "system_after": "digester"}
    found = expected(
        [
            _recorded("1", pathway="straw_return", area_ha="364.76", straw_kg_per_ha="1920"),
            _recorded("2", pathway="soil_carbon", parcel_id="q", area_ha="77.32", **soil),
            _recorded(
                "3", pathway="manure_utilisation", start="2021-01-01", end="2022-01-01", **herd
            ),
        ],
        [],
    ).farms
    whole = Farm(found[FARM, 2020].straw, found[FARM, 2020].soil, found[FARM, 2021].manure)
    tonnes = [round(Fraction(mg, 10**9), 1) for mg in (whole.straw, whole.soil, whole.manure)]
    assert tonnes == [Fraction("613.5"), Fraction("247.0"), Fraction("238.6")]
    assert round(Fraction(whole.neutralised, 10**9), 1) == Fraction("1099.1")


def test_straw_has_one_intercept_and_one_cap_a_year() -> None:
    def straw(id: str, kg: str) -> Sent:
        return _recorded(id, pathway="straw_return", area_ha="100", straw_kg_per_ha=kg)

    once = expected([straw("1", "1920")], []).farms[FARM, 2020].straw
    assert round(Fraction(once, 10**9), 2) == Fraction("168.19")
    assert expected([straw("1", "920"), straw("2", "1000")], []).farms[FARM, 2020].straw == once
    capped = expected([straw("1", "15000")], []).farms[FARM, 2020].straw
    assert expected([straw("1", "9000"), straw("2", "9000")], []).farms[FARM, 2020].straw == capped
    assert expected([straw("1", "0")], []).farms[FARM, 2020].straw == 0


@pytest.mark.parametrize(
    ("mwh", "word"),
    [(None, "ungraded"), ("100", "deep_green"), ("400", "medium_green"), ("4000", "light_green")],
)
def test_the_three_greens(mwh: str | None, word: str) -> None:
    year = {"start": "2022-01-01", "end": "2023-01-01"}
    straw = {"pathway": "straw_return", "area_ha": "100", "straw_kg_per_ha": "1920"}
    sent = [_recorded("1", **straw, **year)]
    if mwh is not None:
        power = {"pathway": "emission", "source": "electricity", "quantity": mwh, "unit": "MWh"}
        sent.append(_recorded("2", **power, **year))
    assert list(expected(sent, []).labels.values()) == [word]


@settings(max_examples=8)
@given(st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(chance: Random) -> None:
    workload = Workload(9, enterprises=3, farms=3, customers=8, duplicates=0.05, conflicts=0.03)
    workload.take(500)
    straight = expected(workload.sent, workload.registrations())
    free = [record for record in workload.sent if not record.contradicts()]
    late = [record for record in workload.sent if record.contradicts()]
    chance.shuffle(free)
    again = chance.choices(workload.sent, k=50)
    assert expected([*free, *late, *again], workload.registrations()) == straight


def test_a_label_of_the_running_year_needs_every_month_gone_by() -> None:
    registrations = [*REGISTRATIONS, _meter("e", "electricity", "kWh")]
    output = {"product": "xylitol", "quantity": "1000000", "unit": "t"}
    output |= {"start": "2025-01-01", "end": "2025-03-01"}
    power = {"start": "2025-01-01T00:00:00+08:00"}
    sent = [
        _read("1", "e", "9", "kWh", "2025-03-01T00:00:00+08:00", **power),
        _sent("production.report", "2", ENTERPRISE, output),
    ]

    def label(today: date) -> str:
        labels = expected(sent, registrations, today=today).labels
        return labels["industrial", ENTERPRISE, 2025]

    assert label(date(2025, 3, 31)) == "deep_green"
    assert label(date(2025, 4, 1)) == "ungraded"
    assert label(date(2026, 1, 1)) == "ungraded"
