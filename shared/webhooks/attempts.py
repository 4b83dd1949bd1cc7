"""One attempt to deliver: signed, to an address that was looked at, with an end to waiting."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import httpx
import structlog

from shared.webhooks import rules
from shared.webhooks.addresses import Guard, Refused, Unresolved, host_of, parsed
from shared.webhooks.deliveries import Due
from shared.webhooks.signing import signatures

ANSWER_SECONDS_MAX = 15.0
CONNECT_SECONDS_MAX = 5.0
# What an answer says beyond its status is not read to its end; a short one is, for the next
# delivery to go over the same connection.
REST_SECONDS_MAX = 1.0
REST_BYTES_MAX = 65_536
GONE = 410
CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
TIMEOUT = httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX).as_dict()

log = structlog.get_logger()


class Answer(NamedTuple):
    """What a receiver said; without status nothing. `pause`: not to come again before."""

    status: int | None
    error: str | None = None
    pause: timedelta | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and httpx.codes.is_success(self.status)


class Target(NamedTuple):
    """Where to and signed with what; `urls` are those of the addresses that were looked at."""

    url: httpx.URL
    urls: Sequence[httpx.URL]
    secrets: Sequence[str]


@dataclass(slots=True, frozen=True)
class Post:
    """Makes attempts; never raises for what a receiver does."""

    guard: Guard
    clock: Callable[[], datetime]
    seconds_max: float = ANSWER_SECONDS_MAX
    # Costly to make: one for all.
    _tls: ssl.SSLContext = field(default_factory=lambda: httpx.create_ssl_context(trust_env=False))

    def transport(self) -> httpx.AsyncHTTPTransport:
        """A connection for one url: it is verified for its host. No proxy, whatever is set.

        One at a time: a pool of several looks at all of them for each request.
        """
        limits = httpx.Limits(max_connections=1)
        return httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=limits)

    async def target(self, text: str, secrets: Sequence[str]) -> Target | Answer:
        """Where a url leads to at the moment; an answer when nothing may or can be sent there."""
        try:
            url = parsed(text)
            addresses = await self.guard.addresses(url)
        except (Refused, Unresolved) as error:
            return Answer(None, str(error))
        return Target(url, [url.copy_with(host=address) for address in addresses], secrets)

    async def attempt(
        self,
        transport: httpx.AsyncBaseTransport,
        to: Target,
        what: Due,
        in_time: Callable[[], bool] = lambda: True,
    ) -> Answer | None:
        """The answer; None when it was no longer `in_time` to ask."""
        try:
            async with asyncio.timeout(self.seconds_max):
                request = self._request(to, what)
                if not in_time():
                    return None
                response = await transport.handle_async_request(request)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            return Answer(None, f"no answer: {type(error).__name__}")
        except Exception as error:
            # Whatever a receiver makes of an attempt: it is the failure of this one only.
            log.warning("attempt_failed", error=type(error).__name__)
            return Answer(None, "no answer that could be read")
        await _rest(response)
        return self._answer(response)

    def _answer(self, response: httpx.Response) -> Answer:
        answer = Answer(response.status_code)
        if answer.is_taken:
            return answer
        pause = rules.retry_after(response.headers.get("retry-after"), self.clock())
        return Answer(response.status_code, f"answered {response.status_code}", pause)

    def _request(self, to: Target, what: Due) -> httpx.Request:
        timestamp = int(self.clock().timestamp())
        headers = {
            "host": to.url.netloc.decode("ascii"),
            "content-type": CONTENT_TYPE,
            "user-agent": "tanzhang",
            "webhook-id": what.event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(to.secrets, what.event_id, timestamp, what.body),
        }
        extensions = {"sni_hostname": host_of(to.url), "timeout": TIMEOUT}
        return httpx.Request(
            "POST",
            to.urls[what.attempts % len(to.urls)],
            content=what.body,
            headers=headers,
            extensions=extensions,
        )


async def _rest(response: httpx.Response) -> None:
    """Read a short answer to its end, and leave a long or slow one."""
    with suppress(httpx.HTTPError, TimeoutError, OSError):
        async with asyncio.timeout(REST_SECONDS_MAX):
            try:
                size = 0
                async for chunk in response.aiter_raw():
                    size += len(chunk)
                    if size > REST_BYTES_MAX:
                        break
            finally:
                await response.aclose()
