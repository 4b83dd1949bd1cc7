"""What a pool hands out when its database has been another for a while."""

import asyncpg

from shared.database import open_pool
from tanzhang.stack.postgres import Postgres
from tests.integration.conftest import Eventually


async def test_a_session_that_began_as_read_only_is_not_kept(
    postgres: Postgres, database_url: str, eventually: Eventually
) -> None:
    """PostgreSQL gives it the default of its first moment for as long as it lives."""
    operator = await asyncpg.connect(postgres.url("postgres"))
    database = f'alter database "{database_url.rpartition("/")[2]}"'
    pool = await open_pool(database_url, "public")

    async def written() -> bool:
        try:
            await pool.execute("create table if not exists written ()")
        except asyncpg.ReadOnlySQLTransactionError:
            return False
        return True

    await operator.execute(f"{database} set default_transaction_read_only = on")
    assert not await written()
    await operator.execute(f"{database} reset default_transaction_read_only")
    await eventually(written)
    await pool.close()
    await operator.close()
