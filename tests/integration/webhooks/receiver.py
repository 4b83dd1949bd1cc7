"""A receiver of webhooks as a finance platform has one, by the standard's own library."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook
from starlette.requests import Request
from starlette.responses import Response

from tests.serving import serving

Answer = Callable[[dict[str, Any]], Response]


def taken(event: dict[str, Any]) -> Response:
    """The usual answer."""
    return Response(status_code=204)


@dataclass(slots=True)
class Receiver:
    """`attempts` is everything that came (id and event), `events` what was taken."""

    url: str = ""
    secret: str = ""
    answer: Answer = taken
    attempts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        headers = dict(request.headers)
        # Not `verify`: it compares with this machine's clock, and senders of tests have another.
        id, at = (
            headers["webhook-id"],
            datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC),
        )
        expected = Webhook(self.secret).sign(id, at, body.decode())
        assert expected in headers["webhook-signature"].split(), "a signature that isn't ours"
        event = json.loads(body)
        self.headers.append(headers)
        self.attempts.append((headers["webhook-id"], event))
        answer = self.answer(event)
        if answer.status_code < 300:
            self.events.append(event)
        await answer(scope, receive, send)

    def ids(self) -> list[str]:
        """Of what was taken, in this order."""
        return [event["id"] for event in self.events]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens on a free port of 127.0.0.1."""
    receiver = Receiver()
    async with serving(receiver, "off") as url:
        receiver.url = f"{url}/hook"
        yield receiver
