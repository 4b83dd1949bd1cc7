"""The audit of what several payments may report: of each behaviour exactly one counts."""

# A payment that reports what another one is credited for: displaced once more than counted again.
DISPLACED = """count(*) filter (where cause = 'displaced' or reason = 'duplicate_behaviour')
            > count(*) filter (where cause = 'counted')"""

# What an erased account was credited stands first; only its report still says that it was.
STANDING = f"""
with payment as (
    select e.reference, e.scenario, e.occurred_at, e.event_key, e.content_hash, e.account,
        true as movable, l.reversed, l.displaced
    from ledger_entry e
    cross join lateral (
        select bool_or(cause = 'reversed') as reversed, {DISPLACED} as displaced
        from ledger_entry where account = e.account and event_key = e.event_key
    ) l
    where e.line = 0 and e.reference is not null
    union all
    select reference, scenario, occurred_at, event_key, content_hash, account, movable, false, false
    from behaviour_report where not movable
), standing as (
    select *, row_number() over (
        partition by reference, scenario
        order by movable, occurred_at, event_key, content_hash, account) as place
    from payment where not reversed
)
"""

BEHAVIOURS = f"""{STANDING}
select account, format('event %s, report %s of a behaviour', encode(event_key, 'hex'), place)
    as what,
    case when place = 1 then 'counts' else 'displaced' end as expected,
    case when displaced then 'displaced' else 'counts' end as found
from standing where displaced <> (place > 1)
order by account, event_key
limit $1
"""

REPORTS = f"""{STANDING}
select account, format('report of event %s', encode(event_key, 'hex')) as what,
    case when s.stands then 'kept' else 'none' end as expected,
    case when r.kept then 'kept' else 'none' end as found
from (select *, true as stands from standing) s
full join (select *, true as kept from behaviour_report) r
    using (reference, scenario, movable, occurred_at, event_key, content_hash, account)
where s.stands is null or r.kept is null
order by account, event_key
limit $1
"""
