"""Wiring of the grading service."""

from functools import partial
from typing import Any

from fastapi import FastAPI

from services.grading import expiry, handler
from services.grading.api import (
    appeals,
    benchmarks,
    computing,
    labels,
    passports,
    region,
    what_if,
)
from services.grading.api.views import split_subject
from services.grading.domain.rulebook import rulebook
from services.grading.regrading import Regrader, observe
from services.grading.store import writing
from services.grading.store.held import Held, Rows
from shared.methodology import methodology
from shared.service_app import Role, create_service
from shared.settings import Settings
from shared.stream.service import Service
from shared.units.calendar import Zone
from shared.webhooks.api import subscription_routers
from shared.webhooks.app import create_webhooks

SERVICE_NAME = "grading"
TOPIC = "label-changes"
ROUTERS = tuple(
    room.router for room in (labels, what_if, appeals, benchmarks, computing, region, passports)
) + subscription_routers(TOPIC)


def service(settings: Settings) -> Service[Held, Rows]:
    """Grading as the engine sees it."""
    regrader = _regrader(settings)
    return Service(
        name=SERVICE_NAME,
        topics=handler.TOPICS,
        load=handler.load,
        decide=handler.decide_by(regrader.rules, regrader.zone),
        write=writing.write,
        journal=None,
        subject=handler.subject_of,
        ticks=(
            regrader.tick,
            partial(expiry.tick, rules=regrader.rules, zone=regrader.zone),
        ),
        measure=observe,
    )


def create(settings: Settings, role: Role, **options: Any) -> FastAPI:
    """The service as a process; `options` as of `create_service`, such as a clock."""
    if role == "webhooks":
        return create_webhooks(SERVICE_NAME, TOPIC, settings, account=_account, **options)
    app = create_service(service(settings), ROUTERS, settings, role, **options)
    app.state.regrader = _regrader(settings)
    return app


def _account(subject: str) -> str:
    """The account of a label's subject `<kind>:<account id>`."""
    return split_subject(subject)[1]


def _regrader(settings: Settings) -> Regrader:
    return Regrader(rulebook(methodology()), Zone(settings.tanzhang_zone))
