"""A member that an object has twice: which one counts is left open by JSON, so it is refused."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.envelope import EventError, decode
from shared.events.errors import MOST_ERRORS

Sample = Callable[..., dict[str, Any]]
PLACES = {
    "/id": '"id":"e-2",',
    "/data/amount": '"data":{"amount":"1",',
    "/traceparent": '"traceparent":"a","traceparent":"b",',
    "/extension/a": '"extension":{"a":1,"a":1},',
}
SPACES = st.text(" \t\r\n", max_size=2)


def written(value: Any, before: str = "", after: str = "", between: str = "") -> str:
    """JSON with this space before and after each colon, and after each comma."""
    separators = (f",{between}", f"{before}:{after}")
    return json.dumps(value, separators=separators, ensure_ascii=False)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("space", ["", " ", "\n"])
def test_a_member_that_is_there_twice_is_named(sample: Sample, place: str, space: str) -> None:
    more = PLACES[place].replace(":", f"{space}:")
    text = written(sample("payment"))
    text = (
        text.replace('"data":{', more, 1)
        if place.startswith("/data")
        else text.replace("{", "{" + more, 1)
    )
    with pytest.raises(EventError) as refused:
        decode(text.encode(), strict=True)
    error = refused.value
    assert (error.name, error.detail) == ("repeated-field", f"{place} is there twice")
    assert [(one.pointer, one.detail) for one in error.errors] == [(place, "is there twice")]


def test_a_member_of_a_part_of_the_data_too(sample: Sample) -> None:
    text = written(sample("process", data={"content": {"CaO": "0.6"}}))
    doubled = text.replace('"CaO":"0.6"', '"CaO":"0.6","CaO":"0.7"')
    assert doubled != text
    with pytest.raises(EventError, match="/data/content/CaO is there twice"):
        decode(doubled.encode(), strict=True)


def test_a_name_that_is_spelled_otherwise_is_the_same(sample: Sample) -> None:
    text = written(sample("payment")).replace('"id"', '"\\u0069d":"e-2","id"', 1)
    with pytest.raises(EventError, match="/id is there twice"):
        decode(text.encode(), strict=True)


@given(before=SPACES, after=SPACES, between=SPACES, text=st.text('a":,{}\\ ', min_size=1))
def test_no_event_is_refused_for_how_it_is_written(
    sample: Sample, before: str, after: str, between: str, text: str
) -> None:
    body = sample("payment") | {"extension": text, "another": {text: text}}
    assert decode(written(body, before, after, between).encode(), strict=True).id == body["id"]


@given(before=SPACES, after=SPACES, text=st.text('a":,{}\\ ', min_size=1), data=st.data())
def test_none_that_has_a_member_twice_is_taken(
    sample: Sample, before: str, after: str, text: str, data: st.DataObject
) -> None:
    body = sample("payment") | {"extension": text}
    pairs = [
        f"{json.dumps(name)}{before}:{after}{written(value, before, after)}"
        for name, value in body.items()
    ]
    pairs.insert(data.draw(st.integers(0, len(pairs))), data.draw(st.sampled_from(pairs)))
    raw = "{" + ",".join(pairs) + "}"
    with pytest.raises(EventError) as refused:
        decode(raw.encode(), strict=True)
    assert refused.value.name == "repeated-field"


@pytest.mark.parametrize(
    ("name", "shown"), [("13912345678", "/extension"), ("x" * 100, f"/extension/{'x' * 64}")]
)
def test_a_name_is_not_repeated_that_may_not_be(sample: Sample, name: str, shown: str) -> None:
    more = f'{{"extension":{{"{name}":1,"{name}":1}},'
    text = written(sample("payment")).replace("{", more, 1)
    with pytest.raises(EventError) as refused:
        decode(text.encode(), strict=True)
    assert [one.pointer for one in refused.value.errors] == [shown]
    assert refused.value.detail == f"{shown} is there twice"


def test_many_are_not_all_listed(sample: Sample) -> None:
    more = "".join(f'"{n}":1,"{n}":1,' for n in range(1000))
    text = written(sample("payment")).replace("{", "{" + more, 1)
    with pytest.raises(EventError) as refused:
        decode(text.encode(), strict=True)
    assert len(refused.value.errors) == MOST_ERRORS


def test_a_deep_event_is_taken_however_it_is_written(sample: Sample) -> None:
    deep = "[" * 600 + '{"a":1}' + "]" * 600
    text = written(sample("payment")).replace("{", f'{{"extension":{deep},', 1)
    assert decode(text.encode(), strict=True)


def test_looking_costs_little_per_object(sample: Sample) -> None:
    objects = 20_000
    raw = written(sample("payment")).replace("{", f'{{"extension" :[{"{}," * objects}{{}}],', 1)
    # One request may bring 128 of such, and while it is looked at no other is answered.
    assert calls(lambda: decode(raw.encode(), strict=True)) < 3 * objects


def calls(measured: Callable[[], object]) -> int:
    """How many functions this calls, Python's own included."""
    counted = Counter[str]()
    sys.setprofile(lambda frame, event, argument: counted.update((event,)))
    try:
        measured()
    finally:
        sys.setprofile(None)
    return counted["call"] + counted["c_call"]


def test_consumers_take_what_an_older_door_took(sample: Sample) -> None:
    text = written(sample("payment")).replace('"amount":', '"amount":"7","amount":', 1)
    assert decode(text.encode(), strict=False).data
