"""What banks read of persons: under a consent, as long as it holds."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.grading.domain.rulebook import rulebook
from shared.events.envelope import Outgoing, decode, encode
from shared.events.types import Payment
from shared.methodology import methodology
from tests.policies import with_own

Town = Any  # the fixture's, of conftest.py
PERSON = "jsrcb:token-0001"
PASSPORT = f"/v1/passports/personal/{PERSON}"
ACCOUNT = f"/v1/accounts/{PERSON}"
pytestmark = pytest.mark.usefixtures("neighbours")
POLICIES = "/v1/policies?kind=personal"
AWAY = "http://127.0.0.1:9"


async def bank(town: Town, service: str, name: str = "icbc") -> Any:
    return await town.http(service, f"{name}:*", bank=name)


def granting_own(town: Town, directory: Path) -> None:
    """Two banks have put policies of their own in the place of defaults."""
    rules = rulebook(methodology(with_own(directory, begins="2026-01-01")))
    state = town.apps["grading"].state
    state.regrader = replace(state.regrader, rules=rules)


async def test_a_bank_gets_a_persons_tier_and_policy_under_a_consent(town: Town) -> None:
    await town.earn(grams="2500")
    await town.tick()
    given = await town.give("icbc", "passport")
    answer = await (await bank(town, "grading")).get(PASSPORT)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["consent"] == {"id": given["id"], "until": "2026-08-31T16:00:00Z"}
    assert (found["tier"], found["policy"]["id"]) == ("medium", "personal.medium")
    assert (found["partial"], found["missing"]) == (False, [])
    assert not {"account", "points", "evidence"} & found.keys()


async def test_a_passport_has_the_policy_of_the_bank_that_asks(town: Town, tmp_path: Path) -> None:
    await town.earn(grams="2500")
    await town.tick()
    granting_own(town, tmp_path)
    granted = {}
    for name in ("icbc", "jsrcb"):
        await town.give(name, "passport")
        found = (await (await bank(town, "grading", name)).get(PASSPORT)).json()
        granted[name] = found["policy"]["id"]
    assert granted == {"icbc": "icbc.personal.medium", "jsrcb": "personal.medium"}


async def test_a_persons_own_passport_has_the_policy_of_their_bank(
    town: Town, tmp_path: Path
) -> None:
    granting_own(town, tmp_path)
    customer = "icbc:token-0002"
    await town.earn(customer, grams="2500")
    await town.tick()
    path = f"/v1/passports/personal/{customer}"
    found = (await (await town.http("grading", customer)).get(path)).json()
    assert found["policy"]["id"] == "icbc.personal.medium"


async def test_a_bank_asks_for_its_own_policies_only(town: Town, tmp_path: Path) -> None:
    granting_own(town, tmp_path)
    http = await bank(town, "grading")
    own = (await http.get(POLICIES)).json()
    assert own == (await http.get(f"{POLICIES}&bank=icbc")).json()
    assert "icbc.personal.medium" in {item["id"] for item in own["items"]}
    other = await http.get(f"{POLICIES}&bank=jsrcb")
    assert other.status_code == 403
    assert other.json()["detail"] == "The token is of the bank icbc: it asks about no other"


@pytest.mark.parametrize("name", ["icbc", "jsrcb"])
async def test_without_a_consent_a_bank_is_told_that_none_was_given(town: Town, name: str) -> None:
    """The person's own bank too."""
    await town.earn()
    answer = await (await bank(town, "grading", name)).get(PASSPORT)
    assert answer.status_code == 403
    problem = answer.json()
    assert problem["type"] == "urn:tanzhang:problem:no-consent"
    assert problem["detail"] == f"{name} needs the person's consent (passport): none was given"
    assert (problem["bank"], problem["scope"]) == (name, "passport")
    assert problem["reason"] == {"code": "none", "en": "none was given", "zh": "未曾授权"}


async def test_an_unknown_person_is_refused_like_any_other(town: Town) -> None:
    http = await bank(town, "grading")
    unknown = (await http.get(PASSPORT)).json()
    await town.earn()
    assert unknown == (await http.get(PASSPORT)).json()


async def test_a_withdrawn_consent_is_none_and_says_since_when(town: Town) -> None:
    await town.earn()
    http = await bank(town, "grading")
    given = await town.give("icbc", "passport")
    assert (await http.get(PASSPORT)).status_code == 200
    await town.withdraw(given)
    refused = await http.get(PASSPORT)
    assert refused.status_code == 403
    assert refused.json()["detail"].endswith("it was withdrawn on 2026-03-01T02:00:00+00:00")


async def test_a_consent_that_has_ended_is_none(town: Town) -> None:
    await town.earn()
    await town.give("icbc", "passport")
    town.now = datetime(2026, 8, 31, 16, tzinfo=UTC)
    refused = await (await bank(town, "grading")).get(PASSPORT)
    assert refused.json()["detail"].endswith("it ended on 2026-08-31T16:00:00+00:00")


async def test_a_person_sees_the_own_passport_without_a_consent(town: Town) -> None:
    await town.earn()
    found = (await (await town.http("grading", PERSON)).get(PASSPORT)).json()
    assert (found["tier"], found["consent"]) == ("none", None)
    assert found["points"]["balance"] == "23.096"


