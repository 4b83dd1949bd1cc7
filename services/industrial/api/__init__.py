"""HTTP of the industrial service."""

from services.industrial.api import accounts, region, registry

routers = (registry.router, accounts.router, region.router)
