"""Who may read points, redeem them, make offers and freeze accounts."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.guarded import guarded
from tests.integration.points.desk import MEMBER, Points, problem

OTHER = "jsrcb:token-0002"
READ, REDEEM, FREEZE = ("points:read",), ("points:redeem",), ("points:freeze",)
OFFER = ("registry:write",)
ACCOUNT = f"/v1/accounts/{MEMBER}"
BODIES = {
    "freeze": {"reason": "r"},
    "stock": {"add": 1, "reference": "DN-1"},
    "rewards": {"name": "Bag", "points": "20", "stock": 10},
    "redemptions": {"account_id": MEMBER, "reward_id": "bag"},
}
Client = Callable[..., Any]


@pytest.fixture
async def client(points: Points, tmp_path: Path) -> AsyncIterator[Client]:
    """`async with client("app", scopes, subjects) as http`: the service asks for tokens."""
    assert points.settings.database_url is not None
    async with guarded("points", points.settings.database_url, tmp_path) as service:

        def _client(
            name: str, scopes: Sequence[str] | None, subjects: Sequence[str]
        ) -> AbstractAsyncContextManager[httpx.AsyncClient]:
            return service.client(scopes, subjects, name=name, headers={"idempotency-key": "k1"})

        yield _client


@pytest.mark.parametrize(
    ("method", "path", "scopes", "subjects", "status"),
    [
        ("GET", ACCOUNT, None, (), 401),
        ("GET", ACCOUNT, REDEEM, ("*",), 403),
        ("GET", ACCOUNT, READ, (OTHER,), 403),
        ("GET", ACCOUNT, READ, (MEMBER,), 200),
        ("GET", f"{ACCOUNT}/redemptions", READ, (OTHER,), 403),
        ("GET", f"{ACCOUNT}/redemptions", READ, (MEMBER,), 200),
        ("GET", f"{ACCOUNT}/freezings", READ, ("*",), 403),
        ("GET", f"{ACCOUNT}/freezings", FREEZE, (OTHER,), 403),
        ("GET", f"{ACCOUNT}/freezings", FREEZE, ("jsrcb:*",), 200),
        ("POST", f"{ACCOUNT}/freeze", (*READ, *REDEEM, *OFFER), ("*",), 403),
        ("POST", f"{ACCOUNT}/freeze", FREEZE, (OTHER,), 403),
        ("POST", f"{ACCOUNT}/freeze", FREEZE, ("jsrcb:*",), 200),
        ("POST", f"{ACCOUNT}/unfreeze", (*READ, *REDEEM), ("*",), 403),
        ("POST", f"{ACCOUNT}/unfreeze", FREEZE, ("jsrcb:*",), 409),
        ("GET", "/v1/rewards", None, (), 401),
        ("GET", "/v1/rewards", REDEEM, (), 403),
        ("GET", "/v1/rewards", READ, (), 200),
        ("PUT", "/v1/rewards/cup", (*READ, *REDEEM), ("*",), 403),
        ("PUT", "/v1/rewards/cup", OFFER, ("jsrcb:*",), 403),
        ("PUT", "/v1/rewards/cup", OFFER, ("*",), 201),
        ("POST", "/v1/rewards/bag/stock", (*READ, *REDEEM), ("*",), 403),
        ("POST", "/v1/rewards/bag/stock", OFFER, ("91330800734510498B",), 403),
        ("POST", "/v1/rewards/bag/stock", OFFER, ("*",), 200),
        ("POST", "/v1/redemptions", READ, ("*",), 403),
        ("POST", "/v1/redemptions", REDEEM, (OTHER,), 403),
        ("POST", "/v1/redemptions", REDEEM, (MEMBER,), 201),
    ],
)
async def test_scopes_and_subjects(
    points: Points,
    client: Client,
    method: str,
    path: str,
    scopes: tuple[str, ...] | None,
    subjects: tuple[str, ...],
    status: int,
) -> None:
    await points.credit("rich", "100")
    await points.offer()
    sent = next((body for word, body in BODIES.items() if path.endswith(word)), BODIES["rewards"])
    async with client("app", scopes, subjects) as http:
        answer = await http.request(method, path, json=None if method == "GET" else sent)
    assert answer.status_code == status, answer.text


async def test_two_clients_may_use_the_same_key(points: Points, client: Client) -> None:
    await points.credit("rich", "100")
    await points.offer()
    ids = set()
    for name in ("app", "counter", "app"):
        async with client(name, REDEEM, (MEMBER,)) as http:
            answer = await http.post("/v1/redemptions", json=BODIES["redemptions"])
            ids.add(answer.json()["id"])
    assert len(ids) == 2
    assert await points.balance() == "60.000"


async def test_somebody_elses_redemption_is_not_there(points: Points, client: Client) -> None:
    await points.credit("rich", "100")
    await points.offer()
    path = f"/v1/redemptions/{await points.redeemed('k')}"
    async with client("app", (*READ, *REDEEM), (OTHER,)) as http:
        for answer in (await http.get(path), await http.post(f"{path}/cancel")):
            status, name, detail = problem(answer)
            assert (status, name) == (404, "not-found")
            assert MEMBER not in detail
    assert await points.balance() == "80.000"


async def test_who_froze_an_account_is_the_client_of_the_token(
    points: Points, client: Client
) -> None:
    await points.credit("rich", "100")
    async with client("risk-desk", FREEZE, ("jsrcb:*",)) as http:
        answer = await http.post(f"{ACCOUNT}/freeze", json={"reason": "stolen"})
    assert answer.json()["frozen"]["by"] == "risk-desk"
