"""Does the points ledger hold? Balances and claims from postings, stock from redemptions."""

from collections.abc import Iterable

from asyncpg import Record

from services.points import domain
from shared.database import Connection
from shared.ledger import Finding
from shared.units.calendar import CITY, Zone

BALANCES = """
select coalesce(a.number, p.account), a.balance, coalesce(p.sum, 0)::bigint from account a
full join (
    select account, sum(points * ((to_account = 'member')::int - (from_account = 'member')::int))
    from posting group by account
) p(account, sum) on p.account = a.number
where a.balance is distinct from coalesce(p.sum, 0)
"""
CLAIMS = """
select coalesce(c.account, p.account), coalesce(c.points, 0), coalesce(p.sum, 0)::bigint
from claim c
full join (
    select account, sum(points * ((from_account = 'claim')::int - (to_account = 'claim')::int))
    from posting where 'claim' in (from_account, to_account) group by account
) p(account, sum) on p.account = c.account
where coalesce(c.points, 0) <> coalesce(p.sum, 0)
"""
REDEMPTIONS = """
select coalesce(r.account, p.account), coalesce(r.sum, 0)::bigint, coalesce(p.sum, 0)::bigint from (
    select account, sum(points) filter (where status = 'redeemed') from redemption group by account
) r(account, sum)
full join (
    select account,
        sum(points * ((to_account = 'redemption')::int - (from_account = 'redemption')::int))
    from posting where 'redemption' in (from_account, to_account) group by account
) p(account, sum) on p.account = r.account
where coalesce(r.sum, 0) <> coalesce(p.sum, 0)
"""
# A movement that no rule makes: it would leave the sums of the system's ledgers wrong.
MOVEMENTS = """
select account, string_agg(distinct kind || ': ' || from_account || ' to ' || to_account, ', '), ''
from posting
where (kind, from_account, to_account) not in (
    ('credited', 'issuance', 'member'), ('credited', 'issuance', 'claim'),
    ('reversed', 'member', 'issuance'), ('reversed', 'claim', 'issuance'),
    ('redeemed', 'member', 'redemption'),
    ('cancelled', 'redemption', 'member'), ('cancelled', 'redemption', 'claim'),
    ('expired', 'member', 'expiry'))
group by account
"""
# What members have and owe as stored, with the system's side as posted: nothing comes from nowhere.
DOUBLE_ENTRY = """
select null::bigint, total::text, '0' from (
    select (select coalesce(sum(balance), 0) from account)
        - (select coalesce(sum(points), 0) from claim)
        + (select coalesce(sum(points * ((to_account in ('issuance', 'redemption', 'expiry'))::int
            - (from_account in ('issuance', 'redemption', 'expiry'))::int)), 0) from posting)
) s(total) where total <> 0
"""
STOCK = """
select null::bigint, r.id || ': ' || r.stock, r.id || ': ' || d.sum from reward r
join lateral (
    select coalesce((select sum(quantity) from delivery where reward_id = r.id), 0) - coalesce((
        select sum(quantity) from redemption where reward_id = r.id and status = 'redeemed'), 0)
) d(sum) on d.sum <> r.stock
"""
# As of the day on which each was decided; those that must be looked at again are left out.
TIERS = """
with decided as (
    select account, tier, trailing_mg, (
        ((decided_at at time zone $1)::date - make_interval(months => $2))::date + 1
    )::timestamp at time zone $1 as since
    from tier t where not exists (select from tier_due d where d.account = t.account)
), derived as (
    select d.account, d.tier, d.trailing_mg, coalesce(sum(
        case p.kind when 'credited' then p.points else -p.points end), 0)::bigint as mg
    from decided d left join posting p on p.account = d.account and p.occurred_at >= d.since
        and p.kind in ('credited', 'reversed')
    group by d.account, d.tier, d.trailing_mg
), named as (
    select account, tier || ' ' || trailing_mg as stored, case when mg >= $3 then 'deep'
        when mg >= $4 then 'medium' when mg >= $5 then 'light' else 'none' end || ' ' || mg as right_
    from derived
)
select account, stored, right_ from named where stored <> right_
"""
CHECKS = {
    "balance against postings": BALANCES,
    "claim against postings": CLAIMS,
    "redemptions against postings": REDEMPTIONS,
    "movements against rules": MOVEMENTS,
    "sum of double entry": DOUBLE_ENTRY,
    "stock against deliveries and redemptions": STOCK,
}


async def audit(connection: Connection, zone: Zone = CITY) -> list[Finding]:
    """Findings of the caller's snapshot; none when all is well."""
    found = []
    for what, query in CHECKS.items():
        found += _findings(what, await connection.fetch(query))
    limits = domain.limits().values()
    rows = await connection.fetch(TIERS, zone.key, domain.trailing_months(), *limits)
    return found + _findings("tier against postings", rows)


def _findings(what: str, rows: Iterable[Record]) -> list[Finding]:
    return [
        Finding("points", account, what, str(derived), str(stored))
        for account, stored, derived in rows
    ]
