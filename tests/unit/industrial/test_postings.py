"""Quantities, rates and amounts of postings; reversals; sums by month."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain import postings
from services.industrial.domain.entries import Entry, reversal, split_quantity, standing
from services.industrial.domain.facts import Fact, Refused
from services.industrial.domain.postings import Posting, metered
from services.industrial.domain.rates import activity_rate, meter_rate
from services.industrial.domain.registry import Enterprise, Meter, on_date
from services.industrial.domain.years import Year
from services.industrial.handler import state_of
from shared.events.types import IndustrialAccount
from shared.stream.service import Account
from shared.units.amount import tonnes_text
from shared.units.calendar import CITY

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MARCH = date(2022, 3, 1)
FIRST = Enterprise("E", "n", "1495", "d", "zhejiang", "p", "t")
ENTERPRISE = [FIRST]
INSTANTS = st.datetimes(datetime(2019, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC))
VALUES = st.decimals(0, 10**9, allow_nan=False, places=4)


def fact(value: str = "1", **data: object) -> Fact:
    return Fact(
        1, b"k", b"", "urn:test", "id", "reading", "meter:m", NOW, NOW, None, "actual",
        Decimal(value), "kWh", dict(data),
    )  # fmt: skip


def entry(posting: Posting, line: int) -> Entry:
    piece = posting.pieces[line]
    return Entry(
        1, b"k", line, b"k", piece.month, piece.rate.category, None, "m", posting.activity,
        piece.quantity, posting.unit, piece.rate.factor, None, "set", "1", False, "actual",
        piece.amount_mg, None, "posted", posting.rule, 1, NOW,
    )  # fmt: skip


def post(carrier: str, unit: str, value: Decimal, start: datetime, end: datetime) -> Posting:
    meter = Meter("m", "E", carrier, unit, "interval")
    return metered(fact(), value, "actual", (start, end), meter, ENTERPRISE, CITY)


def test_golden_6_diesel_in_set_a() -> None:
    rate = meter_rate("diesel", "t", "3120", "zhejiang", MARCH)
    assert (
        rate.per_unit
        == Fraction("42.652") * Fraction("0.0202") * Fraction("0.98") * Fraction(44, 12) * 10**9
    )
    assert round(rate.per_unit, -5) == 3_095_900_000
    assert len(rate.factor.as_tuple().digits) >= 20


def test_golden_7_grid_electricity() -> None:
    posting = post(
        "electricity", "kWh", Decimal(1000), NOW.replace(year=2022), NOW.replace(year=2022, hour=1)
    )
    assert [piece.amount_mg for piece in posting.pieces] == [515_300_000]


def test_the_same_fuel_in_energy_units_goes_through_its_calorific_value() -> None:
    by_mass = meter_rate("diesel", "t", "3120", "zhejiang", MARCH).per_unit
    by_energy = meter_rate("diesel", "GJ", "3120", "zhejiang", MARCH).per_unit
    assert by_mass == by_energy * Fraction("42.652")


def test_a_region_without_a_figure_of_its_time_is_marked() -> None:
    assert meter_rate("electricity", "MWh", "1495", "zhejiang", date(2020, 1, 1)).fallback
    assert not meter_rate("electricity", "MWh", "1495", "zhejiang", MARCH).fallback


@given(
    start=INSTANTS, length=st.timedeltas(timedelta(minutes=1), timedelta(days=900)), value=VALUES
)
def test_months_sum_exactly_to_the_whole(
    start: datetime, length: timedelta, value: Decimal
) -> None:
    posting = post("electricity", "kWh", value, start, start + length)
    assert sum(piece.quantity for piece in posting.pieces) == value
    exact = sum((Fraction(p.quantity) * p.rate.per_unit for p in posting.pieces), Fraction(0))
    assert abs(sum(p.amount_mg for p in posting.pieces) - exact) <= Fraction(1, 2) + Fraction(
        1, 10**6
    )
    for piece in posting.pieces:
        assert abs(piece.amount_mg - Fraction(piece.quantity) * piece.rate.per_unit) < Fraction(
            101, 100
        )
    assert [p.month for p in posting.pieces] == sorted({p.month for p in posting.pieces})


@given(value=VALUES, days=st.integers(1, 30))
def test_one_month_and_many_round_alike(value: Decimal, days: int) -> None:
    start = datetime(2022, 3, 1, tzinfo=CITY)
    whole = post("natural_gas", "m3", value, start, start + timedelta(days=days))
    rate = whole.pieces[0].rate
    assert [p.amount_mg for p in whole.pieces] == [round(Fraction(value) * rate.per_unit)]


@given(start=INSTANTS, length=st.timedeltas(timedelta(hours=1), timedelta(days=400)), value=VALUES)
def test_reversing_everything_leaves_nothing(
    start: datetime, length: timedelta, value: Decimal
) -> None:
    posting = post("exported_electricity", "kWh", value, start, start + length)
    lines = [entry(posting, n) for n in range(len(posting.pieces))]
    assert all(line.amount_mg <= 0 for line in lines)
    backs = [reversal(e, len(lines) + n, b"c", "replaced", 2, NOW) for n, e in enumerate(lines)]
    assert standing([*backs, *lines]) == []
    sums = {line.month.year: Year() for line in lines}
    for line in [*lines, *backs]:
        sums[line.month.year].add(line)
    for year in sums.values():
        assert year == Year(factor_sets=dict.fromkeys(year.factor_sets, 0))
        assert (year.standing_sets(), year.total_mg) == ([], 0)


@given(total=VALUES, weights=st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_parts_of_a_quantity_sum_exactly(total: Decimal, weights: list[int]) -> None:
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    parts = split_quantity(total, shares)
    assert sum(map(Fraction, parts)) == Fraction(total)
    for part, share in zip(parts, shares, strict=True):
        assert abs(Fraction(part) - Fraction(total) * share) <= Fraction(len(parts), 10**18)


def line(month: int, category: str, amount_mg: int, quality: str = "actual") -> Entry:
    return Entry(
        1, b"k", 0, b"k", date(2022, month, 1), category, None, "m", "a", Decimal("1.5"), "t",
        Decimal(1), None, f"set{month}", "1", False, quality, amount_mg, None, "posted", "r", 1, NOW,
    )  # fmt: skip


def test_a_year_is_the_sum_of_its_entries() -> None:
    year = Year()
    for entry in (
        line(1, "energy", 4),
        line(1, "energy", 1, "estimated"),
        line(3, "energy", -5, "substituted"),
        line(3, "process", 3),
        line(4, "avoided", 1),
        line(5, "pv_memo", 9),
        line(6, "output", 0),
        line(6, "output", 0),
        line(7, "value_added", 0),
        line(8, "water_memo", 0),
    ):
        year.add(entry)
    assert (year.energy_mg, year.total_mg, year.pv_mg) == (0, 2, 9)
    assert (year.output, year.value_added) == (Decimal(3), Decimal("1.5"))
    assert (year.months_energy, year.months_output) == (2, 1)
    assert (year.energy_covered, year.output_covered) == ([1, 3], [6])
    assert year.standing_sets() == ["set1@1", "set3@1", "set4@1"]
    assert year.quality() == {
        "actual": Decimal("0.4"), "estimated": Decimal("0.1"), "substituted": Decimal("0.5"),
    }  # fmt: skip


def test_without_energy_there_is_no_quality() -> None:
    assert Year(process_mg=4).quality() == {}


@given(mg=st.integers(-(10**18), 10**18))
def test_a_state_tells_whole_milligrams_as_exact_tonnes(mg: int) -> None:
    sums = Year(energy_mg=mg, process_mg=2 * mg)
    account = Account(1, "E", 1, 1, 0)
    told = state_of(account, 1, 2022, sums, FIRST, NOW).data
    assert isinstance(told, IndustrialAccount)
    assert format(told.energy_t, "f") == tonnes_text(mg)
    assert format(told.total_t, "f") == tonnes_text(3 * mg)


def test_purity_and_named_contents_scale_a_process() -> None:
    pure = activity_rate("carbonate.CaCO3", "t", None, (), MARCH)
    half = activity_rate("carbonate.CaCO3", "t", Decimal("0.5"), (), MARCH)
    assert pure.per_unit == Fraction("0.4397") * 10**9 == half.per_unit * 2
    with pytest.raises(Refused) as refused:
        activity_rate("direct.co2", "t", Decimal("0.5"), (), MARCH)
    assert refused.value.reason == "wrong_share"


def test_an_amount_beyond_all_sense_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        post("electricity", "MWh", Decimal(10) ** 13, NOW, NOW + timedelta(hours=1))
    assert refused.value.reason == "out_of_range"


def test_a_day_takes_the_version_in_force() -> None:
    later = Enterprise("E", "n", "3120", "d", "zhejiang", "p", "t", date(2022, 1, 1))
    assert on_date([FIRST, later], date(2021, 12, 31)) is FIRST
    assert on_date([FIRST, later], date(2022, 1, 1)) is later
    assert on_date([later], date(2000, 1, 1)) is later
    assert postings.METER_RULE == "industrial.meter.v1"
