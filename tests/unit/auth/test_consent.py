"""What a token may read of a person by itself, and what only under a consent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.auth.consent import (
    Consent,
    ConsentScope,
    Reason,
    Verdict,
    require_account,
    require_passport,
    require_person,
    speaker,
)
from shared.auth.principal import EVERYTHING, Principal
from shared.http.problems import Problem

PERSON = "jsrcb:token-0001"
LIVE = Consent(id="c1", until=datetime(2026, 9, 1, tzinfo=UTC))


class Records:
    """Consents by bank and scope; remembers what it was asked."""

    def __init__(self, *live: tuple[str, ConsentScope]) -> None:
        self.live = live
        self.asked: list[tuple[str, str, ConsentScope]] = []

    async def __call__(self, account: str, bank: str, scope: ConsentScope) -> Verdict:
        self.asked.append((account, bank, scope))
        reason = Reason(code="none", en="none was given", zh="未曾授权")
        consent = LIVE if (bank, scope) in self.live else None
        return Verdict(bank=bank, scope=scope, reason=reason, consent=consent)


def token(*subjects: str, bank: str | None = None) -> Principal:
    return Principal("client", frozenset(), (), subjects, bank)


@pytest.mark.parametrize(
    "who",
    [token(PERSON), token("jsrcb:*"), token("*"), EVERYTHING, token("jsrcb:*", bank="jsrcb")],
)
async def test_a_persons_own_token_and_the_own_bank_read_the_account(who: Principal) -> None:
    records = Records()
    await require_account(who, PERSON, records)
    assert records.asked == []


@pytest.mark.parametrize(
    "who",
    [
        token("icbc:*", bank="icbc"),
        token("*", bank="icbc"),
        token(PERSON, bank="icbc"),
        token("jsrcb:another-0002", bank="jsrcb"),
    ],
)
async def test_another_bank_reads_the_account_under_a_consent_only(who: Principal) -> None:
    assert who.bank
    with pytest.raises(Problem) as refused:
        await require_account(who, PERSON, Records((who.bank, "passport")))
    assert (refused.value.status, refused.value.name) == (403, "no-consent")
    records = Records((who.bank, "account"))
    await require_account(who, PERSON, records)
    assert records.asked == [(PERSON, who.bank, "account")]


async def test_a_token_without_a_bank_reads_its_subjects_only() -> None:
    with pytest.raises(Problem, match="subjects do not include"):
        await require_account(token("icbc:*"), PERSON, Records(("icbc", "account")))


@pytest.mark.parametrize(
    "who", [token(PERSON), token(PERSON, "icbc:theirs-0001"), token("*"), EVERYTHING]
)
async def test_a_person_and_the_city_see_a_passport_without_a_consent(who: Principal) -> None:
    assert await require_passport(who, PERSON, Records()) is None


@pytest.mark.parametrize("who", [token("jsrcb:*", bank="jsrcb"), token("*", bank="icbc")])
async def test_every_bank_sees_a_passport_under_a_consent_only(who: Principal) -> None:
    assert who.bank
    assert await require_passport(who, PERSON, Records((who.bank, "passport"))) == LIVE
    with pytest.raises(Problem) as refused:
        await require_passport(who, PERSON, Records((who.bank, "account")))
    assert refused.value.detail == (
        f"{who.bank} needs the person's consent (passport): none was given"
    )
    shown = refused.value.document()
    assert (shown["type"], shown["bank"]) == ("urn:tanzhang:problem:no-consent", who.bank)


async def test_a_token_for_many_persons_that_names_no_bank_sees_no_passport() -> None:
    for who in (
        token("jsrcb:*"),
        token(PERSON, "jsrcb:*"),
        token(PERSON, "jsrcb:another-0002"),
    ):
        with pytest.raises(Problem, match="claim bank"):
            await require_passport(who, PERSON, Records())
    with pytest.raises(Problem, match="subjects do not include"):
        await require_passport(token("icbc:*"), PERSON, Records())


def test_a_bank_speaks_for_its_own_customers_only() -> None:
    require_person(token("*"), PERSON)
    require_person(token("*", bank="jsrcb"), PERSON)
    with pytest.raises(Problem, match="bank icbc: it speaks for its own customers"):
        require_person(token("*", bank="icbc"), PERSON)
    with pytest.raises(Problem, match="subjects do not include"):
        require_person(token("icbc:*", bank="icbc"), PERSON)


def test_a_person_who_acts_is_not_named() -> None:
    assert speaker(token(PERSON), PERSON) == "person"
    assert speaker(token(PERSON, "icbc:theirs-0001"), PERSON) == "person"


@pytest.mark.parametrize(
    "who",
    [
        token("jsrcb:*", bank="jsrcb"),
        token(PERSON, bank="jsrcb"),
        token(PERSON, "*"),
        token(PERSON, "jsrcb:another-0002"),
    ],
)
def test_an_institution_that_acts_is_named(who: Principal) -> None:
    assert speaker(who, PERSON) == "client"


@pytest.mark.parametrize("require", [require_account, require_passport])
async def test_what_is_no_account_is_said_and_not_asked_about(require: Any) -> None:
    records = Records()
    with pytest.raises(Problem) as refused:
        await require(token("icbc:*", bank="icbc"), "jsrcb", records)
    [error] = refused.value.errors
    assert (refused.value.status, error.pointer) == (422, "/path/id")
    assert error.detail.startswith("expected <bank>:<token>")
    assert records.asked == []
