"""League tables tell nothing of fewer than ten people, not even by what they leave out."""

from hypothesis import given
from hypothesis import strategies as st

from services.points.standings import OTHERS, Group, Standing, standings
from shared.privacy import PEOPLE_MIN

GROUPS = st.lists(
    st.builds(
        Group,
        st.none() | st.text("abcdef", min_size=1, max_size=3),
        st.integers(1, 40),
        st.integers(-1000, 10**6),
    ),
    max_size=12,
    unique_by=lambda group: group.name,
)


def names(found: list[Standing]) -> list[tuple[int | None, str | None]]:
    return [(line.rank, line.group.name) for line in found]


@given(GROUPS)
def test_no_line_is_of_fewer_than_ten_people(groups: list[Group]) -> None:
    assert all(line.group.people >= PEOPLE_MIN for line in standings(groups))


@given(GROUPS)
def test_what_is_left_of_the_whole_is_nobody_or_ten_people(groups: list[Group]) -> None:
    """Against whoever knows the city's total: it gives at best the sum of all that are hidden."""
    ranked = {line.group.name for line in standings(groups) if line.rank is not None}
    hidden = sum(g.people for g in groups if g.name not in ranked)
    everyone = sum(g.people for g in groups)
    assert hidden == 0 or hidden >= PEOPLE_MIN or hidden == everyone


@given(GROUPS)
def test_the_lines_are_those_of_the_groups_and_the_others_are_the_rest(
    groups: list[Group],
) -> None:
    found = standings(groups)
    ranked = [line.group for line in found if line.rank is not None]
    assert set(ranked) <= set(groups)
    rest = [line.group for line in found if line.rank is None]
    left = [g for g in groups if g not in ranked]
    if rest:
        [others] = rest
        sums = (sum(g.people for g in left), sum(g.points for g in left))
        assert others == Group(OTHERS, *sums)
    else:
        assert sum(g.people for g in left) < PEOPLE_MIN


@given(GROUPS, st.randoms())
def test_the_order_in_which_groups_come_does_not_matter(
    groups: list[Group], random: object
) -> None:
    mixed = list(groups)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert standings(mixed) == standings(groups)


def test_who_earned_most_a_head_is_first_and_equals_share_a_rank() -> None:
    found = standings(
        [Group("b", 20, 4000), Group("a", 10, 2000), Group("c", 10, 3000), Group("d", 30, 300)]
    )
    assert names(found) == [(1, "c"), (2, "a"), (2, "b"), (4, "d")]


def test_few_people_are_hidden_together_with_the_smallest_group() -> None:
    found = standings([Group("large", 40, 1), Group("smallest", 12, 5), Group("few", 3, 7)])
    assert names(found) == [(1, "large"), (None, OTHERS)]
    assert found[1].group == Group(OTHERS, 15, 12)


def test_small_groups_that_are_many_people_together_hide_nobody_else() -> None:
    found = standings([Group("large", 10, 1), Group("few", 4, 5), Group("less", 6, 7)])
    assert names(found) == [(1, "large"), (None, OTHERS)]


def test_without_a_group_of_ten_nothing_is_shown() -> None:
    assert standings([Group("few", 4, 5), Group(None, 5, 7)]) == []
