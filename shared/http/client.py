"""Questions from one service to another. Never on the way of an event."""

from typing import Any

import httpx
import msgspec
from fastapi import Request

ANSWER_SECONDS_MAX = 3.0
CONNECT_SECONDS_MAX = 1.0
_NOT_FOUND = 404


class Unavailable(Exception):
    """The other service gave no usable answer; what is known without it can be shown as partial."""


def open_client() -> httpx.AsyncClient:
    """The client of a process, `app.state.client`: making one reads all certificates (18 ms)."""
    timeout = httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)


async def ask(request: Request, url: str, path: str, **params: str | int) -> Any:
    """GET `url` + `path` as JSON; None when the other service knows no such thing (404).

    With the service's own token, else with that of the request it is asked for. Raises
    Unavailable for anything else: away, slow, refused, not JSON.
    """
    token = request.app.state.settings.tanzhang_service_token or _bearer(request)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    client: httpx.AsyncClient = request.app.state.client
    try:
        answer = await client.get(url.rstrip("/") + path, params=params, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{url} gave no answer: {type(error).__name__}") from error
    if answer.status_code == _NOT_FOUND:
        return None
    if not answer.is_success:
        raise Unavailable(f"{url} answered {answer.status_code}")
    try:
        return msgspec.json.decode(answer.content)
    except msgspec.DecodeError as error:
        raise Unavailable(f"{url} did not answer in JSON") from error


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None
