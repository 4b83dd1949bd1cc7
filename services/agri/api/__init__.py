"""HTTP of the agricultural service."""

from services.agri.api import accounts, catalogue, farms, region

routers = (farms.router, accounts.router, region.router, catalogue.router)
