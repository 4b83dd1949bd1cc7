"""The city's sums: kept beside the ledger, equal to it, and telling nothing of a few people."""

import random
from typing import Any

import pytest

from services.personal.city import FOLD, FOLDED_MAX
from tests.integration.personal.conftest import Desk, payment

# So many batches of a payment each.
WAITING = """
insert into city_change (bank, customers, months, scenarios, amounts_mg, payments, accounts, years,
    fallen)
select 'jsrcb', 0, '{2026-03-01}', '{1}', '{5}', '{1}', '{7}', '{2026}', '{f}'
from generate_series(1, $1)
"""


def customers(bank: str, number: int) -> list[dict[str, Any]]:
    """A transfer of each of so many people."""
    return [payment(f"{bank}-{n}", f"{bank}:token-{n:04}") for n in range(number)]


async def test_the_summary_is_the_same_before_and_after_the_tick(desk: Desk) -> None:
    await desk.post(*customers("jsrcb", 12), payment("early", time="2025-12-31T23:59:59+08:00"))
    before = await desk.get("region/summary")
    await desk.fold()
    assert await desk.get("region/summary") == before
    assert await desk.app.state.pool.fetchval("select count(*) from city_change") == 0
    assert (before["customers"], before["reduction_t"]) == (12, "0.000300248")
    assert before["months"] == [
        {"month": "2025-12", "reduction_g": "23.096", "payments": 1},
        {"month": "2026-03", "reduction_g": "277.152", "payments": 12},
    ]
    assert before["scenarios"][0]["payments"] == 13
    # Of 2.276 million residents.
    share = round(12 / before["residents"], 6)
    assert before["share_of_residents"] == f"{share:.6f}"
    await desk.fold()
    assert await desk.audit() == []


async def test_one_statement_folds_no_more_accounts_than_it_may(desk: Desk) -> None:
    """After a long stop of the tick much waits: each statement must end in time."""
    for day in (1, 2, 3):
        await desk.post(
            *(event | {"id": f"{day}-{event['id']}"} for event in customers("jsrcb", 4))
        )
    pool = desk.app.state.pool
    assert [await pool.fetchval(FOLD, 9, 5) for _ in range(3)] == [2, 1, 0]
    assert await desk.audit() == []


async def test_a_tick_folds_all_that_waits(desk: Desk) -> None:
    pool = desk.app.state.pool
    waiting = FOLDED_MAX + 1
    await pool.execute(WAITING, waiting)
    await desk.fold()
    assert await pool.fetchval("select count(*) from city_change") == 0
    assert await pool.fetchval("select payments from city_sum") == waiting


async def test_a_year_has_its_own_customers(desk: Desk) -> None:
    await desk.post(*customers("jsrcb", 3), payment("early", time="2025-06-01T10:00:00+08:00"))
    await desk.fold()
    await desk.post(payment("other", "icbc:token-0001", time="2025-07-01T10:00:00+08:00"))
    found = [await desk.get("region/summary", year=year) for year in (2024, 2025, 2026)]
    assert [city["customers"] for city in found] == [0, 2, 3]
    assert [city["reduction_t"] for city in found] == ["0", "0.000046192", "0.000069288"]
    assert [city["year"] for city in found] == [2024, 2025, 2026]
    status, [error] = await desk.refused("GET", "region/summary?year=20")
    assert (status, error["pointer"]) == (422, "/query/year")


async def test_who_has_nothing_left_is_no_customer(desk: Desk) -> None:
    await desk.post(
        *customers("jsrcb", 2), payment("counter", "icbc:token-0001", channel="counter")
    )
    await desk.fold()
    await desk.post(payment("back", "jsrcb:token-0000", reverses="jsrcb-0"))
    for _ in range(2):
        for year in ("2026", ""):
            city = await desk.get("region/summary", **({"year": year} if year else {}))
            assert (city["customers"], city["reduction_t"]) == (1, "0.000023096")
        await desk.fold()
    await desk.post(payment("again", "jsrcb:token-0000"))
    assert (await desk.get("region/summary", year=2026))["customers"] == 2
    assert await desk.audit() == []


