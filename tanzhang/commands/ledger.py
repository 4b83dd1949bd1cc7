"""Commands that post into a service's ledger themselves, beside its workers."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from asyncpg import PostgresError

from services.industrial.closing import YearError
from shared.database import TRANSIENT, Pool, open_pool, reason
from shared.methodology.catalogue import EDITION_VARIABLE, GWP_VARIABLE
from shared.settings import Settings, SettingsError
from shared.stream.poster import Poster


@asynccontextmanager
async def at_work(settings: Settings, service: str) -> AsyncIterator[tuple[Pool, Poster[Any, Any]]]:
    """The database and the poster of a service; SettingsError when something is not possible."""
    # The rules read it from there: what is posted here must be what the services would post.
    os.environ[GWP_VARIABLE] = settings.tanzhang_gwp_set
    os.environ[EDITION_VARIABLE] = settings.tanzhang_ipcc_edition
    made = import_module(f"services.{service}.app").service(settings)
    poster = Poster(made, parked_per_source=settings.tanzhang_parked_per_source)
    pool = await open_pool(settings.database(service), service, size=1)
    try:
        yield pool, poster
    except (*TRANSIENT, PostgresError) as error:
        raise SettingsError(f"the database of {service} does not do it: {reason(error)}") from error
    except YearError as error:
        raise SettingsError(str(error)) from error
    finally:
        await pool.close()
