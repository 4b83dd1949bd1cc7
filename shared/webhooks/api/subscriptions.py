"""HTTP of subscriptions: a client makes them, looks after them, and sees only its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from msgspec import Meta
from starlette.responses import Response

from shared.auth.principal import Principal, require
from shared.events.errors import pointer
from shared.events.identifiers import is_enterprise
from shared.http.answers import (
    Answer,
    Listing,
    Refusal,
    Timestamp,
    answers,
    conflicts,
    sample,
)
from shared.http.app import json_response
from shared.http.bodies import Body, accepts, body, refuse_person
from shared.http.paging import Page, paging
from shared.http.problems import conflict, forbidden, invalid, not_found, unavailable
from shared.webhooks import subscriptions
from shared.webhooks.addresses import Refused, Unresolved, guard, parsed
from shared.webhooks.rules import NOTICE, filterable, unheard_of
from shared.webhooks.signing import SECRET_FORM, NoKey, Vault, is_secret, new_secret
from shared.webhooks.subscriptions import PER_CLIENT_MAX, Wish

Reader = Annotated[Principal, Depends(require("subscriptions:read"))]
Writer = Annotated[Principal, Depends(require("subscriptions:write"))]
Word = Annotated[str, Meta(max_length=200)]
Words = Annotated[list[Word], Meta(min_length=1, max_length=100)]


Id = Annotated[UUID, Path(description="The subscription")]
Url = Annotated[str, sample("https://bank.example/hooks", "An https url with a public address")]
Secret = Annotated[str, sample("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SECRET_FORM)]
ShownId = Annotated[str, sample("0b8f9a6e-6a3c-4d0e-9a51-3f1f0c2b7d11")]
NOT_FOUND = Refusal(
    404, "not-found", "There is no subscription '0b8f9a6e-6a3c-4d0e-9a51-3f1f0c2b7d11'"
)
TOO_MANY = conflicts(f"A client has at most {PER_CLIENT_MAX} subscriptions here", "too-many")


router = APIRouter(tags=["subscriptions"])


class SubscriptionBody(Body, frozen=True, kw_only=True):
    """Which events go where. `subjects` as in a token; without, those of the token.

    `filter`: fields of the events' data, and the values of which one must be there.
    """

    url: Url
    types: Words
    subjects: Words | None = None
    filter: dict[str, Words] = msgspec.field(default_factory=dict)


class NewSubscriptionBody(SubscriptionBody, frozen=True, kw_only=True):
    """`secret`: the receiver's own; without, one is made."""

    secret: Secret | None = None


class SecretBody(Body, frozen=True, kw_only=True):
    """A secret of the receiver's own; without, one is made."""

    secret: Secret | None = None


class Disabled(Answer, frozen=True, kw_only=True):
    """When and why a subscription was disabled."""

    at: Timestamp
    reason: Annotated[str, sample("failing")]


class SubscriptionShown(Answer, frozen=True, kw_only=True):
    """A subscription as clients see it: without its secret."""

    id: ShownId
    url: Url
    types: list[Annotated[str, sample("cn.tanzhang.points.credited.v1")]]
    subjects: list[Annotated[str, sample("jsrcb:*")]]
    filter: dict[str, list[str]]
    created_at: Timestamp
    status: Literal["active", "disabled"]
    disabled: Disabled | None
    failing_since: Timestamp | None
    last_error: Annotated[str, sample("status 503")] | None


class SubscriptionMade(SubscriptionShown, frozen=True, kw_only=True):
    """A new subscription and its secret, which is not shown again."""

    secret: Secret


class SecretShown(Answer, frozen=True, kw_only=True):
    """The new secret, which is not shown again."""

    id: ShownId
    secret: Secret


class _Cursor(NamedTuple):
    created_at: datetime
    id: UUID


