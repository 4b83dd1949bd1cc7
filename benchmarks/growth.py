"""The chain on ledgers that have ten million entries already, beside the same on empty ones.

Both runs know all accounts beforehand, so that only the entries make the difference.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random

from benchmarks import agreement, follow, load, report, stage
from benchmarks.load import SEED, Load
from benchmarks.options import STANDARD, Options
from benchmarks.produce import fill
from benchmarks.report import Figure, Result
from benchmarks.stage import Stage
from services.points import expiry
from services.points.domain import Moment
from tanzhang.simulation.payments import account_id

ENTRIES_PER_ACCOUNT = 20
# The days lie in the year before that of the payments; posted within the last nine months.
# What an entry gives, in mg: whole grams by account and number, the same in both ledgers.
AMOUNT = "((hashint8extended({number}, {n}) & 127) + 5) * 1000"

ACCOUNTS = f"""
insert into account (number, sequence, balance)
select s.account, $1::bigint, (
    select coalesce(sum({AMOUNT.format(number="s.account", n="n")}), 0)
    from generate_series(1, $1::bigint) n)
from subject s order by s.account
"""
ENTRIES = f"""
insert into ledger_entry (account, event_key, line, content_hash, scenario, day, occurred_at,
    quantity, credited, amount_mg, cause, factor_set, sequence, source, event_id, posted_at)
select s.account, k, 0, substr(k, 1, 8), 1 + n % 16, d, d + interval '12 hours', 1, 1,
    {AMOUNT.format(number="s.account", n="n")}, 'payment', 'quzhou-2022', n, 'jsrcb',
    encode(substr(k, 1, 12), 'hex'), now() - (d - date '2024-01-01') * interval '18 hours'
from (select account from subject order by account) s, generate_series(1, $1::bigint) n,
    lateral (select decode(md5(s.account || ':' || n), 'hex') as k,
        date '2024-01-01' + ((hashint8extended(s.account, n) >> 8) & 255)::integer as d) v
"""
POSTINGS = f"""
insert into posting (account, event_key, line, content_hash, kind, from_account, to_account,
    points, cause, sequence, occurred_at, posted_at)
select s.account, k, 0, substr(k, 1, 8), 'credited', 'issuance', 'member',
    {AMOUNT.format(number="s.account", n="n")}, encode(k, 'hex')::uuid::text, n,
    d + interval '12 hours', now() - (d - date '2024-01-01') * interval '18 hours'
from (select account from subject order by account) s, generate_series(1, $1::bigint) n,
    lateral (select decode(md5(n || ':' || s.account), 'hex') as k,
        date '2024-01-01' + ((hashint8extended(s.account, n) >> 8) & 255)::integer as d) v
"""
# As in every ledger after the first minutes of a year: nobody's points expire in the meantime.
EXPIRED = "insert into expiry_run (year, stage, position) values ($1, $2, $3)"
GROWTH = {"personal": ENTRIES, "points": POSTINGS}


async def run(options: Options) -> list[Result]:
    """Both rates, and the one as a share of the other."""
    grown = options.size("grown") if options.count is None else STANDARD["grown"]
    accounts = grown // ENTRIES_PER_ACCOUNT
    prepared = load.payments(options.size("payments"), accounts=accounts)
    empty = await _chain(options, prepared, accounts, 0)
    full = await _chain(options, prepared, accounts, ENTRIES_PER_ACCOUNT)
    return [
        Result(
            name="growth",
            broker=report.broker_name(options),
            input={"entries before": grown, "accounts": accounts, "payments": len(prepared)},
            figures={
                "on empty ledgers": report.rate(options, empty.rate, "payments per second"),
                "on grown ledgers": report.rate(options, full.rate, "payments per second"),
                "ratio": Figure(round(full.rate / empty.rate, 3), "of the rate on empty ones"),
            },
            processes=dict(full.usage),
            events=full.watched,
        )
    ]


async def _chain(options: Options, prepared: Load, accounts: int, entries: int) -> follow.Run:
    async with stage.standing(options, ("personal", "points")) as here:
        await _grow(here, accounts, entries)
        before = await agreement.ledgers(here)
        await fill(here.settings, "payments", prepared.records)
        run = await follow.chain(here, options, len(prepared))
        await agreement.check(here, prepared.unique, before)
    return run


async def _grow(here: Stage, accounts: int, entries: int) -> None:
    """Give every account so many entries in both ledgers, and the sums that belong to them."""
    for service, insert in GROWTH.items():
        async with here.connected(service) as connection:
            await connection.copy_records_to_table(
                "subject", columns=["subject", "account"], records=_subjects(accounts)
            )
            await connection.execute(ACCOUNTS, entries, timeout=None)
            if entries:
                await connection.execute(insert, entries, timeout=None)
            if service == "points":
                passes = [
                    (run.year, run.stage, 2**62) for run in expiry.runs(Moment(datetime.now(UTC)))
                ]
                await connection.executemany(EXPIRED, passes)
            await connection.execute("vacuum analyze")
            await connection.execute("checkpoint")


async def _subjects(accounts: int) -> AsyncIterator[tuple[str, int]]:
    """Every customer with a random number, the same in both ledgers."""
    chance = Random(f"{SEED}:numbers")
    for index in range(accounts):
        yield account_id(SEED, index), chance.getrandbits(62)
