"""Questions from one service to another. Never on the way of an event."""

from typing import Any

import httpx
import msgspec

ANSWER_SECONDS_MAX = 3.0
CONNECT_SECONDS_MAX = 1.0
_NOT_FOUND = 404


class Unavailable(Exception):
    """The other service gave no usable answer; what is known without it can be shown as partial."""


def open_client() -> httpx.AsyncClient:
    """A client to keep for the process's life (in the lifespan) and to hand to `ask`."""
    timeout = httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)


async def ask(
    url: str,
    path: str,
    token: str | None,
    *,
    params: dict[str, str | int] | None = None,
    client: httpx.AsyncClient | None = None,
) -> Any:
    """GET `url` + `path` as JSON; None when the other service knows no such thing (404).

    Raises Unavailable for anything else: away, slow, refused, not JSON.
    """
    if client is None:
        async with open_client() as own:
            return await ask(url, path, token, params=params, client=own)
    headers = {"authorization": f"Bearer {token}"} if token else {}
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
