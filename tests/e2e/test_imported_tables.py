"""A bank's real transactions and a farm's workbook through the command line, into accounts."""

import asyncio
import csv
import hmac
from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tests.e2e.city import City
from tests.e2e.events import Author

BERKA = Path(__file__).parents[3] / "shared" / "data" / "bank" / "berka_trans_head.asc"
KEY = "the bank of 1993 keeps this secret"
VOUCHER_G = Decimal("23.096")
BILLS_A_DAY, TRANSFERS_A_DAY = 3, 20
AT_ONCE = 20


def orders() -> dict[str, Counter[tuple[str, str]]]:
    """Of each account: orders that no cash was in, by day and whether they are household bills."""
    found: dict[str, Counter[tuple[str, str]]] = {}
    with BERKA.open(newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            if row["operation"] == "PREVOD NA UCET":
                what = "bill" if row["k_symbol"] == "SIPO" else "transfer"
                found.setdefault(row["account_id"], Counter())[row["date"], what] += 1
            elif row["operation"] == "VYBER" and row["k_symbol"] == "SIPO":
                found.setdefault(row["account_id"], Counter())  # paid at the counter
    return found


def grams(days: Counter[tuple[str, str]]) -> Decimal:
    """All of these save one voucher each, up to the cap of the day."""
    caps = {"bill": BILLS_A_DAY, "transfer": TRANSFERS_A_DAY}
    return sum(
        (VOUCHER_G * min(count, caps[what]) for (_, what), count in days.items()), Decimal(0)
    )


def account_id(bank: str, account: str) -> str:
    """As tanzhang/importers/README.md says that anybody with the key can make it."""
    said = "\x1f".join(("account", bank, account)).encode()
    return f"{bank}:{hmac.new(KEY.encode(), said, sha256).hexdigest()[:32]}"


async def asked(city: City, bank: str, accounts: Iterable[str], path: str) -> dict[str, Any]:
    """The same question of every account of the file."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(account: str) -> tuple[str, Any]:
        async with turn:
            found = await city.get("personal", f"/v1/accounts/{account_id(bank, account)}{path}")
            return account, found

    return dict(await asyncio.gather(*map(one, accounts)))


@pytest.mark.skipif(not BERKA.is_file(), reason=f"no {BERKA.name} in ../shared/data/bank")
async def test_twenty_thousand_bank_transactions_twice(
    city: City, author: Author, tmp_path: Path
) -> None:
    key, bank = tmp_path / "key", f"b{author.name}"
    key.write_text(KEY)
    command = ("import", "bank", str(BERKA), "--mapping", "berka", "--bank", bank)
    expected = orders()
    assert len(expected) > 100

    async def import_it() -> dict[str, Any]:
        done = await asyncio.to_thread(city.up.run, *command, "--key-file", str(key))
        assert done.returncode == 0, done.stderr
        first, *_, last = done.stdout.splitlines()
        assert first == f"{BERKA.name}: 20000 rows, 1993-02-07 to 1993-11-13"
        assert last == "2412 events sent, 2412 accepted, 0 rejected"
        await city.settled()
        return await asked(city, bank, expected, "")

    first = await import_it()
    saved = {account: Decimal(found["reduction_g"]) for account, found in first.items()}
    assert saved == {account: grams(days) for account, days in expected.items()}
    assert sum(saved.values()) == VOUCHER_G * 2365  # no day of the file is over a cap
    lists = await asked(city, bank, expected, "/entries?limit=1000")
    reasons = Counter(entry.get("reason") for found in lists.values() for entry in found["items"])
    assert reasons == {None: 2365, "channel_earns_nothing": 47}

    assert await import_it() == first


LEDGER = (
    "主体编号", "凭证号", "地块", "活动类型", "开始日期", "结束日期", "措施起始年", "面积（亩）",
    "秸秆还田量（公斤/亩）", "是否水田", "土壤类型", "土地利用", "耕作方式（前）", "耕作方式（后）",
    "有机投入（前）", "有机投入（后）", "畜种", "存栏数（头）", "粪污处理（前）", "粪污处理（后）",
    "数量", "单位", "排放源", "佐证材料", "更正凭证号",
)  # fmt: skip


def golden_ledger(path: Path, farm: str) -> None:
    """The worked example as a farm would keep it: in mu, with a title, merged cells and a total."""
    first, last = date(2020, 1, 1), date(2020, 12, 31)
    straw = {"地块": "田", "面积（亩）": 5471.4, "秸秆还田量（公斤/亩）": 128, "佐证材料": "照片-1"}
    orchard = {
        "地块": "果园", "措施起始年": 2020, "面积（亩）": "１，１５９．８", "土壤类型": "低活性黏土",
        "土地利用": "园地", "耕作方式（前）": "翻耕", "耕作方式（后）": "翻耕",
        "有机投入（前）": "中", "有机投入（后）": "高且施有机肥",
    }  # fmt: skip
    barn = {
        "地块": "猪舍", "畜种": "生猪", "存栏数（头）": 700,
        "粪污处理（前）": "深坑长期贮存", "粪污处理（后）": "沼气池",
    }  # fmt: skip
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["农业碳账户台账（2020 年）"])
    sheet.append(LEDGER)
    kinds = ("秸秆还田", "土壤固碳", "畜禽粪污资源化")
    for number, (kind, row) in enumerate(zip(kinds, (straw, orchard, barn), strict=True), 1):
        days = {"开始日期": first if number < 3 else 43831, "结束日期": last if number < 3 else "2020年12月31日"}  # fmt: skip
        whole = {"凭证号": f"v-{number}", "活动类型": kind, **days, **row}
        whole |= {"主体编号": farm} if number == 1 else {}
        sheet.append([whole.get(name) for name in LEDGER])
        sheet.append([])
    sheet.append([None, None, "合计", None, None, None, None, "=SUM(H3:H7)"])
    sheet.merge_cells("A1:Y1")
    sheet.merge_cells("A3:A7")
    book.save(path)


async def test_a_farm_ledger_of_a_spreadsheet(city: City, author: Author, tmp_path: Path) -> None:
    await city.register_farm(author)
    file = tmp_path / "ledger.xlsx"
    golden_ledger(file, author.farm)

    for _ in range(2):
        done = await asyncio.to_thread(city.up.run, "import", "farm", str(file))
        assert (done.returncode, done.stdout.splitlines()[-1]) == (
            0,
            "3 events sent, 3 accepted, 0 rejected",
        ), done.stdout + done.stderr
        await city.settled()
        found = await city.agri(author, 2020)
        assert {name: found[name] for name in ("straw_t", "soil_t", "manure_t")} == {
            "straw_t": "613.506107433",
            "soil_t": "246.991008",
            "manure_t": "238.61069883",
        }
        assert round(Decimal(found["neutralised_t"]), 1) == Decimal("1099.1")
