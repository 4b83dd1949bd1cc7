"""The HTTP application of every service: probes, metrics, problems, limits, documentation."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Literal

import msgspec
import prometheus_client
import structlog
from fastapi import APIRouter, Depends, FastAPI
from starlette.responses import Response

from shared.auth.tokens import check_auth_settings, open_verifier
from shared.http.answers import Answer, Refusal, answers, sample
from shared.http.documentation import documentation
from shared.http.errors import Unexpected, add_handlers
from shared.http.limits import BODY_BYTES_MAX, Crowded, Heads, RequestLimits
from shared.http.measuring import Measured, show_ready, why_not
from shared.http.openapi import describe
from shared.http.parameters import only_known
from shared.http.problems import NO_STORE, unavailable
from shared.settings import BASE_PORT, SERVICES, Settings
from shared.units.amount import decimal_text

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Ready = Callable[[], Awaitable[None]]
READY_SECONDS_MAX = 3.0

NOT_READY = Refusal(503, "unavailable", "Not ready: ConnectionRefusedError")
Exposition = Annotated[str, sample("process_start_time_seconds 1.7e+09")]

log = structlog.get_logger()


class Probe(Answer, frozen=True, kw_only=True):
    """The answer to whoever watches processes."""

    status: Literal["alive", "ready"]


def create_app(
    service: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    lifespan: Lifespan,
    *,
    ready: Ready,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> FastAPI:
    """The application of one service.

    `ready` raises when the service cannot answer (its database or broker is away). Raises
    SettingsError when requests could not be authenticated; without routers there are only probes,
    which are open. Routes find `settings`, `verifier`
    and `clock` in `request.app.state`; `lifespan` adds the rest.
    """
    if routers:
        check_auth_settings(settings)
    app = FastAPI(
        title=f"tanzhang {service}",
        version=_version(),
        description=_description(service),
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "Where this document comes from"}],
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.settings = settings
    app.state.verifier = open_verifier(settings)
    app.state.clock = lambda: datetime.now(UTC)
    app.add_middleware(RequestLimits, bytes_max=body_bytes_max)
    app.add_middleware(Unexpected)
    app.add_middleware(Crowded)
    app.add_middleware(Measured, service=service)
    app.add_middleware(Heads)
    add_handlers(app)
    app.include_router(_probes(service, ready))
    app.include_router(documentation(app.title))
    for router in routers:
        app.include_router(router, dependencies=[Depends(only_known)])
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def json_response(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Structs, dicts, dates and exact decimals (as plain strings) as a JSON answer."""
    plain = msgspec.to_builtins(value, builtin_types=(Decimal,))
    body = json.dumps(
        plain, default=_decimal, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return Response(body, status, NO_STORE | dict(headers or {}), media_type)


def _decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _probes(service: str, ready: Ready) -> APIRouter:
    router = APIRouter(tags=["probes"])

    async def unready() -> Exception | None:
        """Why the service cannot do its work; None when it can."""
        error = await why_not(ready, READY_SECONDS_MAX)
        if error is not None:
            log.warning("not_ready", service=service, error=repr(error))
        return error

    @router.get("/livez", summary="The process answers", responses=answers(Probe))
    async def livez() -> Response:
        return json_response(Probe(status="alive"))

    @router.get(
        "/readyz", summary="The service can do its work", responses=answers(Probe, NOT_READY)
    )
    async def readyz() -> Response:
        error = await unready()
        if error is not None:
            raise unavailable(f"Not ready: {type(error).__name__}") from error
        return json_response(Probe(status="ready"))

    @router.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=Response,
        responses=answers(Exposition, media=prometheus_client.CONTENT_TYPE_LATEST),
    )
    async def metrics() -> Response:
        show_ready(service, await unready() is None)
        text = prometheus_client.generate_latest()
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return router


def _description(service: str) -> str:
    port = ""
    if service in SERVICES:
        own = BASE_PORT + 1 + SERVICES.index(service)
        port = f" It listens at port {own} unless told otherwise."
    return (
        "All but probes and metrics needs a bearer token; each operation names the scope that it "
        f"takes. Whatever goes wrong is answered as RFC 9457 problem details.{port}"
    )


def _version() -> str:
    try:
        return version("tanzhang")
    except PackageNotFoundError:
        return "0"
