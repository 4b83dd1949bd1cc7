"""The HTTP application of every service: probes, metrics, problems, limits, documentation."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import prometheus_client
import structlog
from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from shared.auth.tokens import check_auth_settings, open_verifier
from shared.http.errors import Unexpected, add_handlers
from shared.http.limits import BodyLimit
from shared.http.openapi import describe
from shared.http.problems import unavailable
from shared.settings import Settings
from shared.units.amount import decimal_text

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Ready = Callable[[], Awaitable[None]]
READY_SECONDS_MAX = 3.0

log = structlog.get_logger()


def create_app(
    service: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    lifespan: Lifespan,
    *,
    ready: Ready,
) -> FastAPI:
    """The application of one service.

    `ready` raises when the service cannot answer (its database or broker is away). Raises
    SettingsError when requests could not be authenticated. Routes find `settings`, `verifier`
    and `clock` in `request.app.state`; `lifespan` adds the rest.
    """
    check_auth_settings(settings)
    app = FastAPI(
        title=f"tanzhang {service}",
        version=_version(),
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.verifier = open_verifier(settings)
    app.state.clock = lambda: datetime.now(UTC)
    app.add_middleware(BodyLimit)
    app.add_middleware(Unexpected)
    add_handlers(app)
    app.include_router(_probes(service, ready))
    for router in routers:
        app.include_router(router)
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
    return Response(body, status, headers, media_type)


def _decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _probes(service: str, ready: Ready) -> APIRouter:
    router = APIRouter(tags=["probes"])

    @router.get("/livez", summary="The process answers")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz", summary="The service can do its work")
    async def readyz() -> dict[str, str]:
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                await ready()
        except Exception as error:
            log.warning("not_ready", service=service, error=repr(error))
            raise unavailable(f"Not ready: {type(error).__name__}") from error
        return {"status": "ready"}

    @router.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        text = prometheus_client.generate_latest()
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return router


def _version() -> str:
    try:
        return version("tanzhang")
    except PackageNotFoundError:
        return "0"