async def test_who_loses_a_part_stays_a_customer(desk: Desk) -> None:
    await desk.post(payment("p1"), payment("p2"))
    await desk.fold()
    await desk.post(payment("back", reverses="p1"))
    for _ in range(2):
        assert (await desk.get("region/summary", year=2026))["customers"] == 1
        await desk.fold()
    assert await desk.audit() == []


async def test_banks_of_fewer_than_ten_customers_are_shown_together(desk: Desk) -> None:
    numbers = {"icbc": 15, "jsrcb": 11, "abc": 6, "ccb": 5}
    await desk.post(*(event for bank, n in numbers.items() for event in customers(bank, n)))
    banks = (await desk.get("region/summary"))["banks"]
    assert [(b["bank"], b["customers"], b["reduction_t"]) for b in banks] == [
        ("icbc", 15, "0.00034644"),
        ("jsrcb", 11, "0.000254056"),
        (None, 11, "0.000254056"),
    ]
    assert banks[2]["name_zh"] == "其他"


async def test_a_small_bank_cannot_be_had_by_subtraction(desk: Desk) -> None:
    await desk.post(*customers("icbc", 15), *customers("jsrcb", 11), *customers("abc", 2))
    banks = (await desk.get("region/summary"))["banks"]
    assert [(b["bank"], b["customers"]) for b in banks] == [("icbc", 15), (None, 13)]


async def test_an_erased_person_stays_in_the_sums(desk: Desk) -> None:
    await desk.post(*customers("jsrcb", 12))
    before = await desk.get("region/summary")
    assert (await desk.http.delete("/v1/accounts/jsrcb:token-0003")).status_code == 204
    assert await desk.get("region/summary") == before
    await desk.fold()
    assert await desk.audit() == []


@pytest.mark.parametrize("seed", range(3))
async def test_the_sums_are_the_ledgers_whenever_they_are_folded(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    sent = [_some_payment(chance, n) for n in range(150)]
    sent += [
        {**payment(f"back-{p['id']}", p["subject"]), "time": p["time"]}
        | {"data": p["data"] | {"reverses": p["id"]}}
        for p in chance.sample(sent, 40)
    ]
    chance.shuffle(sent)
    while sent:
        size = chance.randrange(1, 40)
        batch, sent = sent[:size], sent[size:]
        await desk.post(*batch)
        if chance.random() < 0.4:
            await desk.fold()
    assert await desk.audit() == []
    savers = await desk.app.state.pool.fetchval("select count(*) from account where balance > 0")
    assert (await desk.get("region/summary"))["customers"] == savers


def _some_payment(chance: random.Random, n: int) -> dict[str, Any]:
    subject = f"{chance.choice(['jsrcb', 'icbc'])}:token-{chance.randrange(6):04}"
    time = f"{chance.choice([2025, 2026])}-0{chance.randrange(1, 4)}-01T10:{n % 60:02}:00+08:00"
    kind, quantity = chance.choice(
        [("transfer", None), ("walking", "9000.5"), ("electricity_saving", "120")]
    )
    more = {} if quantity is None else {"quantity": quantity}
    return payment(f"p{n}", subject, time, kind=kind, channel="mobile", **more)


async def test_the_audit_finds_wrong_sums(desk: Desk) -> None:
    await desk.post(payment("p1"), payment("p2", "icbc:token-0001"))
    await desk.fold()
    pool = desk.app.state.pool
    await pool.execute("update city_sum set amount_mg = amount_mg + 1 where bank = 'icbc'")
    await pool.execute("update city_customers set customers = 7 where year = 0 and bank = 'icbc'")
    found = sorted((f.what, f.expected, f.found) for f in await desk.audit())
    assert found == [
        ("city in 2026-03, scenario 1", "46192 mg of 2 payments", "46193 mg of 2 payments"),
        ("customers", "2", "8"),
    ]
