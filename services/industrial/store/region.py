"""Totals of the city: sums of a year over all registered enterprises."""

from datetime import date

import asyncpg

from shared.database import Connection

# Of a past year; as for a label.
MONTHS_NEEDED = 11

# Each enterprise as it was registered at the end of the year (or later, when not yet then: it
# counts if it has an account of the year).
# A month is complete when it has a reading (or reported energy) and an output.
REGION = """
with registered as (
    select distinct on (id) id, sector, district, min(valid_from) over (partition by id) as since
    from enterprise
    order by id, (valid_from <= $2) desc, abs(valid_from - $2::date)
), counted as (
    select y.*, (
        select count(*) from generate_series(0, $3::int - 1) n
        where (energy_readings -> n)::int > 0 and (output_reports -> n)::int > 0
    ) as months,
    energy_mg <> 0 or process_mg <> 0 or avoided_mg <> 0
        or jsonb_path_exists(energy_readings || output_reports, '$[*] ? (@ > 0)') as covering
    from account_year y where year = $1
)
select r.sector, r.district, count(*) as enterprises,
    count(*) filter (where c.covering) as covered,
    count(*) filter (where c.months >= $4) as complete,
    coalesce(sum(c.months), 0)::bigint as months,
    coalesce(sum(c.energy_mg), 0)::bigint as energy_mg,
    coalesce(sum(c.process_mg), 0)::bigint as process_mg,
    coalesce(sum(c.avoided_mg), 0)::bigint as avoided_mg,
    coalesce(sum(c.pv_mg), 0)::bigint as pv_mg
from registered r
left join subject s on s.subject = r.id
left join counted c on c.account = s.account
where r.since <= $2 or c.account is not null
group by grouping sets ((), (r.sector), (r.district))
order by r.sector, r.district
"""

MONTHS = """
select n::int as month, count(*) filter (where (y.energy_readings -> (n - 1))::int > 0
        and (y.output_reports -> (n - 1))::int > 0) as complete,
    coalesce(sum((y.energy_months -> (n - 1))::bigint), 0)::bigint as energy_mg,
    coalesce(sum((y.process_months -> (n - 1))::bigint), 0)::bigint as process_mg,
    coalesce(sum((y.avoided_months -> (n - 1))::bigint), 0)::bigint as avoided_mg
from generate_series(1, 12) n
left join (
    select y.* from account_year y
    where y.year = $1 and exists (
        select from subject s join enterprise e on e.id = s.subject where s.account = y.account)
) y on true
group by n order by n
"""


async def totals(
    connection: Connection, year: int, elapsed: int, required: int
) -> list[asyncpg.Record]:
    """Totals of a year: of all, by sector, by district. `complete` counts enterprises with
    `required` of the `elapsed` months."""
    return await connection.fetch(REGION, year, date(year, 12, 31), elapsed, required)


async def months(connection: Connection, year: int) -> list[asyncpg.Record]:
    """Totals of each month of a year."""
    return await connection.fetch(MONTHS, year)
