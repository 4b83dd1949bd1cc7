"""One service as a process: uvicorn with the service's app, in the role it was given."""

import asyncio
import gc
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Literal

import uvicorn
import uvloop
from fastapi import FastAPI

from shared.logging import configure
from shared.settings import Settings, SettingsError
from tanzhang.connections import KEEP_ALIVE_SECONDS, Connection

Role = Literal["api", "worker", "all", "webhooks"]
# Services whose events finance platforms may have posted to them.
WEBHOOKS = ("grading", "points")
GRACEFUL_SECONDS = 15
# The last line of defence, since beyond it probes are refused too: services bound the requests
# that are under way themselves.
CONNECTIONS_MAX = 10_000
# A batch makes thousands of objects that all die with it; Python looks after every 700.
GARBAGE_THRESHOLDS = (100_000, 20, 20)


def run(service: str, role: Role, settings: Settings, port: int) -> int:
    """Run a service; gives the exit code of `serve`."""
    configure(service, settings.tanzhang_log_level)
    return serve(_app(service, role, settings), settings.tanzhang_host, port)


def serve(app: FastAPI, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT (exit code 0) or until something fails (1).

    A task of the app that fails sets `app.state.fatal` and calls `app.state.stop_server()`.
    """
    server = _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http=Connection,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )
    app.state.fatal = None
    app.state.stop_server = server.leave
    gc.freeze()  # modules and routes live as long as we do
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(server))
    except SystemExit:  # uvicorn has logged why: the startup failed, or the port is taken
        return 1
    return 0 if app.state.fatal is None else 1


def _app(service: str, role: Role, settings: Settings) -> FastAPI:
    module = import_module(f"services.{service}.app")
    if role == "webhooks" and service not in WEBHOOKS:
        raise SettingsError(f"{service} has no webhooks: {' and '.join(WEBHOOKS)} have")
    if service != "ingest":
        app: FastAPI = module.create(settings, role)
        settings.database(service)  # or a sentence, before anything starts
        return app
    if role not in ("api", "all"):
        raise SettingsError(f"ingest has no {role}: run it with --role api")
    door: FastAPI = module.api(settings)
    return door


class _Server(uvicorn.Server):
    """uvicorn without its signals: it would end the process by the signal, not by a code."""

    def leave(self) -> None:
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _serve(server: _Server) -> None:
    loop = asyncio.get_running_loop()
    serving = asyncio.ensure_future(server.serve())

    def asked_to_stop() -> None:
        # uvicorn#2751: a signal during startup is lost, so the startup itself is cancelled.
        if not server.started:
            serving.cancel()
        elif server.should_exit:
            server.force_exit = True
        server.leave()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    with suppress(asyncio.CancelledError):
        await serving
