"""The simulated city: always the same, fit for the door, and with everything that can happen."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

import msgspec
import pytest

from shared.events.envelope import decode
from shared.events.identifiers import is_enterprise, is_farm, is_personal_account
from shared.units.calendar import local_date
from tanzhang.simulation import City, Posting, city
from tanzhang.simulation.catalogue import CARRIERS, DISTRICTS, SECTORS
from tanzhang.simulation.credit_codes import credit_code
from tanzhang.simulation.golden import CUSTOMER, HUAKANG, SANYIYI


def small(seed: int = 3) -> City:
    return city(seed, enterprises=120, farms=60, customers=400, payments=3000)


@cache
def postings() -> tuple[Posting, ...]:
    return tuple(small().events())


@cache
def once() -> dict[tuple[str, str], dict[str, Any]]:
    return {(p.event["source"], p.event["id"]): p.event for p in postings()}


def of_type(name: str) -> list[dict[str, Any]]:
    return [event for event in once().values() if event["type"] == f"cn.tanzhang.{name}.v1"]


def test_the_same_seed_gives_the_same_city() -> None:
    assert tuple(islice(small().events(), 2000)) == postings()[:2000]
    assert list(small().registry()) == list(small().registry())
    other = {p.event["subject"] for p in islice(small(4).events(), 2000)}
    assert other & {p.event["subject"] for p in postings()} <= {HUAKANG, SANYIYI, CUSTOMER}


def test_there_are_as_many_events_as_promised() -> None:
    tags = Counter(posting.tag for posting in postings())
    assert len(postings()) == small().event_count()
    assert tags["personal"] == 3000
    assert tags["golden"] == 7
    assert tags["duplicate"] == (len(postings()) - tags["duplicate"]) // 100
    assert len(once()) == len(postings()) - tags["duplicate"]


def test_parts_are_mixed_to_the_end() -> None:
    quarter = len(postings()) // 4
    for start in range(0, 4 * quarter, quarter):
        tags = Counter(p.tag for p in postings()[start : start + quarter])
        assert min(tags["industrial"], tags["agri"], tags["personal"], tags["duplicate"]) > 0


def test_a_big_city_is_not_kept_in_memory() -> None:
    big = city(1, enterprises=2, farms=2, customers=1_000_000, payments=10**6)
    assert len(list(islice(big.events(), 10))) == 10


def test_every_event_passes_the_door() -> None:
    for event in once().values():
        found = decode(msgspec.json.encode(event), strict=True)
        assert (found.source, found.id, found.subject) == (
            event["source"],
            event["id"],
            event["subject"],
        )
        assert event["source"] in small().sources()


def test_subjects_are_valid_ids() -> None:
    valid = {
        "meter.reading": is_enterprise,
        "production.report": is_enterprise,
        "economic.report": is_enterprise,
        "process.activity": is_enterprise,
        "farm.record": is_farm,
        "payment": is_personal_account,
    }
    for name, check in valid.items():
        assert of_type(name)
        assert all(check(event["subject"]) for event in of_type(name))
    for division, _ in DISTRICTS.values():
        assert is_enterprise(credit_code("1", division, "MA2HK001"))


def test_what_events_speak_of_is_registered_before() -> None:
    seen: dict[str, Any] = {}
    for one in small().registry():
        enterprise, _, asset = one.path.partition("/assets/")
        if asset:
            assert enterprise in seen
            parent = one.body.get("parent")
            assert parent is None or f"{enterprise}/assets/{parent}" in seen
        if one.path.startswith("/v1/meters/"):
            owner = f"/v1/enterprises/{one.body['enterprise_id']}"
            assert owner in seen
            assert "asset_id" not in one.body or f"{owner}/assets/{one.body['asset_id']}" in seen
        seen[one.path] = one.body
    for event in of_type("meter.reading"):
        meter = seen[f"/v1/meters/{event['data']['meter_id']}"]
        assert meter["enterprise_id"] == event["subject"]
        assert (meter["kind"], meter["unit"]) == (event["data"]["kind"], event["data"]["unit"])
    for event in of_type("farm.record"):
        assert f"/v1/farms/{event['subject']}" in seen
    for event in of_type("production.report"):
        body = seen[f"/v1/enterprises/{event['subject']}"]
        assert (body["product"], body["product_unit"]) == (
            event["data"]["product"],
            event["data"]["unit"],
        )
        assert f"/v1/benchmarks/{body['sector']}/2020?product={body['product']}" in seen


def test_stages_only_rise() -> None:
    stages = [one.stage for one in small().registry()]
    assert stages == sorted(stages)
    assert set(stages) == {0, 1, 2, 3}


def intensities() -> dict[str, Decimal]:
    """Planned emissions per output by enterprise, from the events and the registry."""
    meters = {
        one.path.removeprefix("/v1/meters/"): one.body
        for one in small().registry()
        if one.path.startswith("/v1/meters/")
    }
    used: dict[str, dict[str, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for event in of_type("meter.reading"):
        used[event["subject"]][event["data"]["meter_id"]].append(Decimal(event["data"]["value"]))
    tonnes: dict[str, Decimal] = defaultdict(Decimal)
    for subject, readings in used.items():
        for meter_id, values in readings.items():
            meter = meters[meter_id]
            amount = sum(values) if meter["kind"] == "interval" else max(values) - min(values)
            tonnes[subject] += amount * int(meter["multiplier"]) * CARRIERS[meter["carrier"]].tonnes
    figures = {s.activity: s.activity_tonnes for s in SECTORS if s.activity}
    output: dict[str, Decimal] = defaultdict(Decimal)
    for event in of_type("process.activity"):
        data = event["data"]
        share = Decimal(data.get("purity", 1))
        tonnes[event["subject"]] += (
            Decimal(data["quantity"]) * share * figures.get(data["activity"], Decimal(1))
        )
    for event in of_type("production.report"):
        output[event["subject"]] += Decimal(event["data"]["quantity"])
    return {subject: tonnes[subject] / made for subject, made in output.items()}


def test_all_four_colours_appear_in_realistic_shares() -> None:
    products = {e["subject"]: e["data"]["product"] for e in of_type("production.report")}
    benchmark = {sector.product: sector.benchmark for sector in SECTORS}
    colours: Counter[str] = Counter()
    for subject, intensity in intensities().items():
        ratio = intensity / benchmark[products[subject]]
        cuts = ((Decimal("0.8"), "deep"), (Decimal(1), "light"), (Decimal("1.2"), "yellow"))
        colours[next((name for cut, name in cuts if ratio <= cut), "red")] += 1
    assert min(colours[name] for name in ("deep", "light", "yellow", "red")) >= 8


def test_some_enterprises_miss_months_and_most_have_all() -> None:
    many = city(3, enterprises=600, farms=1, customers=0, payments=0)
    months = Counter(
        p.event["subject"]
        for p in many.events()
        if p.event["id"].rpartition("-output-")[1] and p.tag == "industrial"
    )
    assert Counter(months.values()).keys() == {8, 12}
    assert Counter(months.values())[12] > 550


def test_payments_hold_everything_that_can_happen() -> None:
    payments = [event["data"] for event in of_type("payment")]
    assert len({data["kind"] for data in payments}) == 18
    assert {"counter", "atm"} < {data["channel"] for data in payments}
    reversals = [data["reverses"] for data in payments if "reverses" in data]
    assert len(reversals) == len(set(reversals)) > 5
    assert any(Decimal(d["quantity"]) > 15_000 for d in payments if d["kind"] == "walking")
    rides: Counter[tuple[str, date]] = Counter()
    for event in of_type("payment"):
        if event["data"]["kind"] == "bus_ride":
            day = local_date(datetime.fromisoformat(event["time"]))
            rides[event["subject"], day] += 1
    assert max(rides.values()) > 6
    assert {event["time"][-6:] for event in of_type("payment")} == {"+08:00", "+00:00"}


def test_reversals_name_an_earlier_payment_of_the_same_account() -> None:
    for event in of_type("payment"):
        target = event["data"].get("reverses")
        if target is not None:
            original = once()[event["source"], target]
            assert original["subject"] == event["subject"]
            assert datetime.fromisoformat(original["time"]) < datetime.fromisoformat(event["time"])
            assert "reverses" not in original["data"]


def test_golden_events_and_what_is_expected_of_them() -> None:
    golden = [p.event for p in postings() if p.tag == "golden"]
    amounts = {
        e["data"]["activity"]: Decimal(e["data"]["quantity"])
        for e in [*golden, *small().golden_events_after()]
        if "activity" in e["data"]
    }
    expected = small().expected
    assert sum(amounts.values()) - 2 * amounts["direct.avoided_co2"] == Decimal("13875.24")
    assert dict(expected.before)["total_t"] == "14150.75"
    assert dict(expected.after)["total_t"] == "13875.24"
    output = Decimal(dict(expected.after)["output"])
    for figures, intensity in (
        (expected.before, expected.before_intensity),
        (expected.after, expected.after_intensity),
    ):
        assert round(Decimal(dict(figures)["total_t"]) / output, 4) == Decimal(intensity)
    assert [e["subject"] for e in golden].count(CUSTOMER) == 1
    assert sum(1 for event in once().values() if event["subject"] == CUSTOMER) == 1


def test_nothing_lies_in_the_future_of_its_year() -> None:
    last = datetime(2021, 1, 5, tzinfo=UTC)
    assert max(datetime.fromisoformat(e["time"]) for e in once().values()) < last


@pytest.mark.parametrize(
    "sizes",
    [{"enterprises": 0}, {"farms": 0}, {"customers": 0}, {"payments": -1}, {"year": 1999}],
)
def test_sizes_that_do_not_fit(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        city(1, **sizes)
