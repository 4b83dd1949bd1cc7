"""The list of labels: by label, sector, kind and year, and of the accounts that a token reads."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from services.grading.api.labels import LIST, readable
from shared.auth.principal import Principal
from shared.events.envelope import Event

Enterprise = Callable[..., Event]
Farm = Callable[..., Event]
Grading = Any  # the fixture of conftest.py


async def test_lists_by_label_and_sector(
    grading: Grading, enterprise: Enterprise, farm: Farm
) -> None:
    await grading.put()
    await grading.post(
        enterprise("a"),
        enterprise("b", total_t=Decimal(90000)),
        enterprise("b", sequence=2, year=2021, output=Decimal(0)),
        enterprise("c", sector="3011"),
        farm("d"),
    )

    async def ids(query: str) -> list[str]:
        answer = await grading.http.get(f"/v1/labels?{query}")
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await ids("") == ["d", "a", "b", "c"]
    assert await ids("label=red") == ["b"]
    assert await ids("label=ungraded") == ["c"]
    assert await ids("sector=1495") == await ids("sector=C1495") == ["a", "b"]
    assert await ids("sector=breeding") == ["d"]
    assert await ids("kind=agri") == ["d"]
    assert await ids("year=2021") == await ids("label=ungraded&year=2021&sector=1495") == ["b"]
    assert await ids("year=2019") == await ids("label=red&sector=3011") == []
    first = (await grading.http.get("/v1/labels?limit=3")).json()
    assert await ids(f"cursor={first['next']}") == ["c"]
    wrong = await grading.http.get("/v1/labels?label=blue")
    assert wrong.status_code == 422 and "deep_green" in wrong.json()["detail"]
    wrong = await grading.http.get("/v1/labels?sector=steel")
    assert wrong.status_code == 422 and "GB/T 4754" in wrong.json()["detail"]


@dataclass
class Bank:
    """Tokens of a bank that may read its own accounts only."""

    subjects: tuple[str, ...] = ("farm:*", "mine")

    async def principal(self, token: str) -> Principal:
        return Principal(token, frozenset({"labels:read"}), (), self.subjects)


@pytest.mark.parametrize(
    "subjects",
    [
        ("mine",),
        ("mine", "farm:*"),
        ("a_b*", "a%/*"),
        ("mi*", "other*", "farm:sanyi*"),
        ("a\\*", "mine:*", "m*ne"),
        (),
    ],
)
async def test_a_list_has_the_accounts_that_the_token_reads(
    grading: Grading, enterprise: Enterprise, farm: Farm, subjects: tuple[str, ...]
) -> None:
    ids = [
        "mine",
        "mineral",
        "mine:1",
        "mine:",
        "a_b:1",
        "axb:1",
        "a%/1",
        "ab/1",
        "a\\:1",
        "other/2",
    ]
    await grading.post(*(enterprise(id) for id in ids), farm(), farm("farm:sanyi:2"))
    grading.app.state.verifier = bank = Bank(subjects)
    grading.http.headers["authorization"] = "Bearer bank"
    who = await bank.principal("bank")
    listed = [item["id"] for item in (await grading.http.get("/v1/labels")).json()["items"]]
    assert sorted(listed) == sorted(filter(who.reads, [*ids, "farm:sanyi", "farm:sanyi:2"]))


MANY = """
with made as (
    insert into subject (subject, account)
    select 'industrial:works-' || n, n from generate_series(1, 10000) n returning account
)
insert into label (account, year, kind, sector, n, label, dimensions, reason, rule_version,
    decided_at, looked_at, cause, contested, suspended)
select account, 2020, 'industrial', '1495', 1, 'red', '{}', '{"en": "", "zh": ""}', '', now(),
    now(), '', false, false
from made
"""


def looked_at(plan: dict[str, Any]) -> int:
    """Rows that a plan made or left out, each as often as it did."""
    rows = sum(n for name, n in plan.items() if name == "Actual Rows" or "Rows Removed" in name)
    return int(rows * plan["Actual Loops"]) + sum(map(looked_at, plan.get("Plans", ())))


async def test_the_list_of_a_bank_with_many_customers_compares_no_account_with_each(
    grading: Grading,
) -> None:
    state = grading.app.state
    await state.pool.execute(MANY)
    bank = Bank(tuple(f"works-{n}" for n in range(1, 10001, 10)))
    state.verifier = bank
    grading.http.headers["authorization"] = "Bearer bank"
    items = (await grading.http.get("/v1/labels?limit=1000")).json()["items"]
    assert len(items) == 1000
    whole, begun = readable(await bank.principal("bank"))
    asked = (None, whole, None, None, None, None, 1001, begun)
    explained = await state.pool.fetchval(
        "explain (analyze, format json) " + LIST.format(narrowed=""), *asked
    )
    assert looked_at(json.loads(explained)[0]["Plan"]) < 100_000


async def test_a_client_sees_the_accounts_of_its_subjects_only(
    grading: Grading, enterprise: Enterprise, farm: Farm
) -> None:
    await grading.post(enterprise("mine"), enterprise("mineral"), enterprise("other"), farm())
    grading.app.state.verifier = Bank()
    assert (await grading.http.get("/v1/labels")).status_code == 401
    grading.http.headers["authorization"] = "Bearer bank"
    items = (await grading.http.get("/v1/labels")).json()["items"]
    assert [item["id"] for item in items] == ["farm:sanyi", "mine"]
    assert (await grading.http.get("/v1/labels/industrial/mine")).status_code == 200
    pages = [
        (await grading.http.get(f"/v1/labels?limit={n}")).json()["next"] is None for n in (1, 2)
    ]
    assert pages == [False, True]
    other = "/v1/labels/industrial/other"
    for path in (other, f"{other}/history", f"{other}/appeals", "/v1/passports/industrial/other"):
        assert (await grading.http.get(path)).status_code == 403
    assert (await grading.http.post(f"{other}/what-if", json={})).status_code == 403
    personal = await grading.http.get("/v1/passports/personal/mine")
    assert (personal.status_code, personal.json()["scope"]) == (403, "personal:read")
    refused = await grading.http.put("/v1/benchmarks/1495/2020", json={})
    assert (refused.status_code, refused.json()["scope"]) == (403, "benchmarks:write")
