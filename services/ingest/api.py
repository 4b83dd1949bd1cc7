"""The door's routes."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from msgspec import Meta
from starlette.responses import Response

from services.ingest.documentation import POST_EVENTS, Received
from services.ingest.handler import Judgement, as_problem, judge, none_valid
from services.ingest.publisher import Unpublished
from shared import metrics
from shared.auth.principal import Principal, authenticated
from shared.events.errors import EventError
from shared.events.http import MAX_BATCH, UnsupportedContentType, parse
from shared.events.modes import BATCH, media_type
from shared.events.schema import event_schema, event_types
from shared.events.types import TYPES
from shared.http.answers import NOT_FOUND, Answer, Listing, answers, sample
from shared.http.app import json_response
from shared.http.paging import listing
from shared.http.problems import (
    Problem,
    forbidden,
    not_found,
    too_large,
    unavailable,
    unsupported_media_type,
)

RETRY_AFTER_S = 2
EXAMPLES = ["cn.tanzhang.payment.v1"]
Caller = Annotated[Principal, Depends(authenticated)]
JsonSchema = Annotated[
    dict[str, Any],
    Meta(
        description="JSON Schema 2020-12 of an event in structured mode",
        examples=[{"$id": "urn:tanzhang:schema:cn.tanzhang.payment.v1", "type": "object"}],
    ),
]

router = APIRouter(prefix="/v1", tags=["events"])


class EventType(Answer, frozen=True, kw_only=True):
    """A type of events: the topic that it goes to, and what its subject looks like."""

    type: Annotated[str, sample("cn.tanzhang.payment.v1")]
    topic: Annotated[str, sample("payments")]
    subject: Annotated[str, sample("<bank>:<token>")]
    description: Annotated[str, sample("A payment or another act of a bank's customer.")]


@router.post("/events", summary="Send events", **POST_EVENTS)
async def post_events(request: Request, caller: Caller) -> Response:
    """One CloudEvent (structured or binary mode) or a batch of at most 1,000, 8 MiB in all.

    Answered when Kafka has acknowledged every accepted event. Sending the same events again is
    always safe: an event is known by its source and id.
    """
    _check_caller(request, caller)
    async with request.app.state.intake.body(request) as body:
        return await _answer(request, caller, body)


@router.get(
    "/event-types",
    summary="The event types that can be sent",
    responses=answers(Listing[EventType]),
)
async def list_event_types(caller: Caller) -> Response:
    return json_response(listing(EventType(**one) for one in event_types()))


@router.get(
    "/event-types/{type}/schema",
    summary="JSON Schema of an event type",
    responses=answers(JsonSchema, NOT_FOUND, media="application/schema+json"),
)
async def get_event_schema(
    type: Annotated[str, Path(description="One of this API's, or of a topic's", examples=EXAMPLES)],
    caller: Caller,
) -> Response:
    if type not in TYPES:
        raise not_found("event type", type)
    return json_response(event_schema(type), media_type="application/schema+json")


async def _answer(request: Request, caller: Principal, body: bytes) -> Response:
    content_type = request.headers.get("content-type")
    parts = _parts(content_type, request, body)
    request.app.state.rates.take(caller.client, len(parts))
    judgement = judge(parts, caller, request.app.state.clock(), request.app.state.zone)
    if judgement.accepted:
        await _publish(request, caller, judgement)
    _count(caller, judgement, "accepted")
    if judgement.rejected and not judgement.accepted:
        raise none_valid(judgement.rejected, is_batch=_is_batch(content_type))
    rejected = [r.item() for r in judgement.rejected]
    return json_response(Received(accepted=len(judgement.accepted), rejected=rejected), 202)


def _check_caller(request: Request, caller: Principal) -> None:
    """Refuse before reading the body what is refused whatever it holds."""
    if not any(scope.startswith("events:write:") for scope in caller.scopes):
        raise forbidden("The token has no scope events:write:<topic>")
    wait = request.app.state.rates.wait(caller.client)
    if wait:
        raise Problem(
            "too-many-requests",
            429,
            f"More than {request.app.state.settings.tanzhang_rate_per_client} events per second",
            headers={"retry-after": str(wait)},
        )


def _parts(content_type: str | None, request: Request, body: bytes) -> Sequence[bytes | EventError]:
    try:
        return parse(content_type, request.headers, body)
    except UnsupportedContentType as error:
        raise unsupported_media_type(str(error)) from None
    except EventError as error:
        if error.name == "too-many":
            raise too_large(f"A batch has at most {MAX_BATCH} events") from None
        raise as_problem(error) from None


def _is_batch(content_type: str | None) -> bool:
    return content_type is not None and media_type(content_type) == BATCH


async def _publish(request: Request, caller: Principal, judgement: Judgement) -> None:
    try:
        await request.app.state.publisher.publish(judgement.accepted)
    except Unpublished as error:
        _count(caller, judgement, "unavailable")
        raise unavailable(f"{error}; sending again is safe", RETRY_AFTER_S) from error


def _count(caller: Principal, judgement: Judgement, outcome: str) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    counts.update((event.type, outcome) for event in judgement.accepted)
    counts.update((rejection.type or "unknown", "rejected") for rejection in judgement.rejected)
    client = metrics.client_label(caller.client)
    for (type, what), number in counts.items():
        metrics.EVENTS_IN.labels("ingest", type, client, what).inc(number)
        if what == "accepted":
            last = metrics.CLIENT_TIMESTAMP.labels("ingest", type, client)
            last.set_to_current_time()
