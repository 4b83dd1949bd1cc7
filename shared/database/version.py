"""Is a database as new as the code? What readiness asks, without Alembic in the process."""

from functools import cache
from importlib import import_module
from pathlib import Path

from shared.database import Pool

REVISION_SQL = "select version_num from alembic_version"


class MigrationAwaited(Exception):
    """The database is older than the code: `tanzhang migrate` has not been run yet."""


async def check(pool: Pool, service: str) -> None:
    """Raise when the service's migrations up to the code's have not run; newer ones may have."""
    found, wanted = await pool.fetchval(REVISION_SQL), newest(service)
    if found is None or found < wanted:
        raise MigrationAwaited(f"{service} is at {found}, this code needs {wanted}")


@cache
def newest(service: str) -> str:
    """The newest revision in the code; revisions are numbers of four digits, as their files."""
    versions = Path(import_module(f"services.{service}").__path__[0], "migrations", "versions")
    return max(path.name.partition("_")[0] for path in versions.glob("[0-9]*_*.py"))
