"""Questions about one account of 600, with ten million entries in the ledger: how fast they are.

The entries lie as they come in: reading by reading through the year, all enterprises in turn, so
that those of one account are scattered over the whole table. One request at a time, each about
another enterprise, of the kinds in turn.
"""

import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from random import Random

import httpx

from benchmarks import BenchmarkError, report, stage
from benchmarks.figures import milliseconds
from benchmarks.load import SEED, YEAR
from benchmarks.options import SHORT, STANDARD, Options
from benchmarks.report import Figure, Result
from benchmarks.stage import Stage
from shared.database import Connection
from shared.units.amount import tonnes_text
from tanzhang.simulation.enterprises import enterprise, registrations
from tanzhang.simulation.registering import register

ENTERPRISES = 600
METERS = 20
LINES = 4
QUESTIONS: Mapping[str, str] = {
    "account": f"account?year={YEAR}",
    "breakdown": f"breakdown?year={YEAR}&by=carrier,month",
    "breakdown by asset": f"breakdown?year={YEAR}&by=asset,carrier,month",
    "entries": f"entries?year={YEAR}&limit=100",
}

# What reading n of an account is: its time, its key, a whole number of hundredths of a kWh.
READING = f"""
from generate_series(1, $1::bigint) n
cross join (select subject, account from subject order by subject) s
cross join lateral (
    select decode(md5(s.account || ':' || n), 'hex') as k,
        (date '{YEAR}-01-01'::timestamp + n * (interval '364 days' / $1)) as at,
        ((hashint8extended(s.account, n) & 4095) + 1)::numeric / 100 as used
) v
"""
FACTS = f"""
insert into fact (account, event_key, content_hash, source, event_id, kind, slot, starts, ends,
    time, quality, value, unit, data, state)
select s.account, k, substr(k, 1, 8), 'urn:utility:grid', 'reading-' || n, 'reading',
    'meter:' || s.subject || '-' || n % {METERS}, at at time zone $2,
    at at time zone $2 + interval '15 minutes', at at time zone $2 + interval '15 minutes',
    'actual', used, 'kWh', '{{}}', 'posted'
{READING}
"""
ENTRIES = f"""
insert into ledger_entry (account, event_key, line, caused_by, month, category, asset_id, meter_id,
    activity, quantity, unit, factor, factor_id, factor_set, factor_version, fallback, quality,
    amount_mg, cause, rule, sequence, posted_at)
select s.account, k, 0, k, date_trunc('month', at)::date, 'energy', 'line-' || n % {LINES},
    s.subject || '-' || n % {METERS}, 'electricity', used, 'kWh', 515300, 'grid.zhejiang.2022',
    'grid-2022', '1', false, 'actual', (used * 515300)::bigint, 'posted', 'industrial.meter.v1', n,
    at at time zone $2
{READING}
"""
YEARS = f"""
insert into account_year (account, year, energy_mg, process_mg, avoided_mg, pv_mg, output,
    value_added, actual_mg, estimated_mg, substituted_mg, energy_readings, output_reports,
    factor_sets, energy_months, process_months, avoided_months, measured_mg)
select account, {YEAR}, sum(mg)::bigint, 0, 0, 0, 0, 0, sum(mg)::bigint, 0, 0,
    jsonb_agg(n order by month), none, jsonb_build_object('grid-2022@1', sum(n)),
    jsonb_agg(mg order by month), none, none, 0
from (
    select account, month, count(*) as n, sum(amount_mg)::bigint as mg
    from ledger_entry group by 1, 2
) m, (select to_jsonb(array_fill(0, array[12]))) z(none)
group by account, none
"""
BALANCES = (
    "update account a set balance = y.energy_mg from account_year y where y.account = a.number"
)
TOTALS = """
select s.subject, sum(e.amount_mg)::bigint, count(*)
from ledger_entry e join subject s using (account) group by 1
"""


async def run(options: Options) -> list[Result]:
    """p50, p95 and p99 of each question."""
    asked = (SHORT if options.short else STANDARD)["questions"]
    each = max(options.size("grown") // ENTERPRISES, 12)
    async with stage.standing(options, ("industrial",)) as here:
        await here.start("industrial", role="api")
        url = f"http://127.0.0.1:{here.ports['industrial'][0]}"
        ids = [enterprise(SEED, index).id for index in range(ENTERPRISES)]
        await _register(here, url)
        async with here.connected("industrial") as connection:
            seconds = await _grow(here, connection, each)
            totals = {row[0]: row[1] for row in await connection.fetch(TOTALS)}
        watch = here.watch()
        watch.begin()
        times = await _ask(url, here.token(), ids, asked, totals)
        usage = watch.end()
    return [
        Result(
            name="accounts",
            broker=report.broker_name(options),
            input={"entries": each * ENTERPRISES, "enterprises": ENTERPRISES, "questions": asked},
            figures={
                name: figure
                for kind, values in times.items()
                for name, figure in milliseconds(kind, values).items()
            }
            | {"filling": Figure(round(seconds, 1), "s")},
            processes=usage,
            events=sum(map(len, times.values())),
        )
    ]


async def _register(here: Stage, url: str) -> None:
    """The enterprises, which makes their accounts; their meters don't matter here."""
    first = [next(iter(registrations(enterprise(SEED, index)))) for index in range(ENTERPRISES)]
    await register(first, {"industrial": url}, here.token())


async def _grow(here: Stage, connection: Connection, each: int) -> float:
    """Give every account so many entries, their facts, and the sums that belong to them."""
    began = time.monotonic()
    zone = here.settings.tanzhang_zone
    for insert in (FACTS, ENTRIES):
        await connection.execute(insert, each, zone, timeout=None)
    await connection.execute(YEARS, timeout=None)
    await connection.execute(BALANCES, timeout=None)
    await connection.execute("vacuum analyze", timeout=None)
    await connection.execute("checkpoint", timeout=None)
    return time.monotonic() - began


async def _ask(
    url: str, token: str, ids: list[str], asked: int, totals: Mapping[str, int]
) -> dict[str, list[float]]:
    """Milliseconds of each kind of question; BenchmarkError when an answer is not right."""
    times: dict[str, list[float]] = {kind: [] for kind in QUESTIONS}
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
        for kind, id in _questions(ids, asked):
            began = time.perf_counter()
            answer = await http.get(f"/v1/enterprises/{id}/{QUESTIONS[kind]}", timeout=60)
            times[kind].append((time.perf_counter() - began) * 1000)
            if answer.status_code != httpx.codes.OK:
                raise BenchmarkError(f"{kind} of {id}: {answer.status_code} {answer.text[:300]}")
            _check(kind, answer.json(), totals[id])
    return times


def _questions(ids: list[str], asked: int) -> Iterator[tuple[str, str]]:
    """So many of each kind, the enterprises at random."""
    chance = Random(f"{SEED}:questions")
    for _ in range(asked):
        for kind in QUESTIONS:
            yield kind, chance.choice(ids)


def _check(kind: str, answer: dict[str, object], total_mg: int) -> None:
    """Every total is the sum of the entries."""
    if kind == "account":
        found = answer["total_t"]
    elif kind == "entries":
        return
    else:
        items = answer["items"]
        assert isinstance(items, list)
        found = tonnes_text(round(sum(Decimal(item["total_t"]) for item in items) * 10**9))
    if found != tonnes_text(total_mg):
        raise BenchmarkError(f"{kind}: expected {tonnes_text(total_mg)} t, got {found} t")
