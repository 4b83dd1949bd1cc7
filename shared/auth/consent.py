"""Consents: what a bank's token may read of a person, and the question whether a consent holds.

The records are the points service's; the other services ask it over HTTP, each time.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, get_args

import msgspec
from fastapi import Request

from shared.auth.principal import Principal, require_subject
from shared.events.identifiers import PERSONAL_FORM, bank_of, is_personal_account
from shared.http.answers import Answer, Refusal, Timestamp, sample
from shared.http.client import Unavailable, ask
from shared.http.problems import Problem, forbidden, invalid, unavailable

ConsentScope = Literal["passport", "account", "credit_score", "village"]
SCOPES: tuple[ConsentScope, ...] = get_args(ConsentScope)
CHECK_PATH = "/v1/consents/check"


class Consent(Answer, frozen=True, kw_only=True):
    """A consent that holds, until when."""

    id: Annotated[str, sample("6f1c7d0e-3b64-4b7e-9a43-2f1f0c2b7d11")]
    until: Timestamp


class Reason(Answer, frozen=True, kw_only=True):
    """Whether a consent holds (`live`) or why not; `zh` is the sentence in Chinese."""

    code: Literal["live", "none", "withdrawn", "ended"]
    en: Annotated[str, sample("the consent holds")]
    zh: Annotated[str, sample("授权有效")]


class Verdict(Answer, frozen=True, kw_only=True):
    """The answer to whether `bank` has a consent; `consent` is null unless one holds."""

    bank: Annotated[str, sample("icbc")]
    scope: ConsentScope
    reason: Reason
    consent: Consent | None = None

    def required(self) -> Consent:
        """The consent; 403 with the reason when none holds."""
        if self.consent is None:
            detail = f"{self.bank} needs the person's consent ({self.scope}): {self.reason.en}"
            raise Problem(
                "no-consent", 403, detail, bank=self.bank, scope=self.scope, reason=self.reason
            )
        return self.consent


_NONE = {"code": "none", "en": "none was given", "zh": "未曾授权"}
NO_CONSENT = Refusal(
    403,
    "no-consent",
    "icbc needs the person's consent (account): none was given",
    {"bank": "icbc", "scope": "account", "reason": _NONE},
)

# Account id, bank and scope in; Problem 503 when nobody can say.
Check = Callable[[str, str, ConsentScope], Awaitable[Verdict]]


def speaks_for(who: Principal, account: str) -> bool:
    """May the principal act for the person? No bank may for another's customers."""
    return who.reads(account) and (who.bank is None or bank_of(account) == who.bank)


def is_own(who: Principal, account: str) -> bool:
    """Is it the person's own token? It names this account, and no other customer of its bank.

    One person may have an account at each bank; who names two at one bank, or a pattern, is an
    institution.
    """
    if who.bank is not None or any(s.endswith("*") for s in who.subjects):
        return False
    bank = bank_of(account)
    return {s for s in who.subjects if bank_of(s) == bank} == {account}


def require_person(who: Principal, account: str) -> None:
    """403 unless the principal speaks for the person."""
    require_subject(who, account)
    if not speaks_for(who, account):
        raise forbidden(f"The token is of the bank {who.bank}: it speaks for its own customers")


def speaker(who: Principal, account: str) -> str:
    """Who acts, for the records: the client, but of a person's own token no name."""
    return "person" if is_own(who, account) else who.client


async def require_account(who: Principal, account: str, check: Check) -> None:
    """403 unless the principal may read what the account holds.

    A bank reads its own customers, whose payments it sends, as far as its `subjects` go; anyone
    else's account under a consent to `account`.
    """
    if who.bank is None or speaks_for(who, account):
        require_subject(who, account)
    else:
        (await _asked(check, account, who.bank, "account")).required()


async def require_passport(who: Principal, account: str, check: Check) -> Consent | None:
    """The consent that opens a person's passport; None for the person and for the city itself.

    A bank needs one for its own customers too. A token for more than one person that names no
    bank could be any bank's: it is refused.
    """
    if who.bank is not None:
        return (await _asked(check, account, who.bank, "passport")).required()
    require_subject(who, account)
    if not (is_own(who, account) or who.is_city()):
        raise forbidden("A token for a bank's accounts needs the claim bank to read passports")
    return None


def over_http(request: Request) -> Check:
    """The check as another service makes it: asks points."""
    url = request.app.state.settings.tanzhang_points_url

    async def check(account: str, bank: str, scope: ConsentScope) -> Verdict:
        try:
            found: Any = await ask(
                request, url, CHECK_PATH, account_id=account, bank=bank, scope=scope
            )
            return msgspec.convert(found, Verdict)
        except (Unavailable, msgspec.ValidationError) as error:
            # Without an answer nothing is shown: the consent may be withdrawn by now.
            raise unavailable("Whether there is a consent cannot be asked at the moment") from error

    return check


async def _asked(check: Check, account: str, bank: str, scope: ConsentScope) -> Verdict:
    """The verdict; 422 for what is no account's id, since points would refuse the question."""
    if not is_personal_account(account):
        raise invalid("/path/id", f"expected {PERSONAL_FORM}", "invalid-parameter")
    return await check(account, bank, scope)