def wishes_router(types: tuple[str, ...]) -> APIRouter:
    """Routes that say what is asked for, of a service that tells these types of events."""
    router = APIRouter(tags=["subscriptions"])
    example = {"url": "https://bank.example/hooks", "types": [types[0]]}

    @router.post(
        "/v1/subscriptions",
        status_code=201,
        openapi_extra=accepts(NewSubscriptionBody, example),
        responses=answers(SubscriptionMade, 201, TOO_MANY),
        summary="Have events posted to a url",
    )
    async def subscribe(
        request: Request,
        who: Writer,
        wanted: Annotated[NewSubscriptionBody, Depends(body(NewSubscriptionBody))],
    ) -> Response:
        """The answer is the only one that shows the secret."""
        wish = await _wish(request, who, wanted, types)
        secret = _chosen(wanted.secret)
        state, id = request.app.state, uuid4()
        sealed = _sealed(request, secret)
        if not await subscriptions.add(state.pool, id, who.client, wish, sealed, state.clock()):
            raise conflict(f"A client has at most {PER_CLIENT_MAX} subscriptions here", "too-many")
        made = SubscriptionMade(**_fields(await own(request, who, id)), secret=secret)
        return json_response(made, 201)

    @router.put(
        "/v1/subscriptions/{id}",
        openapi_extra=accepts(SubscriptionBody, example),
        responses=answers(SubscriptionShown, NOT_FOUND),
        summary="Change what a subscription asks for, and where it goes",
    )
    async def replace_subscription(
        id: Id,
        request: Request,
        who: Writer,
        wanted: Annotated[SubscriptionBody, Depends(body(SubscriptionBody))],
    ) -> Response:
        """What waits already goes to the new url, if it is still asked for."""
        await own(request, who, id)
        wish = await _wish(request, who, wanted, types)
        state = request.app.state
        await subscriptions.replace(state.pool, id, who.client, wish, state.clock())
        return json_response(_view(await own(request, who, id)))

    return router


@router.get(
    "/v1/subscriptions",
    summary="One's subscriptions, the oldest first",
    responses=answers(Listing[SubscriptionShown]),
)
async def list_subscriptions(
    request: Request, who: Reader, page: Annotated[Page, Depends(paging)]
) -> Response:
    pool = request.app.state.pool
    after = page.after(_Cursor)
    rows = await subscriptions.of_client(pool, who.client, after, page.limit + 1)
    return json_response(page.listing(rows, _view, lambda r: (r["created_at"], r["id"])))


@router.get(
    "/v1/subscriptions/{id}",
    summary="A subscription and how it fares",
    responses=answers(SubscriptionShown, NOT_FOUND),
)
async def get_subscription(id: Id, request: Request, who: Reader) -> Response:
    return json_response(_view(await own(request, who, id)))


@router.delete(
    "/v1/subscriptions/{id}",
    status_code=204,
    summary="End a subscription and forget it",
    responses=answers(None, 204, NOT_FOUND),
)
async def remove_subscription(id: Id, request: Request, who: Writer) -> Response:
    await own(request, who, id)
    await subscriptions.remove(request.app.state.pool, id, who.client)
    return Response(status_code=204)


@router.post(
    "/v1/subscriptions/{id}/enable",
    summary="Let a disabled subscription go on",
    responses=answers(SubscriptionShown, NOT_FOUND),
)
async def enable_subscription(id: Id, request: Request, who: Writer) -> Response:
    """What waited is sent at once. Events from the time between were not kept for it."""
    await own(request, who, id)
    state = request.app.state
    await subscriptions.enable(state.pool, id, who.client, state.clock())
    return json_response(_view(await own(request, who, id)))


