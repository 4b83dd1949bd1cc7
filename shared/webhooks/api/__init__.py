"""HTTP of subscriptions and their deliveries."""

from fastapi import APIRouter

from shared.webhooks.api import deliveries, subscriptions
from shared.webhooks.rules import event_types


def subscription_routers(topic: str) -> tuple[APIRouter, ...]:
    """The routes of a service whose outgoing topic this is."""
    return subscriptions.wishes_router(event_types(topic)), subscriptions.router, deliveries.router
