"""Subscriptions for schemathesis to find."""

from uuid import UUID

from tests.deploy.openapi.conftest import NOW, Started
from tests.deploy.openapi.fuzzing import Known

# Nothing listens there, and nothing is sent: the sender does not run.
URL = "https://127.0.0.1:9/hooks"
COUNT = 4
DELIVERED = """
insert into webhook_delivery
    (subscription, subject, event_id, type, body, state, attempts, created_at, due_at)
values ($1, 'someone', $2, $3, '{}', 'delivered', 1, $4, $4)
"""


async def subscribed(service: Started, type: str) -> dict[str, Known]:
    """Subscriptions, each with a delivery that was made: what is known of them."""
    wanted = {"url": URL, "types": [type]}
    made = [await service.ask("POST", "/v1/subscriptions", wanted) for _ in range(COUNT)]
    for n, one in enumerate(made):
        values = (UUID(one["id"]), f"event-{n}", type, NOW)
        await service.app.state.pool.execute(DELIVERED, *values)
    return {
        "/v1/subscriptions": {"body.url": [URL], "body.types[*]": [type]},
        "/v1/subscriptions/{id}": {"path.id": [one["id"] for one in made]},
        "/v1/subscriptions/{id}/deliveries/{number}": {"path.number": [*range(1, COUNT + 1)]},
    }
