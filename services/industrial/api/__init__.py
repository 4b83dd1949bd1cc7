"""HTTP of the industrial service."""

from services.industrial.api import (
    accounts,
    breakdown,
    catalogue,
    fuels,
    gaps,
    meters,
    opportunities,
    region,
    registry,
    reviews,
    warnings,
    years,
)

routers = (
    registry.router,
    meters.router,
    fuels.router,
    accounts.router,
    breakdown.router,
    opportunities.router,
    warnings.router,
    gaps.router,
    reviews.router,
    region.router,
    catalogue.router,
    years.router,
)
