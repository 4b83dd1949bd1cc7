"""Who asks, and what they may do: scopes, and the sources and subjects they speak for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.events.types import INPUTS
from shared.http.problems import forbidden, unauthorized

SCOPES: dict[str, str] = {
    **{f"events:write:{t}": f"post events to {t}" for t in dict(INPUTS.values())},
    "industrial:read": "read enterprises, accounts, entries and reviews",
    "agri:read": "read farms, accounts and entries",
    "personal:read": "read personal accounts (a bank also needs the person's consent)",
    "personal:erase": "erase a personal account",
    "labels:read": "read labels, benchmarks, policies and passports",
    "points:read": "read points accounts, entries and rewards",
    "points:redeem": "redeem points for rewards and cancel redemptions",
    "points:freeze": "freeze points accounts and let them go",
    "consents:read": "see a person's consents, ask whether one holds",
    "consents:write": "give and withdraw consents for a person",
    "subscriptions:read": "see one's webhook subscriptions and their deliveries",
    "subscriptions:write": "have events posted to a url, send them again",
    "exports:read": "export points and tiers of persons who have consented to it",
    "registry:write": "register enterprises, assets, meters, farms, persons' villages; of the city "
    "also rewards, and take league tables",
    "classifications:write": "of the city: say which scenario a payment belongs to",
    "benchmarks:write": "of the city: set, compute and withdraw benchmarks, take its means",
    "appeals:write": "appeal against a label",
    "reviews:write": "release or reject readings that are held for review",
    "appeals:decide": "of the city: list the appeals of all accounts and decide them",
}
# Of an operation that takes a token of the city itself, beside its scope; no token has it as one.
CITY = "city"
_DELIMITERS = (":", "/")


@dataclass(slots=True, frozen=True)
class Principal:
    """A client as its token describes it. An absent claim allows nothing; `*` allows everything.

    `bank` says that it is an institution's: the name that persons give their consents to.
    """

    client: str
    scopes: frozenset[str] = frozenset()
    sources: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    bank: str | None = None

    def has(self, scope: str) -> bool:
        return scope in self.scopes

    def may_write(self, topic: str) -> bool:
        return f"events:write:{topic}" in self.scopes

    def covers(self, claim: Literal["sources", "subjects"], text: str) -> bool:
        """Is the text among what this claim lists?"""
        return _matches(self.sources if claim == "sources" else self.subjects, text)

    def reads(self, subject: str) -> bool:
        return _matches(self.subjects, subject)

    def reads_all(self) -> bool:
        """True for an internal client: lists over all subjects are for these only."""
        return "*" in self.subjects

    def is_city(self) -> bool:
        """Does it act for the city itself? A bank does not, whatever its subjects."""
        return self.bank is None and self.reads_all()


CITY_ONLY = "This is the city's: it needs a token whose subjects are *, of no bank"
EVERYTHING = Principal("local", frozenset(SCOPES), ("*",), ("*",))


class Verifier(Protocol):
    """What turns a token into a principal; raises Problem 401."""

    async def principal(self, token: str) -> Principal: ...


_bearer = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description="A signed token with the claims `scope`, `sources`, `subjects`; an operation names "
    "the scope that it needs",
)


async def authenticated(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """A dependency giving the principal, whatever its scopes."""
    verifier: Verifier | None = request.app.state.verifier
    if verifier is None:
        return EVERYTHING
    if credentials is None:
        raise unauthorized("Send an Authorization header with a bearer token")
    return await verifier.principal(credentials.credentials)


def require(scope: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency giving a principal that has the scope: `Depends(require("labels:read"))`."""
    if scope not in SCOPES:
        raise ValueError(f"unknown scope {scope!r}, expected one of {', '.join(SCOPES)}")

    async def check(
        who: Annotated[Principal, Security(authenticated, scopes=[scope])],
    ) -> Principal:
        if not who.has(scope):
            raise forbidden(f"The token lacks the scope {scope}", scope=scope)
        return who

    return check


def require_city(scope: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency for what holds for the whole city: the scope, and a token of the city itself."""

    async def check(
        who: Annotated[Principal, Security(require(scope), scopes=[CITY])],
    ) -> Principal:
        if not who.is_city():
            raise forbidden(CITY_ONLY)
        return who

    return check


def require_subject(principal: Principal, subject: str) -> None:
    """403 unless the principal may read or write this subject."""
    if not principal.reads(subject):
        raise forbidden(f"The token's subjects do not include {subject}")


def _matches(patterns: tuple[str, ...], text: str) -> bool:
    return "*" in patterns or any(_match(p, text) for p in patterns)


def _match(pattern: str, text: str) -> bool:
    """Exact, `*`, or a beginning that ends where a part ends: `a:*` is a:b but never ab:c."""
    if not pattern.endswith("*"):
        return pattern == text
    stem = pattern[:-1]
    if not stem:
        return True
    if len(text) <= len(stem) or not text.startswith(stem):
        return False
    return stem[-1] in _DELIMITERS or text[len(stem)] in _DELIMITERS