@router.post(
    "/v1/subscriptions/{id}/secret",
    openapi_extra=accepts(SecretBody, {}),
    responses=answers(SecretShown, NOT_FOUND),
    summary="Change the secret; the old one signs too for a day",
)
async def change_secret(
    id: Id,
    request: Request,
    who: Writer,
    wanted: Annotated[SecretBody, Depends(body(SecretBody))],
) -> Response:
    await own(request, who, id)
    secret, state = _chosen(wanted.secret), request.app.state
    sealed = _sealed(request, secret)
    await subscriptions.change_secret(state.pool, id, who.client, sealed, state.clock())
    return json_response(SecretShown(id=str(id), secret=secret))


async def own(request: Request, who: Principal, id: UUID) -> dict[str, Any]:
    """A subscription of this client, or Problem 404: others are told nothing of it."""
    found = await subscriptions.get(request.app.state.pool, id, who.client)
    if found is None:
        raise not_found("subscription", str(id))
    return found


async def _wish(
    request: Request, who: Principal, wanted: SubscriptionBody, types: tuple[str, ...]
) -> Wish:
    """What is asked for, if it may be; Problem 422 and 403."""
    _check_types(wanted.types, types)
    _check_filter(wanted)
    _check_subjects(wanted.subjects or ())
    subjects = wanted.subjects if wanted.subjects is not None else list(who.subjects)
    for n, subject in enumerate(subjects):
        if not who.covers("subjects", subject):
            raise forbidden(f"/subjects/{n}: the token's subjects do not include {subject}")
    if not subjects:
        raise forbidden("The token has no subjects: there is nothing that it may be told")
    await _check_url(request, wanted.url)
    return Wish(wanted.url, sorted({*wanted.types}), subjects, dict(wanted.filter), who.bank)


def _check_types(wanted: list[str], types: tuple[str, ...]) -> None:
    known = (*types, NOTICE)
    for n, name in enumerate(wanted):
        if name not in known:
            raise invalid(f"/types/{n}", f"expected one of: {', '.join(known)}")


def _check_filter(wanted: SubscriptionBody) -> None:
    fields = filterable(wanted.types)
    for name, values in wanted.filter.items():
        if name not in fields:
            known = ", ".join(fields) or "no filter, since these types share no field"
            raise invalid(pointer("filter", name), f"expected one of: {known}")
        for n, value in enumerate(values):
            # Passed over, a subscriber would wait for what never comes.
            if expected := unheard_of(wanted.types, name, value):
                raise invalid(pointer("filter", name, n), expected)


def _check_subjects(wanted: Sequence[str]) -> None:
    for n, subject in enumerate(wanted):
        # An organisation's digits may look like a person's.
        if not is_enterprise(subject):
            refuse_person(f"/subjects/{n}", subject)


async def _check_url(request: Request, text: str) -> None:
    """The same look that each delivery has; a name may get its address later."""
    try:
        await guard(request.app.state.settings).addresses(parsed(text))
    except Refused as error:
        raise invalid("/url", str(error)) from None
    except Unresolved as error:
        raise invalid("/url", f"{error}: expected a name that is known") from None


def _chosen(secret: str | None) -> str:
    if secret is None:
        return new_secret()
    if not is_secret(secret):
        raise invalid("/secret", f"expected {SECRET_FORM}")
    return secret


def _sealed(request: Request, secret: str) -> bytes:
    try:
        return Vault(request.app.state.settings).seal(secret)
    except NoKey as error:
        raise unavailable(f"Webhooks are not set up here: {error}") from None


def _view(row: dict[str, Any]) -> SubscriptionShown:
    return SubscriptionShown(**_fields(row))


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    """Of `SubscriptionShown`: nothing of the secret, nor of the claim `bank`."""
    at = row["disabled_at"]
    return {
        "id": str(row["id"]),
        "url": row["url"],
        "types": row["types"],
        "subjects": row["subjects"],
        "filter": row["filter"],
        "created_at": row["created_at"],
        "status": row["status"],
        "disabled": Disabled(at=at, reason=row["disabled_reason"]) if at else None,
        "failing_since": row["failing_since"],
        "last_error": row["last_error"],
    }
