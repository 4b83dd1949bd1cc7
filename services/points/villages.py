"""Which village a person belongs to: an administrative division's code, erased with the account."""

import re
from datetime import datetime

from services.points.consenting import locked
from shared.database import Pool

FORM = "the 12 digits of a village's administrative division code"
# GB/T 2260: provinces in six regions, and Taiwan, Hong Kong, Macao.
_PROVINCE = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])"
# Province, city, county, township, village; ending in 000 it is a whole township.
CODE = re.compile(rf"{_PROVINCE}[0-9]{{7}}(?!000)[0-9]{{3}}")

PUT = """
insert into residence (account, village, since) values ($1, $2, $3)
on conflict (account) do update set village = excluded.village,
    since = case when residence.village = excluded.village
        then residence.since else excluded.since end
"""
GET = """
select r.village, r.since from residence r join subject s on s.account = r.account
where s.subject = $1
"""
REMOVE = "delete from residence where account = $1"


def is_village(text: str) -> bool:
    """Has it the form of a village's code (GB/T 2260 and GB/T 10114, then three digits)?"""
    return CODE.fullmatch(text) is not None


async def put(pool: Pool, account_id: str, village: str, now: datetime) -> None:
    """Say where a person belongs. Raises Problem 404."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(PUT, await locked(connection, account_id), village, now)


async def remove(pool: Pool, account_id: str) -> None:
    """A person belongs to no village any more. Raises Problem 404."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(REMOVE, await locked(connection, account_id))


async def get(pool: Pool, account_id: str) -> tuple[str, datetime] | None:
    """A person's village and since when; None without one."""
    row = await pool.fetchrow(GET, account_id)
    return None if row is None else (row[0], row[1])
