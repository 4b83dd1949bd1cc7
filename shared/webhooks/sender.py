"""The sender: makes the deliveries that are due, one lane per subscription.

A slow or failing receiver holds up its own lane only. One sender per database, under an advisory
lock: two would break the order per subject. A crash between an answer and its entry sends again,
under the same id.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import structlog

from shared import metrics
from shared.database import TRANSIENT, Pool
from shared.stream.waiting import wait
from shared.webhooks import deliveries, notices, rules, subscriptions
from shared.webhooks.addresses import Guard, Refused, Unresolved, parsed
from shared.webhooks.deliveries import Due, Failure
from shared.webhooks.signing import NoKey, Vault, signatures
from shared.webhooks.subscriptions import Receiver

IDLE_SECONDS = 0.5
RETRY_SECONDS = 1.0
ANSWER_SECONDS_MAX = 15.0
CONNECT_SECONDS_MAX = 5.0
# At once to one receiver: of different subjects. To one that fails, one.
WIDTH = 8
LANES_MAX = 64
KEEP_HOUSE_SECONDS = 60.0
GONE = 410
LOCK = "select pg_try_advisory_lock(hashtext($1), 3)"
LEAVE_WHEN_SILENT = "set idle_session_timeout = '30s'"
CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"

log = structlog.get_logger()


@dataclass(slots=True)
class Sender:
    """Runs until stopped. `chance` gives 0 to 1, for the pauses between attempts."""

    service: str
    pool: Pool
    vault: Vault
    guard: Guard
    clock: Callable[[], datetime]
    chance: Callable[[], float] = random.random
    _lanes: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)
    _kept_house: float = float("-inf")

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
            if not await connection.fetchval(LOCK, self.service):
                return
            await connection.execute(LEAVE_WHEN_SILENT)
            try:
                while not stop.is_set():
                    self._open_lanes(await subscriptions.with_work(connection, self.clock()), stop)
                    await self._keep_house()
                    await wait(stop, IDLE_SECONDS)
            finally:
                await self._close_lanes()

    def _open_lanes(self, wanted: list[UUID], stop: asyncio.Event) -> None:
        for id, lane in list(self._lanes.items()):
            if lane.done():
                del self._lanes[id]
                if not lane.cancelled() and (error := lane.exception()) is not None:
                    raise error
        for id in wanted:
            if id not in self._lanes and len(self._lanes) < LANES_MAX:
                self._lanes[id] = asyncio.create_task(self._lane(id, stop), name=f"lane {id}")

    async def _close_lanes(self) -> None:
        """Let what is under way be answered; what fails meanwhile is tried by the next sender."""
        if self._lanes:
            await asyncio.wait(self._lanes.values(), timeout=ANSWER_SECONDS_MAX)
        for lane in self._lanes.values():
            lane.cancel()
        await asyncio.gather(*self._lanes.values(), return_exceptions=True)
        self._lanes.clear()

    async def _keep_house(self) -> None:
        if time.monotonic() < self._kept_house + KEEP_HOUSE_SECONDS:
            return
        self._kept_house = time.monotonic()
        await deliveries.prune(self.pool, self.clock())
        await self._measure()

    async def _measure(self) -> None:
        metrics.WEBHOOK_WAITING.labels(self.service).set(await deliveries.waiting(self.pool))
        async with self.pool.acquire() as connection:
            counted = await subscriptions.statuses(connection)
        for status in ("active", "disabled"):
            metrics.WEBHOOK_SUBSCRIPTIONS.labels(self.service, status).set(counted.get(status, 0))

    async def _lane(self, id: UUID, stop: asyncio.Event) -> None:
        """Send what is due to one receiver until nothing is."""
        timeout = httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
        # Its own connections: they belong to the receiver's name, not only to its address.
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
            while not stop.is_set():
                receiver = await subscriptions.receiver(self.pool, id, self.clock())
                if receiver is None:
                    return
                width = 1 if receiver.failing_since else WIDTH
                found = await deliveries.due(self.pool, id, self.clock(), width)
                if not found:
                    return
                await asyncio.gather(*(self._deliver(client, receiver, what) for what in found))

    async def _deliver(self, client: httpx.AsyncClient, receiver: Receiver, what: Due) -> None:
        """One attempt and its entry."""
        answer = await self._attempt(client, receiver, what)
        if isinstance(answer, httpx.Response) and answer.is_success:
            await self._taken(receiver, what, answer.status_code)
        else:
            await self._not_taken(receiver, what, answer)

    async def _attempt(
        self, client: httpx.AsyncClient, receiver: Receiver, what: Due
    ) -> httpx.Response | str:
        """Post to the address that the guard has looked at; an error in words without answer."""
        try:
            url = parsed(receiver.url)
            address = await self.guard.address(url)
            request = client.build_request(
                "POST",
                url.copy_with(host=address),
                content=what.body,
                headers=self._headers(receiver, what, url),
                extensions={"sni_hostname": url.host},
            )
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                answer = await client.send(request, stream=True)
                await answer.aclose()
        except (Refused, Unresolved, NoKey) as error:
            return str(error)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            return f"no answer: {type(error).__name__}"
        return answer

    def _headers(self, receiver: Receiver, what: Due, url: httpx.URL) -> dict[str, str]:
        timestamp = int(self.clock().timestamp())
        keys = [self.vault.unseal(secret) for secret in receiver.secrets]
        return {
            "host": url.netloc.decode("ascii"),
            "content-type": CONTENT_TYPE,
            "user-agent": "tanzhang",
            "webhook-id": what.event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(keys, what.event_id, timestamp, what.body),
        }

    async def _taken(self, receiver: Receiver, what: Due, status: int) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await deliveries.delivered(connection, receiver.id, what.number, self.clock(), status)
            await subscriptions.succeeded(connection, receiver.id)
        metrics.WEBHOOK_DELIVERIES.labels(self.service, "delivered").inc()

    async def _not_taken(self, receiver: Receiver, what: Due, answer: httpx.Response | str) -> None:
        now = self.clock()
        failure, pause = _failure(answer, now)
        again_at = rules.next_attempt(what.attempts + 1, now, pause, self.chance)
        async with self.pool.acquire() as connection, connection.transaction():
            state = await deliveries.failed(connection, receiver.id, what, now, failure, again_at)
            resume_at = again_at if pause else None
            too_long = await subscriptions.failed(
                connection, receiver.id, now, failure.error, resume_at
            )
            if too_long or failure.status == GONE:
                reason = "gone" if failure.status == GONE else "failing"
                await notices.disable(connection, self.service, receiver.id, now, reason)
        outcome = "given_up" if state == "failed" else "failed"
        metrics.WEBHOOK_DELIVERIES.labels(self.service, outcome).inc()


def _failure(answer: httpx.Response | str, now: datetime) -> tuple[Failure, timedelta | None]:
    if isinstance(answer, str):
        return Failure(None, answer), None
    pause = rules.retry_after(answer.headers.get("retry-after"), now)
    return Failure(answer.status_code, f"answered {answer.status_code}"), pause
