"""The sender: makes the deliveries that are due, one lane per subscription.

A slow or failing receiver holds up its own lane only. One sender per database, under an advisory
lock: two would break the order per subject. Whoever takes the lock begins a generation; a sender
that has lost it (frozen, cut off) finds nothing to do any more. A crash between an answer and its
entry sends again, under the same id.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from shared import metrics
from shared.database import TRANSIENT, Connection, Pool
from shared.events.envelope import decode
from shared.stream.leading import Part, lead
from shared.stream.waiting import wait
from shared.webhooks import deliveries, notices, rules, subscriptions
from shared.webhooks.addresses import Guard
from shared.webhooks.attempts import ANSWER_SECONDS_MAX, GONE, Answer, Post, Target
from shared.webhooks.deliveries import Due, Failure, Taken
from shared.webhooks.lines import Line, Made
from shared.webhooks.signing import NoKey, Vault
from shared.webhooks.subscriptions import Receiver

IDLE_SECONDS = 0.5
RETRY_SECONDS = 1.0
LANES_MAX = 256
# In all, shared by the lanes: so many connections, too.
IN_FLIGHT_MAX = 256
# Then others have their turn, if there are more than lanes.
LANE_SECONDS_MAX = 10.0
# Shorter than a server waits for tasks that were asked to end.
CLOSE_SECONDS_MAX = 12.0
KEEP_HOUSE_SECONDS = 60.0
# Until a secret that cannot be read is looked at again.
KEY_PAUSE = timedelta(minutes=1)
# Sooner than a silent sender loses the lock: what it read before is not sent after.
FRESH_SECONDS = 10.0

log = structlog.get_logger()

# Which of these subjects a bank may be told of now, wherever the consents to that are.
Consented = Callable[[Pool, str, Collection[str], datetime], Awaitable[Collection[str]]]


async def consent_to_all(
    pool: Pool, bank: str, subjects: Collection[str], now: datetime
) -> Collection[str]:
    """Nothing here needs a consent."""
    return subjects


@dataclass(slots=True, frozen=True)
class Session:
    """From taking the lock to giving it back."""

    generation: int
    stop: asyncio.Event
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def is_over(self) -> bool:
        return self.stop.is_set() or self.closing.is_set()


@dataclass(slots=True)
class Sender:
    """Runs until stopped. `account` gives the account of a subject, `chance` 0 to 1 for pauses."""

    service: str
    pool: Pool
    vault: Vault
    guard: Guard
    clock: Callable[[], datetime]
    account: Callable[[str], str] = str
    consented: Consented = consent_to_all
    chance: Callable[[], float] = random.random
    idle_seconds: float = IDLE_SECONDS
    answer_seconds: float = ANSWER_SECONDS_MAX
    _post: Post = field(init=False)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT_MAX))
    _lanes: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)
    _kept_house: float = float("-inf")

    def __post_init__(self) -> None:
        self._post = Post(self.guard, self.clock, self.answer_seconds)

    async def run(self, stop: asyncio.Event) -> None:
        """Send; a lost database is waited for."""
        metrics.begin_webhooks(self.service)
        while not stop.is_set():
            try:
                await self._session(stop)
            except TRANSIENT as error:
                log.warning("sender_waits", service=self.service, error=repr(error))
            await wait(stop, RETRY_SECONDS)

    async def _session(self, stop: asyncio.Event) -> None:
        """Send under the lock, unless another process holds it."""
        async with self.pool.acquire() as connection:
            if not await lead(connection, self.service, Part.SENDING):
                return
            await subscriptions.renew_secrets(connection, self.vault.renewed)
            session = Session(await subscriptions.lead(connection, self.service), stop)
            self._kept_house = float("-inf")
            try:
                while not stop.is_set():
                    wanted = await subscriptions.with_work(connection, self.clock())
                    self._open_lanes(wanted, session)
                    await self._keep_house(connection)
                    await wait(stop, self.idle_seconds)
            finally:
                session.closing.set()
                await self._close_lanes()
                metrics.end_webhooks(self.service)

    def _open_lanes(self, wanted: list[UUID], session: Session) -> None:
        for id, lane in list(self._lanes.items()):
            if lane.done():
                del self._lanes[id]
                if not lane.cancelled() and (error := lane.exception()) is not None:
                    raise error
        for id in wanted:
            if id not in self._lanes and len(self._lanes) < LANES_MAX:
                self._lanes[id] = asyncio.create_task(self._lane(id, session), name=f"lane {id}")

    async def _close_lanes(self) -> None:
        """Let what is under way be answered; what is not is sent again by the next sender."""
        if self._lanes:
            await asyncio.wait(self._lanes.values(), timeout=CLOSE_SECONDS_MAX)
        for lane in self._lanes.values():
            lane.cancel()
        await asyncio.gather(*self._lanes.values(), return_exceptions=True)
        self._lanes.clear()

    async def _keep_house(self, connection: Connection) -> None:
        """Over the lock's own connection, which may not be silent for long."""
        if time.monotonic() < self._kept_house + KEEP_HOUSE_SECONDS:
            return
        self._kept_house = time.monotonic()
        await deliveries.prune(connection, self.clock())
        await subscriptions.drop_old_secrets(connection, self.clock())
        metrics.WEBHOOK_WAITING.labels(self.service).set(await deliveries.waiting(connection))
        counted = await subscriptions.statuses(connection)
        for status in ("active", "disabled"):
            metrics.WEBHOOK_SUBSCRIPTIONS.labels(self.service, status).set(counted.get(status, 0))

    async def _lane(self, id: UUID, session: Session) -> None:
        """Send what is due to one receiver until nothing is."""
        until, url = time.monotonic() + LANE_SECONDS_MAX, None
        try:
            async with aclosing(Line(self._post, self.pool, id)) as line:
                while not session.is_over() and (asked := time.monotonic()) < until:
                    receiver = await subscriptions.receiver(
                        self.pool, id, self.clock(), session.generation
                    )
                    if receiver is None or (url or receiver.url) != receiver.url:
                        return
                    url = receiver.url
                    if not await self._round(receiver, line, asked):
                        return
        except NoKey as error:
            # Ours to mend, not the receiver's failure.
            log.error("secret_unreadable", subscription=str(id), reason=str(error))
            await subscriptions.hold(self.pool, id, self.clock() + KEY_PAUSE)
        except TRANSIENT as error:
            log.warning("lane_waits", service=self.service, error=repr(error))

    async def _round(self, receiver: Receiver, line: Line, asked: float) -> bool:
        """Send the first of some subjects; may there be more to do?"""
        secrets = [self.vault.unseal(secret) for secret in receiver.secrets]
        share = IN_FLIGHT_MAX // len(self._lanes)
        width = 1 if receiver.failing_since else min(line.width, share)
        found = await deliveries.due(self.pool, receiver.id, self.clock(), width)
        told = await self._still_told(receiver, found)
        if told:
            to = await self._post.target(receiver.url, secrets)
            outcomes = await asyncio.gather(
                *(
                    self._deliver(line, slot, to, receiver, what, asked)
                    for slot, what in enumerate(told)
                ),
                return_exceptions=True,
            )
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
            made = [one for one in outcomes if isinstance(one, Made)]
            await self._settle(receiver, made)
            line.learn(made, width)
            if len(made) < len(told):
                return False
        return bool(found)

    async def _settle(self, receiver: Receiver, made: list[Made]) -> None:
        """What a round says of its receiver."""
        fresh = [one.at for one in made if not one.taken and not one.what.attempts]
        if any(one.taken for one in made):
            if receiver.failing_since or not all(one.taken for one in made):
                await subscriptions.succeeded(self.pool, receiver.id)
        elif fresh:
            # Not only what failed before: all may. What failed before waits by itself.
            until = rules.next_attempt(receiver.failures + 1, max(fresh), None, self.chance)
            await subscriptions.pause(self.pool, receiver, until)

    async def _still_told(self, receiver: Receiver, found: list[Due]) -> list[Due]:
        """What the subscription, as it is now, asks for and may have; the rest is dropped."""
        told = [what for what in found if self._is_asked_for(receiver, what)]
        if receiver.reader.bank is not None and told:
            subjects = {what.subject for what in told if what.type != rules.NOTICE}
            open_ = await self.consented(self.pool, receiver.reader.bank, subjects, self.clock())
            told = [what for what in told if what.type == rules.NOTICE or what.subject in open_]
        if len(told) < len(found):
            dropped = [what.number for what in found if what not in told]
            await deliveries.drop(self.pool, receiver.id, dropped)
        return told

    def _is_asked_for(self, receiver: Receiver, what: Due) -> bool:
        account = self.account(what.subject)
        if not rules.asks_for(receiver.types, receiver.reader, what.type, account):
            return False
        if not receiver.filter or what.type == rules.NOTICE:
            return True
        return rules.passes(receiver.filter, decode(what.body, strict=False).data)

    async def _deliver(
        self,
        line: Line,
        slot: int,
        to: Target | Answer,
        receiver: Receiver,
        what: Due,
        asked: float,
    ) -> Made | None:
        """One attempt and its entry; None: it came too late to be made."""
        if isinstance(to, Target):
            async with self._slots:
                answer = await self._post.attempt(
                    line.connection(slot),
                    to,
                    what,
                    lambda: time.monotonic() - asked < FRESH_SECONDS,
                )
            if answer is None:
                return None
        else:
            answer = to
        now = self.clock()
        if answer.status is not None and answer.is_taken:
            await line.enter(Taken(what.number, now, answer.status))
            metrics.WEBHOOK_DELIVERIES.labels(self.service, "delivered").inc()
        else:
            await self._not_taken(receiver, what, answer, now)
        return Made(what, answer.is_taken, now)

    async def _not_taken(
        self, receiver: Receiver, what: Due, answer: Answer, now: datetime
    ) -> None:
        again_at = rules.next_attempt(what.attempts + 1, now, answer.pause, self.chance)
        failure = Failure(answer.status, answer.error or "")
        async with self.pool.acquire() as connection, connection.transaction():
            # The subscription first, as wherever both are locked.
            resume_at = again_at if answer.pause else None
            too_long = await subscriptions.failed(
                connection, receiver, now, failure.error, resume_at
            )
            state = await deliveries.failed(connection, receiver.id, what, now, failure, again_at)
            if too_long or answer.status == GONE:
                reason = "gone" if answer.status == GONE else "failing"
                await notices.disable(
                    connection, self.service, receiver.id, receiver.url, now, reason
                )
        outcome = "given_up" if state == "failed" else "failed"
        metrics.WEBHOOK_DELIVERIES.labels(self.service, outcome).inc()
