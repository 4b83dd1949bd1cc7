"""The sender: batches, patience and counts, against a door that does what it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
import pytest

from tanzhang.posting import Patience, Posted, PostingError, Rejection, post_events

Answer = Callable[[list[Any]], httpx.Response]


class Door(httpx.AsyncBaseTransport):
    """Plays its script, one answer per request; after that it accepts everything."""

    def __init__(self, *script: httpx.Response | Exception) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []
        self.accepted: list[str] = []
        self.inside = self.most_inside = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.inside += 1
        self.most_inside = max(self.inside, self.most_inside)
        await asyncio.sleep(0)
        self.inside -= 1
        if self.script:
            answer = self.script.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        events = json.loads(request.content)
        self.accepted += [event["id"] for event in events]
        return httpx.Response(202, json={"accepted": len(events), "rejected": []})


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def patience(self, total: float = 60) -> Patience:
        return Patience(
            total=total,
            clock=lambda: self.now,
            sleep=self.sleep,
            now=lambda: datetime(2020, 1, 1, tzinfo=UTC),
            chance=Random(1),
        )


@asynccontextmanager
async def entered(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=door, base_url="http://door") as client:
        yield client


def events(count: int) -> list[dict[str, Any]]:
    return [{"id": str(n), "data": {}} for n in range(count)]


async def post(door: Door, count: int, clock: Clock | None = None, **given: Any) -> Posted:
    async with entered(door) as client:
        return await post_events(
            client, iter(events(count)), patience=(clock or Clock()).patience(), **given
        )


async def test_batches_cover_all_events_with_bounded_concurrency() -> None:
    door, seen = Door(), []
    posted = await post(
        door, 1234, concurrency=2, on_progress=lambda p: seen.append((p.sent, p.accepted))
    )
    assert (posted.sent, posted.accepted, posted.rejected, posted.retries) == (1234, 1234, 0, 0)
    assert sorted(map(int, door.accepted)) == list(range(1234))
    assert [len(json.loads(r.content)) for r in door.requests] == [500, 500, 234]
    assert door.most_inside == 2
    assert seen[-1] == (1234, 1234)
    assert door.requests[0].headers["content-type"] == "application/cloudevents-batch+json"


async def test_nothing_to_post() -> None:
    door = Door()
    assert await post(door, 0) == Posted()
    assert door.requests == []


async def test_rejected_events_are_reported_with_their_position() -> None:
    problem = {"detail": "wrong", "errors": [{"pointer": "/data/unit", "detail": "expected kWh"}]}
    mixed = httpx.Response(
        202, json={"accepted": 1, "rejected": [{"index": 1, "id": "3", "problem": problem}]}
    )
    none_valid = httpx.Response(
        422,
        json={"accepted": 0, "detail": "no event is valid", "rejected": [
            {"index": n, "id": str(n + 4), "problem": problem} for n in range(2)
        ]},
    )  # fmt: skip
    first = httpx.Response(202, json={"accepted": 2, "rejected": []})
    reported: list[Rejection] = []
    posted = await post(
        Door(first, mixed, none_valid), 6, batch=2, concurrency=1, on_rejected=reported.append
    )
    assert (posted.sent, posted.accepted, posted.rejected) == (6, 3, 3)
    assert [(r.position, r.id) for r in reported] == [(3, "3"), (4, "4"), (5, "5")]
    assert reported[0].reason() == "wrong (/data/unit: expected kWh)"


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(429, headers={"retry-after": "7"}),
        httpx.Response(503, headers={"retry-after": "Wed, 01 Jan 2020 00:00:07 GMT"}),
    ],
    ids=["seconds", "date"],
)
async def test_retry_after_is_honoured(trouble: httpx.Response) -> None:
    clock = Clock()
    posted = await post(Door(trouble), 3, clock)
    assert (posted.accepted, posted.retries, clock.sleeps) == (3, 1, [7.0])


async def test_lost_connections_are_tried_again_more_and_more_rarely() -> None:
    clock, lost = Clock(), [httpx.ConnectError("refused") for _ in range(8)]
    posted = await post(Door(*lost), 3, clock)
    assert (posted.accepted, posted.retries) == (3, 8)
    most = [0.2 * 2**n for n in range(6)] + [10, 10]
    assert all(m / 2 <= s <= m for s, m in zip(clock.sleeps, most, strict=True))


async def test_patience_ends_with_the_last_reason() -> None:
    clock = Clock()
    shut = [httpx.Response(503, json={"title": "Kafka is away"}) for _ in range(99)]
    with pytest.raises(PostingError, match=r"gave up after 60 s: POST .*: 503 Kafka is away"):
        await post(Door(*shut), 3, clock, concurrency=1)
    assert clock.now == 60


async def test_a_refused_request_says_why_at_once() -> None:
    door = Door(httpx.Response(403, json={"detail": "scope events:write:payments is missing"}))
    with pytest.raises(PostingError, match="403 scope events:write:payments is missing"):
        await post(door, 3, concurrency=1)
    assert len(door.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="<html>"),
        httpx.Response(202, text="OK"),
        httpx.Response(202, json={"accepted": 2, "rejected": []}),
    ],
    ids=["error", "no door", "too few"],
)
async def test_an_answer_that_does_not_account_for_every_event(answer: httpx.Response) -> None:
    with pytest.raises(PostingError, match=f": {answer.status_code} "):
        await post(Door(answer), 3, concurrency=1)
