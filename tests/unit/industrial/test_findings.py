"""What each rule finds in loads, months and lines that are easy to follow by hand."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from services.industrial.domain.findings import ranking
from services.industrial.domain.findings.finding import Finding, Given, Scope, Use
from services.industrial.domain.findings.load import (
    NIGHT_HOURS,
    Day,
    Load,
    Used,
    days_of,
    rests,
    total,
)
from services.industrial.domain.findings.ranking import Baseline
from services.industrial.domain.lines import Line, LineMonth
from services.industrial.domain.tariffs import TariffError, Tariffs, parse

FIRST, UNTIL = date(2022, 1, 1), date(2023, 1, 1)
METER = Scope("line", "m1", "electricity", "kWh")
MG = Fraction(515_300)
HOUR = Fraction(1)

Rate = Callable[[date, int], int]


def load_of(rate: Rate, days: int = 90, peak: Callable[[date], int] | None = None) -> Load:
    """A meter that uses `rate(day, hour)` kWh in each hour of so many days from New Year on."""
    hours: dict[tuple[bool, int], Used] = {}
    made = []
    for day in (FIRST + timedelta(days=n) for n in range(days)):
        used = {hour: Used(Fraction(rate(day, hour)), HOUR) for hour in range(24)}
        for hour, part in used.items():
            key = (rests(day), hour)
            hours[key] = hours.get(key, Used()) + part
        night = total(part for hour, part in used.items() if hour in NIGHT_HOURS)
        most = Fraction(peak(day) if peak else max(rate(day, hour) for hour in range(24)))
        made.append(Day(day, total(used.values()), night, most))
    return Load("m1", "line", "electricity", "kWh", hours, made)


def seen(*loads: Load, **more: object) -> Given:
    given = Given(FIRST, UNTIL, loads, mg_per_unit={("electricity", "kWh"): MG})
    return replace(given, **more)  # type: ignore[arg-type]


def found(kind: str, given: Given) -> list[Finding]:
    return [finding for finding in ranking.find(given) if finding.kind == kind]


def worker(night: int, quiet: int, weekend: int, still: int) -> Rate:
    """100 kW by day; by night and on week-ends so much, every fifth of them only the lesser."""

    def rate(day: date, hour: int) -> int:
        if rests(day):
            return still if day.day % 5 == 0 else weekend
        if hour in NIGHT_HOURS:
            return quiet if day.day % 5 == 0 else night
        return 100

    return rate


def test_night_load_is_what_quiet_nights_show_to_be_possible() -> None:
    load = load_of(worker(night=40, quiet=10, weekend=10, still=10))
    [one] = found("night_load", seen(load))
    nights = load.nights()
    quiet = sum(day.day.day % 5 == 0 for day in nights)
    level = Fraction(40 * (len(nights) - quiet) + 10 * quiet, len(nights))
    hours = 8 * days_of(FIRST, UNTIL, resting=False)
    assert (one.level, one.target) == (level, Fraction(10))
    assert one.avoidable == (level - 10) * hours
    assert one.avoidable_mg == round((level - 10) * hours * MG)
    # All of it at night, at the valley's price.
    assert one.yuan == one.avoidable * Fraction("0.35")
    assert (one.confidence, one.scope) == ("high", METER)
    assert [point["hour"] for point in one.series] == list(range(24))
    assert one.series[12] == {"hour": 12, "working": "100.000000", "non_working": "10.000000"}


def shifts(day: date, hour: int) -> int:
    """Works day and night, seven days a week, but for a stop in each tenth night or day."""
    return 5 if day.day in (2, 3, 9, 16, 22, 23, 29, 30) else 90 if hour in NIGHT_HOURS else 100


def test_a_works_of_three_shifts_leaves_nothing_on() -> None:
    given = seen(load_of(shifts))
    assert [f.kind for f in ranking.find(given) if f.kind != "peak_demand"] == []


def test_a_night_worked_now_and_then_is_not_left_on() -> None:
    """A steel works' nights: 12 to 14 kW, and 150 when there is an order."""

    def orders(day: date, hour: int) -> int:
        if rests(day) or hour not in NIGHT_HOURS:
            return 12 if rests(day) else 200
        return 150 if day.day % 6 == 0 else 12 if day.day % 5 == 0 else 14

    load = load_of(orders)
    [one] = found("night_load", seen(load))
    nights = [night.night.rate for night in load.nights()]
    assert [max(nights), one.target] == [150, 12]
    capped = [min(rate, Fraction(14)) for rate in nights]
    assert one.level == sum(capped, Fraction(0)) / len(nights)


