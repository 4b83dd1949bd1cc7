"""What the demonstration does, step by step."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from shared.auth.principal import SCOPES
from tanzhang.audit import Report, audit
from tanzhang.cloudevents import CloudEvent
from tanzhang.demo import golden, summary
from tanzhang.demo.asking import Services, services
from tanzhang.demo.checking import Check, Group, compared, differing
from tanzhang.demo.killing import Killer, killer, killing
from tanzhang.demo.ledgers import Ledgers, ledgers, reader
from tanzhang.demo.saving import Savings, computing
from tanzhang.demo.summary import Summary
from tanzhang.demo.telling import Teller
from tanzhang.demo.waiting import until_posted
from tanzhang.posting import Patience, Posted, Rejection, client, post_events
from tanzhang.simulation import City
from tanzhang.simulation.registering import register
from tanzhang.stack import local_keys
from tanzhang.stack.supervisor import Stack

TOKEN_LIFE = timedelta(hours=12)
REJECTIONS_TOLD = 10


@dataclass(frozen=True, slots=True)
class Demo:
    """A city, how many services to kill meanwhile, and how long to wait for what stands still."""

    city: City
    kill_workers: int = 0
    concurrency: int = 4
    patience: float = 120.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Events, and seconds from the first request to the last answer and to the last posting."""

    events: int
    accepted_after: float
    posted_after: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that was found."""

    demo: Demo
    groups: tuple[Group, ...]
    summary: Summary
    pace: Pace
    report: Report
    killed: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not (self.report.wrong or self.report.in_flight) and not self.differing()

    def differing(self) -> list[tuple[Group, Check]]:
        return list(differing(self.groups))


@dataclass(slots=True)
class _Stage:
    """The running parts that every step needs."""

    demo: Demo
    stack: Stack
    teller: Teller
    token: str | None
    asked: Services
    books: Ledgers
    accepted: asyncio.Event
    sent: Counter[str] = field(default_factory=Counter)
    rejected: int = 0

    @property
    def urls(self) -> dict[str, str]:
        return {name: self.stack.started.url(name) for name in self.stack.services}

    def counted(self, events: Iterable[CloudEvent]) -> Iterator[CloudEvent]:
        """The events, counted by the service that reads them."""
        for event in events:
            self.sent[reader(event["type"])] += 1
            yield event

    def refused(self, rejection: Rejection) -> None:
        self.rejected += 1
        if self.rejected <= REJECTIONS_TOLD:
            self.teller.say(f"rejected {rejection.id}: {rejection.reason()}")


async def play(demo: Demo, stack: Stack, teller: Teller) -> Outcome:
    """Play the whole story on a fresh, running stack.

    StackError when something stops moving, PostingError when a service refuses a request.
    """
    token, patience = _token(stack, demo.city), Patience(total=demo.patience)
    urls = {name: stack.started.url(name) for name in stack.services}
    async with (
        services(urls, token, patience) as asked,
        ledgers(stack.settings()) as books,
        computing(demo.city, accepted := asyncio.Event()) as computed,
    ):
        stage = _Stage(demo, stack, teller, token, asked, books, accepted)
        await _register(stage)
        death = killer(stack, demo.city.seed, demo.kill_workers, demo.city.event_count())
        pace = await _post_city(stage, death)
        teller.say("Checking against the golden numbers and the oracle ...")
        groups = [*await golden.before(asked, demo.city.expected), *await _reduce(stage)]
        savings = await computed
        seen = await summary.summary(asked, books, demo.city.year)
        groups += await _checks(stage, seen, savings)
        teller.say("Auditing every ledger ...")
        report = await audit(stack.settings())
    return Outcome(demo, tuple(groups), seen, pace, report, tuple(death.killed))


def _token(stack: Stack, made: City) -> str | None:
    """What the city's own systems and its operator may do."""
    needed = [s for s in SCOPES if s.startswith(("events:", "registry:", "benchmarks:"))]
    needed += [s for s in SCOPES if s.endswith(":read")]
    return local_keys.token(
        stack.directory,
        stack.settings(),
        client="tanzhang-demo",
        scopes=needed,
        sources=made.sources(),
        subjects=["*"],
        lifetime=TOKEN_LIFE,
    )


async def _register(stage: _Stage) -> None:
    made, done = stage.demo.city, 0
    total = sum(1 for _ in made.registry())
    with stage.teller.stage("registering", total) as moved:

        def one_more() -> None:
            nonlocal done
            done += 1
            moved(done)

        await register(made.registry(), stage.urls, stage.token, on_done=one_more)


async def _post_city(stage: _Stage, death: Killer) -> Pace:
    """Everything but the golden enterprise's reduction."""
    made, began = stage.demo.city, time.monotonic()
    async with killing(death, stage.books):
        with stage.teller.stage("posting over HTTP", made.event_count()) as moved:
            events = (posting.event for posting in made.events())
            posted = await _post(stage, events, lambda posted: moved(posted.sent))
        accepted = time.monotonic()
        # From here on this process has time for the oracle.
        stage.accepted.set()
        with stage.teller.stage("posting to the ledgers", posted.sent) as moved:

            def read(count: int) -> None:
                moved(count)
                death.look(count)

            await _until_posted(stage, read)
    return Pace(posted.sent, accepted - began, time.monotonic() - began)


async def _post(
    stage: _Stage, events: Iterable[CloudEvent], look: Callable[[Posted], None] = lambda _: None
) -> Posted:
    concurrency = stage.demo.concurrency
    async with client(stage.urls["ingest"], stage.token, concurrency=concurrency) as door:
        return await post_events(
            door,
            stage.counted(events),
            concurrency=concurrency,
            patience=Patience(total=stage.demo.patience),
            on_rejected=stage.refused,
            on_progress=look,
        )


async def _until_posted(stage: _Stage, moved: Callable[[int], None] = lambda _: None) -> None:
    patience = stage.demo.patience
    await until_posted(stage.stack, stage.books, stage.sent, patience=patience, on_progress=moved)


async def _reduce(stage: _Stage) -> tuple[Group, ...]:
    """Post what rooftop solar avoided; the enterprise and its label afterwards."""
    await _post(stage, stage.demo.city.golden_events_after())
    await _until_posted(stage)
    return await golden.after(stage.asked, stage.demo.city.expected)


async def _checks(stage: _Stage, seen: Summary, savings: Savings) -> list[Group]:
    made, expected = stage.demo.city, stage.demo.city.expected
    return [
        await golden.farm(stage.asked, expected),
        await golden.person(stage.asked, expected),
        *golden.rules(),
        Group("refused at the door 拒收", (compared("events", 0, stage.rejected),)),
        *summary.city_checks(made, seen, savings),
        await summary.sample_checks(stage.asked, savings),
    ]
