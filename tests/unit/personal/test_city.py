"""What a batch changes in the city's sums, and which banks are shown."""

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.personal.city import Group, changes, shown
from services.personal.store import Change, Entry
from shared.stream.service import Account

BANKS = ("jsrcb", "icbc", "abc")
Sums = Counter[tuple[str, date, int]]


def entry(account: int, day: date | None, amount: int, line: int = 0) -> Entry:
    nothing = Entry(*[None] * len(Entry._fields))  # type: ignore[arg-type]
    return nothing._replace(
        account=account, line=line, scenario=None if day is None else 1, day=day, amount_mg=amount
    )


def account(number: int, balance: int = 0) -> Account:
    return Account(number, f"{BANKS[number % 3]}:token-{number:04}", 1, 0, balance)


def amounts(found: list[Change]) -> Sums:
    sums: Sums = Counter()
    for change in found:
        rows = zip(change.months, change.scenarios, change.amounts_mg, strict=True)
        for month, scenario, amount in rows:
            sums[change.bank, month, scenario] += amount
    return sums


def moved(found: list[Change]) -> set[tuple[str, int, int, bool]]:
    """Bank, account, year, and whether its sum fell."""
    return {
        (change.bank, *row)
        for change in found
        for row in zip(change.accounts, change.years, change.fallen, strict=True)
    }


entries = st.lists(
    st.builds(
        entry,
        st.integers(0, 5),
        st.none() | st.dates(date(2025, 11, 1), date(2026, 2, 28)),
        st.integers(-3, 3),
        st.integers(0, 2),
    ),
    max_size=30,
)


@given(entries, st.lists(st.integers(0, 6), min_size=6, max_size=6))
def test_changes_are_the_sums_of_the_entries(found: list[Entry], before: list[int]) -> None:
    counted = [(e, e.day) for e in found if e.day is not None]
    by_month: Sums = Counter()
    by_year: Counter[tuple[int, int]] = Counter()
    after = dict(enumerate(before))
    for e, day in counted:
        by_month[BANKS[e.account % 3], day.replace(day=1), 1] += e.amount_mg
        by_year[e.account, day.year] += e.amount_mg
        after[e.account] += e.amount_mg
    changed = changes(found, [account(number, balance) for number, balance in after.items()])
    assert (+amounts(changed), -amounts(changed)) == (+by_month, -by_month)
    assert moved(changed) == {
        (BANKS[number % 3], number, year, sum_ < 0) for (number, year), sum_ in by_year.items() if sum_
    }  # fmt: skip
    assert sum(sum(change.payments) for change in changed) == sum(e.line == 0 for e, _ in counted)
    more = sum((after[number] > 0) - (had > 0) for number, had in enumerate(before))
    assert sum(change.customers for change in changed) == more


def test_what_has_no_scenario_changes_nothing() -> None:
    assert changes([entry(1, None, 0)], [account(1)]) == []


def test_an_account_that_is_nobodys_any_more_belongs_to_no_bank() -> None:
    [change] = changes([entry(1, date(2026, 3, 5), 7)], [])
    assert (change.bank, change.accounts, change.amounts_mg) == ("", [1], [7])


def test_banks_of_ten_are_shown_and_the_smaller_ones_together() -> None:
    groups = [Group("abc", 6, 60), Group("big", 50, 500), Group("icbc", 5, 5), Group("ten", 10, 9)]
    assert shown(groups) == [Group("big", 50, 500), Group("ten", 10, 9), Group(None, 11, 65)]


def test_the_smallest_bank_hides_those_that_are_too_few_together() -> None:
    groups = [Group("big", 50, 500), Group("ten", 10, 9), Group("icbc", 5, 5)]
    assert shown(groups) == [Group("big", 50, 500), Group(None, 15, 14)]


def test_no_bank_is_shown_where_all_are_too_few() -> None:
    assert shown([Group("icbc", 5, 5), Group("abc", 4, 1)]) == []


def test_a_bank_whose_customers_saved_nothing_hides_no_other() -> None:
    groups = [Group("big", 50, 500), Group("ten", 10, 9), Group("icbc", 0, 0)]
    assert shown(groups) == groups[:2]


@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 999)), max_size=8))
def test_no_group_of_fewer_than_ten_can_be_had_from_what_is_shown(
    banks: list[tuple[int, int]],
) -> None:
    groups = [Group(f"bank-{n}", people, mg) for n, (people, mg) in enumerate(banks)]
    found = shown(groups)
    assert all(group.customers >= 10 for group in found)
    hidden = sum(g.customers for g in groups) - sum(g.customers for g in found)
    assert hidden == 0 or not found