def test_weekend_load_takes_its_nights_and_the_night_rule_does_not() -> None:
    load = load_of(worker(night=10, quiet=10, weekend=40, still=10))
    given = seen(load)
    assert found("night_load", given) == []
    [one] = found("weekend_load", given)
    assert one.target == 10
    assert one.avoidable == (one.level - 10) * 24 * days_of(FIRST, UNTIL, resting=True)


@examples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_night_and_weekend_together_never_save_more_than_is_used(
    night: int, quiet: int, weekend: int, still: int
) -> None:
    """They look at hours that are apart: what both could save is at most what both use."""
    load = load_of(worker(night, quiet, weekend, still), days=60)
    saving = [f for f in ranking.find(seen(load)) if f.kind in ("night_load", "weekend_load")]
    used = total(day.night for day in load.nights()).rate * 8 * days_of(
        FIRST, UNTIL, resting=False
    ) + total(d.whole for d in load.days if d.resting).rate * 24 * days_of(
        FIRST, UNTIL, resting=True
    )
    assert 0 <= sum(finding.avoidable for finding in saving) <= used
    assert all(finding.avoidable_mg >= 0 for finding in saving)


def test_too_few_days_or_too_small_a_difference_is_no_finding() -> None:
    assert ranking.find(seen(load_of(worker(40, 10, 40, 10), days=10))) == []
    assert ranking.find(seen(load_of(worker(40, 40, 40, 40)))) == []


def test_a_peak_of_one_day_costs_and_saves_no_tonnes() -> None:
    load = load_of(lambda *_: 50, peak=lambda day: 300 if day.day == 11 else 100)
    [one] = found("peak_demand", seen(load))
    assert [one.level, one.target, one.avoidable] == [300, 100, 200 * 12]
    assert [one.avoidable_mg, one.yuan] == [0, 200 * 12 * 48]
    assert one.figures["load_factor"] == "0.166667"
    gas = replace(load, carrier="natural_gas", unit="m3")
    assert found("peak_demand", seen(gas)) == []


def stepping(day: date, hour: int) -> int:
    return 10 if day < date(2022, 3, 1) or rests(day) else 13


def test_a_lasting_step_without_more_output_is_found_with_its_day() -> None:
    [one] = found("load_step", seen(load_of(stepping, days=120)))
    assert one.figures["since"] == "2022-03-01"
    assert [one.level, one.target] == [13 * 24, 10 * 24]
    assert one.avoidable == 3 * 24 * days_of(FIRST, UNTIL, resting=False)


def test_a_step_of_output_explains_a_step_of_load() -> None:
    given = seen(load_of(stepping, days=120), outputs=made(31, 28, 31, 39))
    assert found("load_step", given) == []
    [one] = found("load_step", replace(given, outputs=made(31, 28, 31, 30)))
    assert one.output == 1


def test_a_works_that_starts_is_no_step() -> None:
    load = load_of(stepping, days=120)
    assert found("load_step", seen(load, outputs=made(0, 0, 31, 30))) == []
    assert len(found("load_step", seen(load, outputs=made(31, 28)))) == 1


@pytest.mark.parametrize(("days_on", "steps"), [(2, 0), (3, 1)])
def test_what_stood_still_on_most_days_has_no_level_to_step_from(days_on: int, steps: int) -> None:
    def starting(day: date, hour: int) -> int:
        return 100 if day >= date(2022, 3, 1) else 10 * (day.weekday() < days_on)

    assert len(found("load_step", seen(load_of(starting, days=120)))) == steps


