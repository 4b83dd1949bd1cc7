"""HTTP of the personal service."""

from services.personal.api import accounts, classifications, region, scenarios

routers = (accounts.router, scenarios.router, classifications.router, region.router)
