"""How large a farm was: hectares by parcel, and its herd counted once."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.agri.domain.coverage import CoverageError, parse
from services.agri.domain.records import Fact, Reference
from services.agri.domain.size import Size, size
from shared.events.envelope import Event
from shared.events.types import FarmRecord
from tests.unit.agri.farm import Farm, emission, manure, soil, straw


def sized(*events: Event) -> Size:
    farm = Farm()
    assert not farm.post(events).refused
    return farm.book.sizes()[(7, 2020)]


def test_a_parcel_counts_once() -> None:
    found = sized(
        straw("a", "1000", "12.5"),
        straw("b", "1000", "12.5"),
        soil("c", "3", parcel_id="p2"),
        emission("d", "fertiliser_n", "1", "t", area_ha="20"),
    )
    assert found.area_ha == 23


def test_a_herd_counts_once() -> None:
    found = sized(
        manure("a", "600"),
        emission("b", "enteric_pig", "700", "head"),
        emission("c", "manure.growing_pig.digester", "400", "head"),
        emission("d", "manure_pig", "200", "head"),
    )
    assert found.heads(2020) == 700


def test_fields_of_another_pathway_are_no_herd() -> None:
    herd = {"source": "enteric_pig", "quantity": "NaN", "unit": "head"}
    assert sized(straw("a", "1000", "5", **herd)).head_days == 0


def test_a_herd_of_half_a_year_is_half_a_herd() -> None:
    assert sized(manure("a", "366", end="2020-07-02")).heads(2020) == 183


def test_a_replaced_record_has_no_size() -> None:
    assert sized(straw("a", "1", "50"), straw("b", "1", "5", replaces="a")).area_ha == 5


@given(st.permutations(range(5)))
def test_size_does_not_depend_on_the_order(order: list[int]) -> None:
    events = [straw(f"{n}", "1", f"{n + 1}", parcel_id=f"p{n % 3}") for n in range(5)]
    facts: list[Fact] = [fact(events[n]) for n in order]
    assert size(facts) == Size(Fraction(3 + 4 + 5), Fraction(0))


def fact(event: Event) -> Fact:
    assert isinstance(event.data, FarmRecord)
    reference: Reference = (7, event.key)
    days = date(2020, 1, 1), date(2021, 1, 1)
    return Fact(*reference, event.content, "bureau", event.id, event.time, *days, event.data)


def test_the_farms_of_the_city() -> None:
    assert parse("") == {}
    assert parse("planting=900, breeding=650") == {"planting": 900, "breeding": 650}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fishing=3", "fishing: expected one of planting, breeding, organic_fertiliser"),
        ("planting=many", "planting: expected a whole number of farms above 0, got 'many'"),
        ("planting=0", "planting: expected a whole number of farms above 0, got '0'"),
        ("planting=1,planting=2", "planting: expected once"),
    ],
)
def test_farms_of_the_city_that_are_written_wrongly(text: str, said: str) -> None:
    with pytest.raises(CoverageError) as wrong:
        parse(text)
    assert str(wrong.value) == said
