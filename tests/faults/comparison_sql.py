"""The queries of `tests.faults.comparison`; `{0}` is the schema of a service."""

BALANCES = (
    "select s.subject, a.balance from {0}.account a join {0}.subject s on s.account = a.number"
)
DEAD_LETTERS = "select source, event_id, reason, raw from {0}.dead_letter"
PARKED = """
select source, convert_from(raw, 'UTF8')::jsonb ->> 'id' from {0}.parked
"""
JOURNALS = {
    "personal": "select source, event_id from personal.ledger_entry where line = 0",
    "industrial": "select source, event_id from industrial.fact",
    "agri": "select source, event_id from agri.fact",
}

# A payment that reports a behaviour may stop to count and count again, by turns, and move what is
# under its cap each time; any other change has happened once.
_CHANGES = """
from personal.ledger_entry e
left join personal.ledger_entry c
    on c.account = e.account and c.event_key = e.cause_key and c.line = 0
cross join lateral (values (
    e.cause not in ('displaced', 'counted') and (e.cause <> 'cap' or c.reference is null))) v(once)
"""
# Per event: source, id, mg, lines, and how many of these were posted twice.
PAYMENTS = f"""
select max(e.source) filter (where e.line = 0), max(e.event_id) filter (where e.line = 0),
    sum(e.amount_mg)::bigint, count(*),
    count(*) filter (where once) - count(distinct (e.cause, e.cause_key)) filter (where once)
        + greatest(abs(count(*) filter (where e.cause = 'displaced')
            - count(*) filter (where e.cause = 'counted')) - 1, 0)
{_CHANGES}
group by e.account, e.event_key
"""
# A line that stands twice for a month, or is taken back twice.
_TWICE = """
count(*) filter (where stands) - count(distinct month) filter (where stands)
    + count(reverses) - count(distinct reverses)
"""
_LINES = """
select e.*, e.reverses is null and not exists (select from {0}.ledger_entry r
    where r.account = e.account and r.event_key = e.event_key and r.reverses = e.line) as stands
from {0}.ledger_entry e
"""
_EVENTS = """
select max(f.source), max(f.event_id), coalesce(sum({1}), 0)::bigint, count(l.line), {2}
from {0}.fact f
left join ({3}) l on l.account = f.account and l.event_key = f.event_key
group by f.account, f.event_key
"""
_SIGNED = """
case l.category when 'energy' then amount_mg when 'process' then amount_mg
    when 'avoided' then -amount_mg else 0 end
"""
INDUSTRIAL_EVENTS = _EVENTS.format("industrial", _SIGNED, _TWICE, _LINES.format("industrial"))
AGRI_EVENTS = _EVENTS.format("agri", "amount_mg", _TWICE, _LINES.format("agri"))

# Subject, mg of a change, how many of them.
REDUCTIONS = f"""
select s.subject, e.amount_mg, count(*)
from (select distinct e.account, e.event_key, e.cause, e.cause_key, e.amount_mg,
        case when not once then e.line end {_CHANGES} where e.amount_mg <> 0) e
join personal.subject s using (account)
group by 1, 2
"""
POINTS = """
select subject, mg, count(*) from (
    select s.subject, sum(case p.kind when 'credited' then points else -points end)::bigint as mg
    from (select distinct account, event_key, kind, from_account, to_account, points
        from points.posting where kind in ('credited', 'reversed')) p
    join points.subject s using (account)
    group by s.subject, p.account, p.event_key
) credit group by 1, 2
"""
POINTS_TWICE = """
select s.subject, max(p.cause), count(*) - count(distinct (p.from_account, p.to_account))
from points.posting p join points.subject s using (account)
group by s.subject, p.account, p.event_key
having count(*) > count(distinct (p.from_account, p.to_account))
"""

_MG = "coalesce(sum(amount_mg) filter (where category = '{0}'), 0)::bigint"
_STANDING = """
coalesce(sum(case when reverses is null then 1 else -1 end) filter (where category = '{0}'), 0)
"""
MONTHS = f"""
select s.subject, e.month, {_MG.format("energy")}, {_MG.format("process")},
    {_MG.format("avoided")}, {_MG.format("pv_memo")},
    {_STANDING.format("energy")}, {_STANDING.format("output")}
from industrial.ledger_entry e join industrial.subject s using (account) group by 1, 2
"""
OUTPUTS = """
select s.subject, extract(year from e.month)::int,
    coalesce(sum(quantity) filter (where category = 'output'), 0),
    coalesce(sum(quantity) filter (where category = 'value_added'), 0)
from industrial.ledger_entry e join industrial.subject s using (account) group by 1, 2
"""
FARMS = """
select s.subject, e.year,
    coalesce(sum(amount_mg) filter (where pathway = 'straw'), 0)::bigint,
    coalesce(sum(amount_mg) filter (where pathway = 'soil'), 0)::bigint,
    coalesce(sum(amount_mg) filter (where pathway = 'manure'), 0)::bigint,
    coalesce(sum(amount_mg) filter (where pathway = 'gross'), 0)::bigint
from agri.ledger_entry e join agri.subject s using (account) group by 1, 2
"""
LABELS = """
select s.subject, l.year, l.label from grading.label l join grading.subject s using (account)
"""
# What a service told of an account and year; of a farm its gross emissions instead of an output.
STATES = """
select s.subject, a.year, (a.total_t * 1000000000)::bigint,
    coalesce(a.output, a.gross_t), coalesce(a.value_added, 0),
    coalesce(a.months_energy, 0), coalesce(a.months_output, 0)
from grading.account_state a join grading.subject s using (account)
"""