def made(*outputs: int) -> dict[str | None, dict[date, Decimal]]:
    """The line's outputs of the first months."""
    return {"line": {date(2022, n, 1): Decimal(o) for n, o in enumerate(outputs, 1)}}


def test_less_output_is_no_saving() -> None:
    """Half the output with half the use saves nothing; with a quarter of it, half of that."""
    before = Baseline(Fraction(24 * 12), MG, None, Fraction(2))
    for kilowatts, saved in ((6, 0), (3, 24 * 3)):
        since = seen(load_of(lambda *_, kw=kilowatts: kw, days=31), outputs=made(31))
        saving = ranking.saved(since, "load_step", METER, before)
        assert saving is not None
        assert saving.quantity == saved * saving.weight
    unknown = ranking.saved(seen(load_of(lambda *_: 6, days=31)), "load_step", METER, before)
    assert unknown is not None
    assert unknown.quantity == 24 * 6 * unknown.weight


def test_a_load_that_only_goes_up_and_down_has_no_step() -> None:
    wave = load_of(lambda day, _: 10 + day.day % 7, days=120)
    assert found("load_step", seen(wave)) == []


def line(id: str, tonnes: int, output: int, months: int = 4, **more: object) -> Line:
    made = [
        LineMonth(date(2022, n, 1), tonnes * 10**9, Fraction(output)) for n in range(1, months + 1)
    ]
    return replace(Line(id, "line", "xylitol", "t", made), **more)  # type: ignore[arg-type]


def test_a_line_is_compared_with_the_best_of_its_product() -> None:
    lines = [line("a", 30, 10, yuan=Fraction(1200)), line("b", 20, 10), line("c", 10, 10, months=2)]
    other = line("d", 1, 10, product="sorbitol")
    [one] = found("twin_line", seen(lines=[*lines, other]))
    assert (one.scope.asset_id, one.figures["twin"]) == ("a", "b")
    assert [one.level, one.target] == [3, 2]
    assert one.avoidable_mg == 40 * 10**9
    assert one.yuan == 400
    assert [point["asset_id"] for point in one.series] == ["a", "b"]


def test_a_much_smaller_line_is_no_measure() -> None:
    pilot = line("pilot", 1, 4)
    assert found("twin_line", seen(lines=[line("a", 30, 10), pilot])) == []
    [one] = found("twin_line", seen(lines=[line("a", 30, 10), line("b", 1, 5)]))
    assert (one.scope.asset_id, one.target) == ("a", Fraction(1, 5))


def test_months_without_emissions_say_nothing_of_a_line() -> None:
    """A line whose meter came later, or whose readings are late, is no better than it was."""
    a, b = line("a", 20, 10, months=6), line("b", 20, 10, months=3)
    unread = [
        replace(month, month=date(2022, n, 1), amount_mg=0)
        for n, month in zip((4, 5), b.months, strict=False)
    ]
    given = seen(lines=[a, replace(b, months=[*b.months, *unread])])
    assert found("twin_line", given) == []
    level = ranking.RULES["twin_line"].level(given, Scope("b", None, None, "t"))
    assert level is not None
    assert [level.value, level.weight] == [2, 30]
    nothing = seen(lines=[replace(b, months=unread)])
    assert ranking.RULES["twin_line"].level(nothing, Scope("b", None, None, "t")) is None


def uses(carrier: str, quantities: list[int], outputs: list[int] | None = None) -> list[Use]:
    made = outputs or [1] * len(quantities)
    return [
        Use("line", carrier, "MWh", date(2022, n, 1), Decimal(q), q * 100, Decimal(o))
        for n, (q, o) in enumerate(zip(quantities, made, strict=True), 1)
    ]


def test_what_lies_above_the_median_could_be_avoided() -> None:
    [one] = found("specific_use", seen(uses=uses("electricity", [10, 10, 10, 15, 20])))
    assert [one.target, one.avoidable, one.avoidable_mg] == [10, 15, 1500]
    assert one.figures["specific_latest"] == "20.000000"
    assert one.figures["rising_months"] == "2"
    assert one.yuan == 15 * 700


