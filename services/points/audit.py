"""Does the points ledger hold? Every balance and claim from its postings, stock from redemptions."""

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
CHECKS = {
    "balance against postings": BALANCES,
    "claim against postings": CLAIMS,
    "redemptions against postings": REDEMPTIONS,
}


async def audit(connection: Connection, zone: Zone = CITY) -> list[Finding]:
    """Findings of the caller's snapshot; none when all is well."""
    found = []
    for what, query in CHECKS.items():
        for account, stored, derived in await connection.fetch(query):
            found.append(Finding("points", account, what, str(derived), str(stored)))
    return found
