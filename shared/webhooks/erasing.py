"""Erasure: of who is gone, subscribers are told nothing more, and nothing is kept for them."""

from shared.database import Connection
from shared.webhooks import deliveries, subscriptions


async def forget(connection: Connection, subject: str) -> None:
    """Drop all that was to be told of a subject or has been, and its name where it was asked for."""
    await subscriptions.forget(connection, subject)
    await deliveries.forget(connection, subject)
