"""Posting CloudEvents to the ingest door: batches, bounded concurrency, patience.

Sending an event again is always safe (its identity makes it a duplicate), so whatever
may be temporary is sent again: 429, 502, 503, 504 and lost connections.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

import httpx
import msgspec

from tanzhang.cloudevents import CloudEvent

BATCH_EVENTS = 500
MEDIA_TYPE = "application/cloudevents-batch+json"
_TEMPORARY = frozenset({429, 502, 503, 504})


def _now() -> datetime:
    return datetime.now(UTC)


class PostingError(Exception):
    """The door refused a whole request, or stayed shut longer than our patience."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that the door refused; `position` counts posted events from 0."""

    position: int
    id: str | None
    problem: dict[str, Any]

    def reason(self) -> str:
        """One line: what is wrong and where."""
        detail = self.problem.get("detail") or self.problem.get("title") or "rejected"
        errors = self.problem.get("errors") or []
        places = "; ".join(f"{e.get('pointer', '')}: {e.get('detail', '')}" for e in errors)
        return f"{detail} ({places})" if places else str(detail)


@dataclass(slots=True)
class Posted:
    """Events so far. `retries` counts requests that had to be sent again."""

    sent: int = 0
    accepted: int = 0
    rejected: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a request is sent again; seconds.

    `total` bounds the time from a request's first attempt to giving up. Waits double from
    `first` up to `longest`, each shortened by a random part so that clients don't march in step.
    """

    total: float = 120.0
    first: float = 0.2
    longest: float = 10.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], datetime] = _now
    chance: random.Random = field(default_factory=random.Random)

    def wait(self, attempt: int, response: httpx.Response | None) -> float:
        """Seconds before the next attempt; Retry-After, when given, is the least."""
        backoff = min(self.longest, self.first * 2.0 ** min(attempt, 16))
        asked = self._retry_after(response) if response is not None else 0.0
        return max(asked, backoff * (0.5 + self.chance.random() / 2))

    def _retry_after(self, response: httpx.Response) -> float:
        text = response.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        wait: timedelta = until.replace(tzinfo=until.tzinfo or UTC) - self.now()
        return max(0.0, wait.total_seconds())


def client(url: str, token: str | None, *, concurrency: int = 4) -> httpx.AsyncClient:
    """An HTTP client of one service; `url` without a path, `token` a bearer token."""
    return httpx.AsyncClient(
        base_url=url.rstrip("/"),
        headers={"authorization": f"Bearer {token}"} if token else {},
        timeout=httpx.Timeout(30.0),
        limits=httpx.Limits(max_connections=concurrency),
        trust_env=False,
    )


async def post_events(
    door: httpx.AsyncClient,
    events: Iterable[CloudEvent],
    *,
    batch: int = BATCH_EVENTS,
    concurrency: int = 4,
    patience: Patience | None = None,
    on_rejected: Callable[[Rejection], None] = lambda _: None,
    on_progress: Callable[[Posted], None] = lambda _: None,
) -> Posted:
    """Post all events; at most `concurrency` batches are in memory and in flight.

    Rejected events go to `on_rejected`, counts after every batch to `on_progress`.
    Raises PostingError when a whole request is refused or patience ends; what was
    accepted before stays accepted, and posting again is safe.
    """
    posted, waits = Posted(), patience or Patience()
    batches = _batches(iter(events), min(batch, BATCH_EVENTS))

    async def work() -> None:
        for position, chunk in batches:
            answer = await _post_batch(door, chunk, waits, posted)
            _count(posted, answer, position, len(chunk), on_rejected)
            on_progress(posted)

    await share_out(work, concurrency)
    return posted


async def share_out(work: Callable[[], Coroutine[Any, Any, None]], concurrency: int) -> None:
    """Run `work`, which draws from a source of its own, so many times at once.

    The first failure ends them all and is raised.
    """
    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(concurrency):
                workers.create_task(work())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _batches(events: Iterator[CloudEvent], size: int) -> Iterator[tuple[int, list[CloudEvent]]]:
    position = 0
    while chunk := list(islice(events, size)):
        yield position, chunk
        position += len(chunk)


async def _post_batch(
    door: httpx.AsyncClient, chunk: list[CloudEvent], patience: Patience, posted: Posted
) -> dict[str, Any]:
    response = await send(
        door,
        door.build_request(
            "POST",
            "/v1/events",
            content=msgspec.json.encode(chunk),
            headers={"content-type": MEDIA_TYPE},
        ),
        patience,
        posted,
    )
    answer = _object(response)
    if answer.get("accepted", 0) + len(answer.get("rejected", ())) != len(chunk):
        # Refused whole, or not an ingest door at all.
        raise PostingError(refusal(response))
    return answer


async def send(
    door: httpx.AsyncClient,
    request: httpx.Request,
    patience: Patience,
    posted: Posted | None = None,
) -> httpx.Response:
    """Send until the answer is not temporary; raises PostingError when patience ends."""
    started, attempt = patience.clock(), 0
    while True:
        response, reason = await _attempt(door, request)
        if response is not None and response.status_code not in _TEMPORARY:
            return response
        left = started + patience.total - patience.clock()
        if left <= 0:
            raise PostingError(f"gave up after {patience.total:g} s: {reason}")
        await patience.sleep(min(left, patience.wait(attempt, response)))
        attempt += 1
        if posted is not None:
            posted.retries += 1


async def _attempt(
    door: httpx.AsyncClient, request: httpx.Request
) -> tuple[httpx.Response | None, str]:
    try:
        response = await door.send(request)
    except httpx.TransportError as error:
        return None, f"{request.url}: {type(error).__name__} {error}".rstrip()
    return response, refusal(response)


def refusal(response: httpx.Response) -> str:
    """What a refused request says: status, problem title and detail, faulty places."""
    problem = _object(response)
    text = Rejection(0, None, problem).reason() if problem else response.reason_phrase
    return f"{response.request.method} {response.request.url}: {response.status_code} {text}"


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _count(
    posted: Posted,
    answer: dict[str, Any],
    position: int,
    sent: int,
    on_rejected: Callable[[Rejection], None],
) -> None:
    rejected = answer.get("rejected", [])
    posted.sent += sent
    posted.accepted += int(answer.get("accepted", 0))
    posted.rejected += len(rejected)
    for item in rejected:
        problem = item.get("problem") or {}
        on_rejected(Rejection(position + int(item.get("index", 0)), item.get("id"), problem))
