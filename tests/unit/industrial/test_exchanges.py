"""Meters that change: another counter, another asset, another multiplier; days of other zones."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain.facts import Fact
from services.industrial.domain.metering import Metering
from services.industrial.domain.postings import Posting
from services.industrial.domain.registers import RegisterSlot
from services.industrial.domain.registry import Enterprise, Meter
from services.industrial.domain.reviews import Held
from services.industrial.domain.stretches import alike, stretches
from shared.units.calendar import CITY, midnight, split_instants

ENTERPRISE = [Enterprise("E", "n", "1495", "d", "zhejiang", "p", "t")]
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
START = datetime(2022, 3, 1, tzinfo=CITY)


def reading(
    at: float, value: str, exchange: str | None = None, start: datetime | None = None
) -> Fact:
    """A counter `at` hours after the start; the use since `start` when one is given."""
    ends = START + timedelta(hours=at)
    id = f"{at}/{value}/{exchange}"
    return Fact(
        1, id.encode(), b"", "urn:test", id, "reading", "meter:r", start, ends, START, "actual",
        Decimal(value), "kWh", {"exchange": exchange} if exchange else {},
    )  # fmt: skip


def meter(**more: object) -> Meter:
    kind = str(more.pop("kind", "register"))
    return Meter("r", "E", "electricity", "kWh", kind, **more)  # type: ignore[arg-type]


def slot_of(*versions: Meter) -> RegisterSlot:
    return RegisterSlot(Metering(versions, ENTERPRISE, CITY).possible_usage)


def total(posting: Posting) -> Decimal:
    return sum((piece.quantity for piece in posting.pieces), Decimal(0))


def placed(slot: RegisterSlot, *facts: Fact) -> dict[str, Decimal]:
    """What each reading posts in the end, by its id."""
    found: dict[str, Decimal] = {}
    for fact in facts:
        change = slot.place(fact, None)
        for ended in [*change.ended, *change.dropped]:
            found.pop(ended.id, None)
        found |= {posting.fact.id: total(posting) for posting in change.posted}
    return found


@pytest.mark.parametrize("hours", [4, 6])
def test_nothing_is_used_between_a_final_reading_and_the_initial_one(hours: float) -> None:
    last, first = reading(4, "150", "final"), reading(hours, "20", "initial")
    begin, end = reading(0, "100"), reading(8, "32")
    assert placed(slot_of(meter()), begin, last, first, end) == {last.id: 50, end.id: 12}


def test_half_an_exchange_is_enough_to_post_nothing_over_it() -> None:
    begin, last, end = reading(0, "100"), reading(4, "150", "final"), reading(8, "900")
    assert placed(slot_of(meter()), begin, last, end) == {last.id: 50}
    first = reading(4, "20", "initial")
    assert placed(slot_of(meter()), begin, first, end) == {end.id: 880}


def test_a_reading_of_an_exchange_says_more_than_another_of_its_time() -> None:
    slot = slot_of(meter())
    last, plain = reading(4, "150", "final"), reading(4, "140")
    placed(slot, reading(0, "100"), last)
    assert slot.place(plain, None).posted == []
    assert (plain.state, plain.superseded_by) == ("superseded", last.key)


def test_a_counter_may_be_exchanged_twice_on_one_day() -> None:
    slot = slot_of(meter())
    facts = [
        reading(0, "100"), reading(4, "150", "final"), reading(4, "7", "initial"),
        reading(6, "8", "final"), reading(6, "1000", "initial"), reading(9, "1003"),
    ]  # fmt: skip
    assert sum(placed(slot, *facts).values()) == 50 + 1 + 3


@given(st.permutations(range(7)))
def test_uses_over_an_exchange_are_the_same_in_any_order(order: list[int]) -> None:
    facts = [
        reading(0, "100"), reading(2, "120"), reading(4, "150", "final"),
        reading(4, "500", "initial"), reading(5, "510"), reading(7, "511", "final"),
        reading(8, "600", "initial"),
    ]  # fmt: skip
    found = placed(slot_of(meter()), *(facts[n] for n in order))
    expected = [20, 30, 10, 1]
    assert found == dict(zip([facts[n].id for n in (1, 2, 4, 5)], expected, strict=True))


def test_a_version_of_the_day_of_an_exchange_is_the_new_counters() -> None:
    changed = meter(multiplier=Decimal(10), valid_from=date(2022, 3, 2))
    slot = slot_of(meter(multiplier=Decimal(2)), changed)
    last, first, end = reading(34, "150", "final"), reading(34, "0", "initial"), reading(40, "3")
    found = placed(slot, reading(20, "100"), last, first, end)
    assert found == {last.id: 100, end.id: 30}


def test_a_counter_taken_away_on_the_day_of_the_first_version_had_that_version() -> None:
    """Not a later one: the first holds before its day as well."""
    first = meter(multiplier=Decimal(2), valid_from=date(2022, 3, 2))
    later = meter(multiplier=Decimal(10), valid_from=date(2022, 6, 1))
    last = reading(34, "150", "final")
    for versions in ([first], [first, later]):
        assert placed(slot_of(*versions), reading(20, "100"), last) == {last.id: 100}


def test_a_use_over_the_day_of_another_asset_is_split_there() -> None:
    moved = meter(asset_id="line-2", valid_from=date(2022, 3, 2))
    slot = slot_of(meter(asset_id="line-1"), moved)
    slot.place(reading(18, "0"), None)
    [posting] = slot.place(reading(42, "24"), None).posted
    assert list(posting.assets) == ["line-1", "line-2"]
    assert [piece.quantity for piece in posting.pieces] == [6, 18]


@given(
    start=st.datetimes(datetime(2021, 1, 1), datetime(2024, 1, 1), timezones=st.just(CITY)),
    length=st.timedeltas(timedelta(minutes=1), timedelta(days=300)),
    days=st.lists(st.dates(date(2021, 1, 1), date(2024, 6, 1)), unique=True, max_size=4),
    value=st.decimals(0, 10**6, allow_nan=False, places=3),
    zone=st.sampled_from([CITY, BERLIN, NEW_YORK]),
)
def test_parts_of_assets_sum_to_the_whole(
    start: datetime, length: timedelta, days: list[date], value: Decimal, zone: ZoneInfo
) -> None:
    end = start + length
    versions = [meter(kind="interval")]
    versions += [
        meter(kind="interval", asset_id=f"a{n}", multiplier=Decimal(1), valid_from=day)
        for n, day in enumerate(sorted(days))
    ]
    spans = stretches(versions, start, end, zone)
    assert (spans[0].start, spans[-1].end) == (start, end)
    assert all(a.end == b.start for a, b in pairwise(spans))
    assert all(span.start < span.end for span in spans)
    fact = reading(0, str(value), start=start)
    fact.ends = end
    posting = Metering(versions, ENTERPRISE, zone).interval(fact)
    assert total(posting) == value
    exact = sum((Fraction(p.quantity) * p.rate.per_unit for p in posting.pieces), Fraction(0))
    assert abs(sum(p.amount_mg for p in posting.pieces) - exact) <= Fraction(500001, 1000000)


def test_versions_that_post_alike_do_not_cut_a_use() -> None:
    later = meter(register_max=Decimal(10**6), valid_from=date(2022, 3, 2))
    spans = stretches([meter(), later], START, START + timedelta(hours=48), CITY)
    assert [len(spans), len(alike(spans))] == [2, 1]
    first, last = reading(0, "0"), reading(48, "10")
    assert placed(slot_of(meter(), later), first, last) == {last.id: 10}


# Berlin's clocks go forward on the last day of March 2024 and back on the last of October 2021,
# New York's back on the first of November 2026.
@pytest.mark.parametrize(
    ("zone", "first", "last", "hours"),
    [
        (BERLIN, date(2024, 3, 31), date(2024, 4, 1), 23),
        (BERLIN, date(2021, 10, 31), date(2021, 11, 1), 25),
        (NEW_YORK, date(2026, 11, 1), date(2026, 11, 2), 25),
        (NEW_YORK, date(2024, 3, 10), date(2024, 3, 11), 23),
    ],
)
def test_days_of_23_and_25_hours(zone: ZoneInfo, first: date, last: date, hours: int) -> None:
    start, end = midnight(first, zone), midnight(last, zone)
    assert end - start == timedelta(hours=hours)
    fact = reading(0, "100", start=start - timedelta(hours=hours))
    fact.ends = end + timedelta(hours=2 * hours)
    versions = [meter(kind="interval")] + [
        meter(kind="interval", asset_id=str(day), valid_from=day) for day in (first, last)
    ]
    posting = Metering(versions, ENTERPRISE, zone).interval(fact)
    by_asset: dict[str | None, Decimal] = {}
    for asset, piece in zip(posting.assets, posting.pieces, strict=True):
        by_asset[asset] = by_asset.get(asset, Decimal(0)) + piece.quantity
    assert by_asset == {None: 25, str(first): 25, str(last): 50}
    months = {part.month for part in split_instants(fact.starts or start, fact.ends, zone)}
    assert {piece.month for piece in posting.pieces} == months


def test_an_interval_above_what_can_flow_is_held() -> None:
    metering = Metering([meter(kind="interval", rate_max=Decimal(100))], ENTERPRISE, CITY)
    fact = reading(2, "200", start=START)
    metering.check_interval(metering.interval(fact))
    fact.value = Decimal("200.5")
    with pytest.raises(Held) as held:
        metering.check_interval(metering.interval(fact))
    assert held.value.reason == "impossible_consumption"
    assert held.value.detail == (
        "meter:r: 200.5 kWh from 2022-03-01T00:00:00+08:00 to 2022-03-01T02:00:00+08:00 "
        "(event '2/200/None') is 100.25 kWh per hour; expected at most rate_max 100"
    )
    metering.released.add(fact.key)
    metering.check_interval(metering.interval(fact))


def test_the_limit_is_after_the_multiplier_and_of_each_version() -> None:
    later = meter(multiplier=Decimal(10), rate_max=Decimal(100), valid_from=date(2022, 3, 2))
    slot = slot_of(meter(multiplier=Decimal(10), rate_max=Decimal(10)), later)
    slot.place(reading(22, "0"), None)
    # Two hours at 10 and two at 100: 220 kWh, 22 on the counter.
    slot.place(reading(26, "22"), None)
    with pytest.raises(Held):
        slot.place(reading(27, "33"), None)
    slot.place(reading(27, "32"), None)


def test_any_use_that_a_reading_makes_may_be_too_high() -> None:
    slot = slot_of(meter(rate_max=Decimal(10)))
    placed(slot, reading(0, "0"), reading(2, "20"))
    for value in ("11", "9"):
        with pytest.raises(Held):
            slot.place(reading(1, value), None)
    assert [fact.id for _, fact in slot.standing] == ["0/0/None", "2/20/None"]
    slot.place(reading(1, "10"), None)


def test_exported_power_is_limited_by_its_amount() -> None:
    exported = meter(rate_max=Decimal(10))._replace(carrier="exported_electricity")
    slot = slot_of(exported)
    slot.place(reading(0, "0"), None)
    with pytest.raises(Held):
        slot.place(reading(1, "11"), None)


def test_a_counter_that_ran_backwards_is_held_naming_both() -> None:
    slot = slot_of(meter(register_max=Decimal(1000)))
    slot.place(reading(0, "100"), None)
    with pytest.raises(Held) as held:
        slot.place(reading(1, "99"), None)
    assert held.value.detail == (
        "meter:r: 99 kWh at 2022-03-01T01:00:00+08:00 (event '1/99/None') is below 100 kWh at "
        "2022-03-01T00:00:00+08:00 (event '0/100/None'); expected a rising counter, or a rollover "
        "at register_max 1000, or an exchange"
    )


def test_a_counter_shows_at_most_its_range() -> None:
    small, large = (meter(register_max=Decimal(top)) for top in (1000, 10_000))
    wide = large._replace(valid_from=date(2022, 3, 2))
    Metering([small], ENTERPRISE, CITY).check(reading(0, "1000"))
    for versions, at in (([small], 0), ([small, wide], 1)):
        with pytest.raises(Held, match=r"expected at most register_max 1000, got 1000\.1 kWh"):
            Metering(versions, ENTERPRISE, CITY).check(reading(at, "1000.1"))
    # On the day of an exchange either counter may have been read.
    changed = small._replace(valid_from=date(2022, 3, 2))
    for versions in ([small, wide], [large, changed], [small, meter(valid_from=date(2022, 3, 2))]):
        Metering(versions, ENTERPRISE, CITY).check(reading(25, "1000.1"))


def test_a_reading_that_was_released_or_replaced_may_show_anything() -> None:
    metering = Metering([meter(register_max=Decimal(1000))], ENTERPRISE, CITY)
    replaced, released = reading(0, "5000"), reading(1, "5000")
    replaced.state = "replaced"
    metering.released.add(released.key)
    metering.check(replaced)
    metering.check(released)
    with pytest.raises(Held):
        metering.check(reading(2, "5000"))
