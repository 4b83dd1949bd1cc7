"""Events that name others come after them, however the topic is cut into batches."""

from dataclasses import dataclass
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from shared.events.envelope import Event
from shared.stream.poster import _targets_first


@dataclass(frozen=True)
class Named:
    """As much of an event as the order needs."""

    key: bytes
    named: bytes | None = None
    subject: str = "a"

    def target(self) -> bytes | None:
        return self.named


def ordered(*events: Named) -> list[Any]:
    return _targets_first(cast(list[Event], list(events)))


A, B, C = Named(b"a"), Named(b"b", b"a"), Named(b"c", b"b")


def test_a_chain_backwards_is_turned_round() -> None:
    assert ordered(C, B, A) == [A, B, C]


def test_arrival_decides_between_events_that_name_the_same_one() -> None:
    other = Named(b"0", b"a")
    assert ordered(B, A, other) == [A, B, other]
    assert ordered(A, B, other) == [A, B, other]
    assert ordered(other, B, A) == [A, other, B]


def test_a_target_that_is_not_here_changes_nothing() -> None:
    assert ordered(C, A) == [C, A]


def test_another_subject_is_another_event() -> None:
    stranger = Named(b"a", subject="b")
    assert ordered(B, stranger) == [B, stranger]


def test_repetitions_stay_for_a_service_that_sorts_them_out_itself() -> None:
    assert ordered(A, A, B, B) == [A, A, B, B]


def test_a_long_chain_takes_no_quadratic_time() -> None:
    chain = [Named(str(n).encode(), str(n - 1).encode()) for n in range(50_000, 0, -1)]
    assert ordered(*chain) == chain[::-1]


@st.composite
def batches(draw: st.DrawFn) -> list[Named]:
    size = draw(st.integers(1, 12))
    names = draw(st.lists(st.none() | st.integers(0, 14), min_size=size, max_size=size))
    order = draw(st.permutations(range(size)))
    return [Named(bytes([n]), None if names[n] is None else bytes([names[n] or 0])) for n in order]


@given(batches())
def test_every_event_comes_once_and_after_its_target_unless_they_go_round(
    batch: list[Named],
) -> None:
    result = ordered(*batch)
    assert sorted(e.key for e in result) == sorted(e.key for e in batch)
    place = {event.key: n for n, event in enumerate(result)}
    by_key = {event.key: event for event in batch}
    for event in batch:
        if event.named in place and not _goes_round(event, by_key):
            assert place[event.named] < place[event.key]


def _goes_round(event: Named, by_key: dict[bytes, Named]) -> bool:
    seen: set[bytes] = set()
    at: Named | None = event
    while at is not None and at.named is not None:
        if at.key in seen:
            return True
        seen.add(at.key)
        at = by_key.get(at.named)
    return False
