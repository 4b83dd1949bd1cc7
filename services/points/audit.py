"""Does the points ledger hold? Balances and claims from postings, stock from redemptions."""

from collections.abc import Iterable

from asyncpg import Record

from services.points import domain
from services.points.domain import Moment
from shared.database import Connection
from shared.ledger import Finding
from shared.units.calendar import CITY, Zone, midnight

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
select coalesce(r.account, p.account), coalesce(r.points, 0), coalesce(p.sum, 0)::bigint from (
    select account, id::text, points * (status = 'redeemed')::int as points from redemption
) r
full join (
    select account, split_part(cause, ':', 2) as id,
        sum(points * ((to_account = 'redemption')::int - (from_account = 'redemption')::int))
    from posting where 'redemption' in (from_account, to_account) group by account, id
) p(account, id, sum) using (account, id)
where coalesce(r.points, 0) <> coalesce(p.sum, 0)
"""
# A movement that no rule makes: it would leave the sums of the system's ledgers wrong.
MOVEMENTS = """
select account, string_agg(distinct kind || ': ' || from_account || ' to ' || to_account, ', '), ''
from posting
where (kind, from_account, to_account) not in (
    ('credited', 'issuance', 'member'), ('credited', 'issuance', 'claim'),
    ('reversed', 'member', 'issuance'), ('reversed', 'claim', 'issuance'),
    ('reversed', 'expiry', 'issuance'),
    ('redeemed', 'member', 'redemption'),
    ('cancelled', 'redemption', 'member'), ('cancelled', 'redemption', 'claim'),
    ('expired', 'member', 'expiry'), ('expired', 'claim', 'expiry'))
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
select null::bigint, concat_ws(': ', coalesce(r.id, m.id), r.stock),
    concat_ws(': ', coalesce(r.id, m.id), coalesce(m.sum, 0))
from reward r
full join (
    select id, sum(quantity) from (
        select reward_id, quantity from delivery
        union all
        select reward_id, -quantity from redemption where status = 'redeemed'
    ) moved(id, quantity) group by id
) m(id, sum) on m.id = r.id
where r.stock is distinct from coalesce(m.sum, 0)
"""
# A sequence taken twice would be ignored by who reads the events.
SEQUENCES = """
select a.number, a.sequence, p.last from account a
join (select account, max(sequence) from posting group by account) p(account, last)
    on p.account = a.number
where a.sequence < p.last
"""
# What remembers that an event has been posted: the first row of each, and no other.
JOURNAL = """
select account, count(*), 0 from posting
where (content_hash is not null) <> (line = 0 and kind in ('credited', 'reversed'))
group by account
"""
# Without its name an account is made anew by its next event, and what came before counts twice.
NAMES = """
select coalesce(a.number, s.account), case when s.account is null then 'none' else 'a name' end,
    case when a.number is null then 'an account' when a.erased then 'none' else 'a name' end
from account a full join subject s on s.account = a.number
where a.number is null or (s.account is null) <> a.erased
"""
# Nobody would look at them again.
UNDECIDED = """
select s.account, 'none', 'a tier' from subject s
where exists (select from posting p where p.account = s.account)
    and not exists (select from tier t where t.account = s.account)
    and not exists (select from tier_due d where d.account = s.account)
"""
# As of the day on which each was decided; those that must be looked at again are left out.
TIERS = """
with decided as (
    select t.*, (
        ((decided_at at time zone $1)::date - make_interval(months => $2))::date + 1
    )::timestamp at time zone $1 as since
    from tier t where decided_at >= $6
        and not exists (select from tier_due d where d.account = t.account)
), moved as (
    select d.account, p.occurred_at, p.change,
        sum(p.change) over (partition by d.account order by p.occurred_at desc) as reached
    from decided d join (
        select account, occurred_at, case kind when 'credited' then points else -points end
        from posting where kind in ('credited', 'reversed')
    ) p(account, occurred_at, change) on p.account = d.account and p.occurred_at >= d.since
), summed as (
    select account, sum(change)::bigint as mg,
        max(occurred_at) filter (where reached >= $3) as deep,
        max(occurred_at) filter (where reached >= $4) as medium,
        max(occurred_at) filter (where reached >= $5) as light
    from moved group by account
), graded as (
    select account, mg, tier, (last at time zone $1)::date as day from summed,
    lateral (select case when mg >= $3 then 'deep' when mg >= $4 then 'medium'
        when mg >= $5 then 'light' else 'none' end) g(tier),
    lateral (select case tier when 'deep' then deep when 'medium' then medium
        when 'light' then light end) l(last)
), derived as (
    select account, mg, tier, ends + (date_part('day', ends) <> date_part('day', day))::int as ends
    from graded, lateral (select (day + make_interval(months => $2))::date) e(ends)
), named as (
    select d.account, concat_ws(' ', d.tier, d.trailing_mg, d.valid_until at time zone $1) as stored,
        concat_ws(' ', coalesce(x.tier, 'none'), coalesce(x.mg, 0), x.ends::timestamp) as derived
    from decided d left join derived x on x.account = d.account
)
select account, stored, derived from named where stored <> derived
"""
LAST_DECIDED = "select coalesce(max(decided_at), now()) from tier"
CHECKS = {
    "balance against postings": BALANCES,
    "claim against postings": CLAIMS,
    "redemptions against postings": REDEMPTIONS,
    "movements against rules": MOVEMENTS,
    "sum of double entry": DOUBLE_ENTRY,
    "stock against deliveries and redemptions": STOCK,
    "sequence against postings": SEQUENCES,
    "journal of events": JOURNAL,
    "name of an account": NAMES,
    "account without a tier": UNDECIDED,
}


async def audit(connection: Connection, zone: Zone = CITY) -> list[Finding]:
    """Findings of the caller's snapshot; none when all is well."""
    found = []
    for what, query in CHECKS.items():
        found += _findings(what, await connection.fetch(query))
    day = Moment(await connection.fetchval(LAST_DECIDED), zone).today
    months, limits = domain.trailing_months(day), domain.limits(day).values()
    ruled = midnight(domain.limits_since(day), zone)
    rows = await connection.fetch(TIERS, zone.key, months, *limits, ruled)
    return found + _findings("tier against postings", rows)


def _findings(what: str, rows: Iterable[Record]) -> list[Finding]:
    return [
        Finding("points", account, what, str(derived), str(stored))
        for account, stored, derived in rows
    ]
