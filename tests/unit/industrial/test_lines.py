"""Lines beside themselves, and assets that hang on others."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.industrial.domain.breakdown import Key, Sums, rolled_up
from services.industrial.domain.entries import ENERGY, OUTPUT
from services.industrial.domain.lines import LineMonth, above, best_month, lines_of
from services.industrial.domain.posted import (
    Posted,
    lines_with_costs,
    outputs_of,
    uses_of,
    whole_months,
)
from services.industrial.domain.tariffs import Tariffs

PARENTS = {"site": None, "line": "site", "pump": "line", "fan": "line"}
JANUARY, FEBRUARY, NEXT_YEAR = date(2022, 1, 1), date(2022, 2, 1), date(2023, 1, 1)


def month(n: int, tonnes: int, output: int) -> LineMonth:
    return LineMonth(date(2022, n, 1), tonnes * 10**9, Fraction(output))


def test_the_best_month_has_a_meaningful_output() -> None:
    [line] = lines_of(
        [("line", date(2022, n, 1), tonnes * 10**9) for n, tonnes in ((1, 30), (2, 20), (3, 1))],
        [("line", "steel", "t", date(2022, n, 1), Fraction(made)) for n, made in ((1, 10), (2, 10), (3, 4))],
        {}, {},
    )  # fmt: skip
    assert [m.intensity for m in line.months] == [3, 2, Fraction(1, 4)]
    assert best_month(line, NEXT_YEAR) == month(2, 20, 10)
    assert line.intensity == Fraction(51, 24)


def test_the_usual_output_of_an_even_number_of_months_lies_between_the_middle_ones() -> None:
    [line] = lines_of(
        [("line", date(2022, n, 1), tonnes * 10**9) for n, tonnes in ((1, 30), (2, 5))],
        [("line", "steel", "t", date(2022, n, 1), Fraction(made)) for n, made in ((1, 30), (2, 10))],
        {}, {},
    )  # fmt: skip
    # Half of 20 t, not of 30 t.
    assert best_month(line, NEXT_YEAR) == month(2, 5, 10)


def test_a_month_without_emissions_is_not_the_best() -> None:
    [line] = lines_of(
        [("line", JANUARY, 20)],
        [("line", "steel", "t", when, Fraction(10)) for when in (JANUARY, FEBRUARY)],
        {}, {},
    )  # fmt: skip
    assert best_month(line, NEXT_YEAR) == LineMonth(JANUARY, 20, Fraction(10))
    [unread] = lines_of([], [("line", "steel", "t", JANUARY, Fraction(10))], {}, {})
    assert best_month(unread, NEXT_YEAR) == LineMonth(JANUARY, 0, Fraction(10))


def test_a_month_under_way_is_not_the_best() -> None:
    [line] = lines_of(
        [("line", JANUARY, 30), ("line", FEBRUARY, 1)],
        [("line", "steel", "t", when, Fraction(10)) for when in (JANUARY, FEBRUARY)],
        {}, {},
    )  # fmt: skip
    found = [best_month(line, date(2022, m, d)) for m, d in ((1, 31), (2, 1), (2, 28), (3, 1))]
    assert [best and best.month for best in found] == [None, JANUARY, JANUARY, FEBRUARY]


@pytest.mark.parametrize("category", [ENERGY, OUTPUT])
def test_what_is_spread_over_months_tells_nothing_of_one(category: str) -> None:
    def row(kind: str, asset: str, when: date) -> Posted:
        name, unit = ("electricity", "kWh") if kind == ENERGY else ("steel", "t")
        spread = kind == category and when == JANUARY
        return Posted(asset, kind, name, unit, when, True, Decimal(4), 4, spread)

    rows = [row(ENERGY, "pump", when) for when in (JANUARY, FEBRUARY)]
    rows += [row(OUTPUT, "line", when) for when in (JANUARY, FEBRUARY)]
    assert [use.month for use in uses_of(rows, PARENTS)] == [FEBRUARY]
    [line] = lines_with_costs(rows, PARENTS, {}, Tariffs())
    assert [month.spread for month in line.months] == [True, False]
    assert [line.output, line.amount_mg] == [8, 8]
    best = best_month(line, NEXT_YEAR)
    assert best is not None and best.month == FEBRUARY


def test_what_hangs_on_a_line_is_the_lines() -> None:
    amounts = [
        ("pump", JANUARY, 10),
        ("fan", JANUARY, 5),
        ("site", JANUARY, 100),
        (None, JANUARY, 7),
    ]
    outputs = [("line", "steel", "t", JANUARY, Fraction(3))]
    [line] = lines_of(amounts, outputs, PARENTS, {"line": "line"})
    assert (line.amount_mg, line.kind) == (15, "line")


def test_two_products_of_a_line_cannot_be_told_apart() -> None:
    outputs = [("line", name, "t", JANUARY, Fraction(1)) for name in ("steel", "iron")]
    assert lines_of([("line", JANUARY, 1)], outputs, {}, {}) == []


def test_costs_are_those_of_the_months_with_output() -> None:
    def row(category: str, when: date, quantity: int, mg: int = 0) -> Posted:
        name = "electricity" if category == ENERGY else "steel"
        unit = "kWh" if category == ENERGY else "t"
        return Posted("line", category, name, unit, when, True, Decimal(quantity), mg)

    rows = [
        row(ENERGY, JANUARY, 1000, 5), row(ENERGY, FEBRUARY, 9000, 9), row(OUTPUT, JANUARY, 2),
    ]  # fmt: skip
    [line] = lines_with_costs(rows, {}, {}, Tariffs())
    assert [line.yuan, line.amount_mg] == [700, 5]
    assert whole_months(rows, date(2022, 1, 1), date(2022, 2, 28)) == [rows[0], rows[2]]


def test_use_is_over_the_output_of_the_nearest_asset_that_reports_one() -> None:
    def row(asset: str | None, category: str, quantity: int) -> Posted:
        name, unit = ("electricity", "kWh") if category == ENERGY else ("steel", "t")
        return Posted(asset, category, name, unit, JANUARY, True, Decimal(quantity), quantity)

    rows = [row("line", OUTPUT, 2), row(None, OUTPUT, 5)]
    rows += [row(asset, ENERGY, 10) for asset in ("pump", "line", "site", None)]
    assert {use.asset_id: use.output for use in uses_of(rows, PARENTS)} == {
        "pump": 2, "line": 2, "site": 7, None: 7,
    }  # fmt: skip
    assert outputs_of(rows, PARENTS, {"fan", "site"}) == {
        "fan": {JANUARY: 2}, "site": {JANUARY: 7},
    }  # fmt: skip


def test_a_circle_of_parents_ends() -> None:
    assert above("a", {"a": "b", "b": "a"}) == ["a", "b"]
    assert above(None, {}) == []


NAMES = st.sampled_from(["site", "line", "pump", "fan", None])


@given(st.lists(st.tuples(NAMES, st.integers(-100, 100)), max_size=12))
def test_own_sums_to_the_enterprise_and_wholes_to_what_hangs_below(
    rows: list[tuple[str | None, int]],
) -> None:
    parts = rolled_up(
        [(Key(name, None, None, None), Sums(energy_mg=mg)) for name, mg in rows], PARENTS
    )
    assert sum(part.own.total_mg for part in parts.values()) == sum(mg for _, mg in rows)
    for key, part in parts.items():
        below = [
            other.whole.total_mg
            for each, other in parts.items()
            if each.asset_id is not None
            and key.asset_id is not None
            and PARENTS[each.asset_id] == key.asset_id
        ]
        assert part.whole.total_mg == part.own.total_mg + sum(below)


def test_a_parent_without_entries_of_its_own_is_shown() -> None:
    parts = rolled_up([(Key("pump", None, None, None), Sums(process_mg=3))], PARENTS)
    assert [key.asset_id for key in parts] == ["line", "pump", "site"]
    site = parts[Key("site", None, None, None)]
    assert (site.own.total_mg, site.whole.total_mg) == (0, 3)
    with pytest.raises(KeyError):
        parts[Key("fan", None, None, None)]