async def test_a_token_for_many_persons_must_name_its_bank(town: Town) -> None:
    await town.earn()
    refused = await (await town.http("grading", "jsrcb:*")).get(PASSPORT)
    assert refused.status_code == 403
    assert refused.json()["detail"].endswith("needs the claim bank to read passports")


async def test_a_token_for_some_persons_is_nobodys_own(town: Town) -> None:
    await town.earn()
    refused = await (await town.http("grading", PERSON, "jsrcb:token-0002")).get(PASSPORT)
    assert refused.status_code == 403
    assert refused.json()["detail"].endswith("needs the claim bank to read passports")


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("grading", "/v1/passports/personal/jsrcb"),
        ("personal", "/v1/accounts/jsrcb"),
        ("points", "/v1/accounts/jsrcb"),
    ],
)
async def test_a_wrong_account_id_is_said_to_be_wrong(town: Town, service: str, path: str) -> None:
    answer = await (await bank(town, service)).get(path)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error == {
        "pointer": "/path/id",
        "detail": "expected <bank>:<token>, token of 8 to 64 letters, digits, _ and -",
    }


async def test_nobody_keeps_a_passport_or_a_refusal_to_show_it_again(town: Town) -> None:
    await town.earn()
    http = await bank(town, "grading")
    refused = await http.get(PASSPORT)
    await town.give("icbc", "passport")
    shown = await http.get(PASSPORT)
    assert (refused.status_code, shown.status_code) == (403, 200)
    assert refused.headers["cache-control"] == shown.headers["cache-control"] == "no-store"


async def test_while_points_is_away_no_bank_gets_a_passport(town: Town) -> None:
    await town.earn()
    await town.give("icbc", "passport")
    for name in ("grading", "personal"):
        state = town.apps[name].state
        state.settings = msgspec.structs.replace(state.settings, tanzhang_points_url=AWAY)
    for service, path in (("grading", PASSPORT), ("personal", ACCOUNT)):
        answer = await (await bank(town, service)).get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "Whether there is a consent" in answer.json()["detail"]


@pytest.fixture
def payment() -> Callable[[], Any]:
    def _payment() -> Any:
        data = msgspec.convert(
            {"kind": "transfer", "channel": "mobile", "amount": "10", "currency": "CNY"},
            Payment,
            strict=False,
        )
        at = datetime(2026, 3, 1, tzinfo=UTC)
        sent = Outgoing("cn.tanzhang.payment.v1", PERSON, "p1", "urn:jsrcb", at, data)
        return decode(encode(sent), strict=False)

    return _payment


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("points", ACCOUNT),
        ("points", f"{ACCOUNT}/entries"),
        ("points", f"{ACCOUNT}/redemptions"),
        ("personal", ACCOUNT),
        ("personal", f"{ACCOUNT}/entries"),
        ("personal", f"{ACCOUNT}/statement"),
    ],
)
async def test_another_bank_reads_an_account_under_a_consent_to_that(
    town: Town, payment: Callable[[], Any], service: str, path: str
) -> None:
    await town.earn()
    await town.post("personal", payment())
    icbc, own = await bank(town, service), await bank(town, service, "jsrcb")
    await town.give("icbc", "passport")
    refused = await icbc.get(path)
    assert refused.json()["detail"] == "icbc needs the person's consent (account): none was given"
    given = await town.give("icbc", "account")
    assert (await icbc.get(path)).status_code == 200
    await town.withdraw(given)
    assert (await icbc.get(path)).status_code == 403
    assert (await own.get(path)).status_code == 200


async def test_a_consent_lets_nobody_spend_freeze_or_erase(
    town: Town, payment: Callable[[], Any]
) -> None:
    """Not even with a token for all subjects: it is of a bank, and this is no customer of it."""
    await town.earn(grams="100")
    await town.post("personal", payment())
    await town.give("icbc", "account")
    points = await town.http("points", bank="icbc")
    personal = await town.http("personal", bank="icbc")
    order = {"account_id": PERSON, "reward_id": "bag"}
    answers = [
        await points.post("/v1/redemptions", json=order, headers={"idempotency-key": "k1"}),
        await points.post(f"{ACCOUNT}/freeze", json={"reason": "x"}),
        await points.post(f"{ACCOUNT}/unfreeze"),
        await points.put(f"{ACCOUNT}/village", json={"village": "330881101201"}),
        await personal.delete(ACCOUNT),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert answers[0].json()["detail"].endswith("icbc: it speaks for its own customers")


async def test_no_passport_is_given_from_the_moment_a_withdrawal_is_answered(town: Town) -> None:
    await town.earn()
    http = await bank(town, "grading")
    given = await town.give("icbc", "passport")
    answers: list[tuple[bool, int]] = []
    withdrawn, enough = asyncio.Event(), asyncio.Event()

    async def read() -> None:
        late = 0
        while late < 5:
            began_late = withdrawn.is_set()
            answers.append((began_late, (await http.get(PASSPORT)).status_code))
            late += began_late
            if len(answers) >= 12:
                enough.set()

    async def withdraw() -> None:
        await enough.wait()
        await town.withdraw(given)
        withdrawn.set()

    async with asyncio.timeout(60):
        await asyncio.gather(withdraw(), *(read() for _ in range(4)))
    assert {status for late, status in answers if late} == {403}
    assert (False, 200) in answers
