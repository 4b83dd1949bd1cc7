"""HTTP of the points service."""

from services.points.api import (
    accounts,
    consents,
    exports,
    leagues,
    redemptions,
    rewards,
    villages,
)

routers = tuple(
    room.router for room in (accounts, rewards, redemptions, consents, exports, villages, leagues)
)