def test_more_output_explains_more_use() -> None:
    assert ranking.find(seen(uses=uses("electricity", [10, 20, 30], [1, 2, 3]))) == []


def test_the_greatest_comes_first_and_too_short_a_series_is_left_out() -> None:
    small, great = uses("heat", [10, 10, 11]), uses("electricity", [10, 10, 90])
    ranked = ranking.find(seen(uses=[*small, *great, *uses("diesel", [1, 9])]))
    assert [one.scope.carrier for one in ranked] == ["electricity", "heat"]
    assert ranked[1].avoidable_mg == round(1100 * (1 - Fraction(10, 11)))


@pytest.mark.parametrize("kind", list(ranking.RULES))
def test_the_same_again_has_saved_nothing(kind: str) -> None:
    """Measured against itself every rule saves zero, and says over how much."""
    load = load_of(
        lambda day, hour: stepping(day, hour) * (2 if hour == 9 else 1 if day.day % 5 else 0),
        days=120,
        peak=lambda day: 300 if day.day == 11 else 100,
    )
    given = seen(
        load,
        lines=[line("a", 30, 10), line("line", 20, 10)],
        uses=uses("electricity", [10, 10, 10, 15, 20]),
    )
    finding = next(iter(found(kind, given)), None)
    scope = finding.scope if finding else METER
    level = ranking.RULES[kind].level(given, scope)
    assert level is not None
    assert level.weight > 0
    before = Baseline(level.value, MG, Fraction(1), level.output)
    saving = ranking.saved(given, kind, scope, before)
    assert saving is not None
    assert [saving.quantity, saving.amount_mg, saving.yuan] == [0, 0, 0]


def test_less_than_before_is_a_saving() -> None:
    before = seen(load_of(worker(40, 10, 10, 10)))
    [one] = found("night_load", before)
    after = seen(load_of(worker(20, 10, 10, 10), days=28))
    saving = ranking.saved(after, "night_load", METER, Baseline(one.level, MG, Fraction(1)))
    assert saving is not None
    hours = 8 * days_of(FIRST, FIRST + timedelta(days=28), resting=False)
    assert saving.weight == hours
    assert saving.quantity == (one.level - saving.level) * hours > 0
    assert ranking.saved(seen(), "night_load", METER, Baseline(one.level, MG)) is None


def test_an_opportunity_keeps_its_id() -> None:
    ids = {
        ranking.identity(enterprise, kind, scope)
        for enterprise in ("a", "b")
        for kind in ranking.RULES
        for scope in (METER, replace(METER, meter_id=None))
    }
    assert len(ids) == 2 * len(ranking.RULES) * 2
    assert ranking.identity("a", "night_load", METER) == ranking.identity("a", "night_load", METER)


def test_prices_follow_the_hour_and_the_unit() -> None:
    prices = parse("electricity.peak=2, diesel=7900")
    assert prices.price("electricity", "MWh", 9) == 2000
    assert prices.price("electricity", "kWh", 3) == Fraction("0.35")
    assert prices.price("diesel", "kg") == Fraction("7.9")
    assert prices.price("water", "m3") is None
    hours: Mapping[int, Fraction] = {3: Fraction(1), 9: Fraction(1)}
    assert prices.mean("electricity", "kWh", hours) == (2 + Fraction("0.35")) / 2
    assert Tariffs().mean("electricity", "kWh", {}) == Fraction("0.7")
    exact = parse("diesel=12345.678, coke=1000000").shown()
    assert [exact[name]["yuan"] for name in ("diesel", "coke")] == ["12345.678", "1000000"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gold=1", "'gold' must be one of: electricity.peak"),
        ("diesel", "diesel: expected yuan per t, zero or more, got ''"),
        ("heat=-1", "heat: expected yuan per GJ, zero or more, got '-1'"),
        ("heat=NaN", "expected yuan per GJ"),
    ],
)
def test_a_wrong_tariff_is_refused(text: str, expected: str) -> None:
    with pytest.raises(TariffError, match=expected.replace(".", r"\.")):
        parse(text)
