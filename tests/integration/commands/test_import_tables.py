"""Transaction files and ledgers at the command line, events out on the topic."""

import asyncio
import csv
import hmac
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.ingest.app import api
from shared.auth.keys import KEY_FILE, create_keys, issue
from shared.settings import Settings
from tanzhang import topics
from tests.serving import serving

MINE, OTHER = "6222021234567890128", "6222021234567890129"
KEY = "a secret of the bank, kept well"
MAPPING = """\
event: payment
table: {csv: {delimiter: ";", encoding: gb18030}}
id: [流水号]
account: [账号]
time: {column: 交易时间, format: "%Y-%m-%d %H:%M:%S"}
skip:
  - {reason: 收入, when: {借贷: 贷}}
fields:
  kind: {column: 摘要, codes: {转账: transfer, 水费: bill_water}}
  channel: {column: 渠道, codes: {手机银行: mobile, 柜面: counter}}
  amount: {column: 金额, thousands: ","}
  currency: {constant: CNY}
"""
ROWS = """\
流水号;账号;交易时间;借贷;摘要;渠道;金额
1001;6222021234567890128;2024-03-01 08:00:00;借;转账;手机银行;1,234.50
1002;6222021234567890128;2024-03-01 09:00:00;贷;工资;柜面;8,000.00
1003;6222021234567890129;2024-03-02 10:00:00;借;水费;柜面;55.00
"""
LEDGER = """\
farm,no,parcel,first,last,ha,straw
f-1,1,东,2020-01-01,2020-12-31,100,1920
f-1,2,西,2020-01-01,2020-12-31,,1920
"""
LEDGER_MAPPING = """\
event: farm_record
table: {csv: {}}
farm: {column: farm}
id: [no]
fields:
  pathway: {constant: straw_return}
  parcel_id: parcel
  start: first
  end: {column: last, plus: day}
  area_ha: ha
  straw_kg_per_ha: straw
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a transaction file in GBK, its mapping and the bank's key."""
    (tmp_path / "t.csv").write_text(ROWS, encoding="gbk")
    (tmp_path / "m.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "key").write_text(f"{KEY}\n")
    return tmp_path


def bank(desk: Path, *options: str) -> list[str]:
    files = ["--mapping", str(desk / "m.yaml"), "--key-file", str(desk / "key")]
    return ["import", "bank", str(desk / "t.csv"), "--bank", "qzbank", *files, *options]


def flat(text: str) -> str:
    """A message without the box that it is shown in."""
    return " ".join(text.replace("│", " ").split())


async def test_a_transaction_file_twice(
    run: Any, desk: Path, ingest_url: str, read_topic: Any
) -> None:
    for _ in range(2):
        done = await run(*bank(desk, "--ingest-url", ingest_url))
        assert done.code == 0, done.err
        assert done.out == (
            "t.csv: 3 rows, 2024-03-01 to 2024-03-02\n"
            "        2 events\n"
            "             1  ONLINE_TRANSFER (transfer, mobile)\n"
            "             1  earns nothing: channel_earns_nothing (bill_water, counter)\n"
            "        1 left out\n"
            "             1  收入\n"
            "        0 faulty\n"
            "2 events sent, 2 accepted, 0 rejected\n"
        )
    posted = await read_topic("payments")
    assert len(posted) == 4
    assert len({event["id"] for event in posted}) == 2
    transfer = next(event for event in posted if event["data"]["kind"] == "transfer")
    assert transfer["data"] == {
        "kind": "transfer", "channel": "mobile", "amount": "1234.5", "currency": "CNY",
    }  # fmt: skip
    assert transfer["time"] == "2024-03-01T08:00:00+08:00"
    assert transfer["source"] == "qzbank"
    assert transfer["subject"].startswith("qzbank:")
    assert "6222" not in str(posted)


async def test_a_dry_run_posts_nothing_and_needs_no_door(run: Any, desk: Path) -> None:
    done = await run(*bank(desk, "--dry-run", "--data-dir", str(desk / "nowhere")))
    assert done.code == 0, done.err
    assert "2 events\n" in done.out
    assert 'the first event: {"specversion":"1.0","type":"cn.tanzhang.payment.v1"' in done.out
    assert "sent" not in done.out


async def test_rows_that_cannot_be_mapped_are_reported_and_the_rest_is_posted(
    run: Any, desk: Path, ingest_url: str, read_topic: Any
) -> None:
    wrong = "1004;6222;2024-03-03;借;电费;微信;lots\n1005;6222\n"
    (desk / "t.csv").write_text(ROWS + wrong, encoding="gbk")
    done = await run(*bank(desk, "--ingest-url", ingest_url, "--report", str(desk / "r.csv")))
    assert done.code == 1
    assert done.out.endswith("2 events sent, 2 accepted, 0 rejected\n")
    assert "        2 faulty\n" in done.out
    file = desk / "t.csv"
    for said in (
        f"{file}: line 5, 交易时间: expected a date like %Y-%m-%d %H:%M:%S, got '2024-03-03'",
        f"{file}: line 5, 摘要: expected one of the codes '转账', '水费'; got '电费'",
        f"{file}: line 5, 金额: expected a number such as 1,234.5, got 'lots'",
        f"{file}: line 6, row: expected 7 columns, got 2",
    ):
        assert said in done.err
    with (desk / "r.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["line"], row["column"]) for row in rows] == [
        ("5", "交易时间"), ("5", "摘要"), ("5", "渠道"), ("5", "金额"), ("6", "row"),
    ]  # fmt: skip
    assert len(await read_topic("payments")) == 2


async def test_a_file_that_cannot_be_read_posts_nothing(
    run: Any, desk: Path, ingest_url: str, read_topic: Any
) -> None:
    content = (desk / "t.csv").read_bytes()
    (desk / "t.csv").write_bytes(content + b"\xff")
    done = await run(*bank(desk, "--ingest-url", ingest_url))
    assert (done.code, done.out) == (1, "")
    assert "is refused, nothing was posted:\nline 5, encoding: byte " in done.err
    (desk / "t.csv").write_bytes(content.replace("摘要".encode("gbk"), b"memo"))
    done = await run(*bank(desk, "--ingest-url", ingest_url))
    assert "line 1, 摘要: the column is not there; the header has 流水号, 账号" in done.err
    assert await read_topic("payments") == []


async def test_what_the_door_would_reject_is_not_sent(
    run: Any, desk: Path, ingest_url: str
) -> None:
    done = await run(*bank(desk, "--ingest-url", ingest_url, "--source", "13800138000"))
    assert done.code == 1
    assert "line 2, /source: source looks like a mobile number" in done.err
    assert "sent" not in done.out


async def test_wrong_options_are_named(run: Any, desk: Path) -> None:
    good = bank(desk, "--dry-run")
    no_key = [part for part in good if part not in ("--key-file", str(desk / "key"))]
    (desk / "weak").write_text("0000000000000000")
    for command, message in (
        (no_key, "account numbers are never posted: --key-file or $TANZHANG_IMPORT_KEY"),
        ([*good, "--bank", "衢州"], "expected 2 to 32 of a-z, 0-9 and -, got '衢州'"),
        ([*good, "--key-file", str(desk / "weak")], "expected a random key"),
        ([*good, "--key-file", str(desk / "none")], "No such file"),
        ([*good, "--mapping", "berks"], "or one of berka, farm_ledger; got 'berks'"),
        ([*good, "--mapping", "farm_ledger"], "expected a mapping of payment"),
        (["import", "farm", str(desk / "t.csv"), "--farm", "東"], "expected a unified social"),
        (["import", "farm", str(desk / "t.csv"), "--farm", "farm:x"], "the farm either in the"),
    ):
        done = await run(*command)
        assert done.code == 2, done.err
        assert message in flat(done.err)


async def test_the_key_may_come_from_the_environment(desk: Path) -> None:
    with_file = bank(desk, "--dry-run")
    place = with_file.index("--key-file")
    without = with_file[:place] + with_file[place + 2 :]
    said = [
        await output(with_file, {}),
        await output(without, {"TANZHANG_IMPORT_KEY": KEY}),
    ]
    assert said[0] == said[1]
    assert "the first event" in said[0]


async def output(arguments: list[str], environment: dict[str, str]) -> str:
    import os

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tanzhang", *arguments,
        env=os.environ | environment, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


async def test_a_farm_ledger_in_text(
    run: Any, tmp_path: Path, ingest_url: str, read_topic: Any
) -> None:
    file, mapping = tmp_path / "ledger.csv", tmp_path / "m.yaml"
    file.write_text(LEDGER, encoding="utf-8")
    mapping.write_text(LEDGER_MAPPING, encoding="utf-8")
    command = ("import", "farm", str(file), "--mapping", str(mapping), "--ingest-url", ingest_url)
    done = await run(*command)
    assert done.code == 1
    assert f"{file}: line 3, ha: area_ha is required" in done.err
    assert "1 events sent, 1 accepted, 0 rejected" in done.out
    (event,) = await read_topic("farm-records")
    assert (event["subject"], event["data"]) == (
        "farm:f-1",
        {
            "pathway": "straw_return", "parcel_id": "东", "start": "2020-01-01",
            "end": "2021-01-01", "area_ha": "100", "straw_kg_per_ha": "1920",
        },
    )  # fmt: skip


@pytest.fixture
async def strict_url(settings: Settings, tmp_path: Path) -> AsyncIterator[str]:
    """A door that asks for a token."""
    _, jwks = create_keys(tmp_path / "auth")
    settings = msgspec.structs.replace(settings, tanzhang_jwks=str(jwks))
    await topics.create(settings)
    async with serving(api(settings)) as url:
        yield url


def name_of(account: str) -> str:
    said = "\x1f".join(("account", "qzbank", account)).encode()
    return f"qzbank:{hmac.new(KEY.encode(), said, sha256).hexdigest()[:32]}"


async def test_what_the_door_rejects_is_in_the_report(
    run: Any, desk: Path, strict_url: str, read_topic: Any
) -> None:
    token = issue(
        desk / "auth" / KEY_FILE, "qzbank", ["events:write:payments"], ["qzbank"], [name_of(MINE)],
        timedelta(hours=1), "tanzhang", "tanzhang", datetime.now(UTC),
    )  # fmt: skip
    wrong = "1003;6222021234567890129;2024-03-02 10:00:00;借;电费;柜面;55.00\n"
    foreign = wrong.replace("1003", "1005").replace("电费", "水费")
    lines = ROWS.splitlines(keepends=True)
    (desk / "t.csv").write_text("".join([*lines[:3], wrong, foreign]), encoding="gbk")
    report = desk / "r.csv"
    door = ("--ingest-url", strict_url, "--token", token)
    done = await run(*bank(desk, *door, "--report", str(report)))
    assert done.code == 1
    assert done.out.endswith("2 events sent, 1 accepted, 1 rejected\n")
    with report.open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["line"]: row for row in csv.DictReader(stream)}
    assert (rows["4"]["column"], rows["5"]["column"]) == ("摘要", "rejected")
    assert "subject" in rows["5"]["reason"]
    assert f"{desk / 't.csv'}: line 5, rejected: {rows['5']['reason']}" in done.err
    assert not any(account in done.err + done.out + str(rows) for account in (MINE, OTHER))
    assert [event["subject"] for event in await read_topic("payments")] == [name_of(MINE)]


async def test_a_token_that_is_none(run: Any, desk: Path, strict_url: str) -> None:
    done = await run(*bank(desk, "--ingest-url", strict_url, "--token", "nonsense"))
    assert done.code == 1
    assert f"tanzhang: POST {strict_url}/v1/events: 401 " in done.err
    assert "Sending the file again is safe." in done.err


async def test_an_address_that_is_none(run: Any, desk: Path) -> None:
    for address in ("127.0.0.1:8080", "http://", "http://["):
        done = await run(*bank(desk, "--ingest-url", address))
        assert (done.code, done.out) == (2, "")
        assert f"expected http:// or https:// and a host, got '{address}'" in flat(done.err)


async def test_a_report_never_takes_the_place_of_another_file(run: Any, desk: Path) -> None:
    for wrong, said in (
        (desk / "t.csv", "expected a new file, or an earlier report"),
        (desk / "key", "expected a new file, or an earlier report"),
        (desk / "nowhere" / "r.csv", "No such file or directory"),
        (desk, "Is a directory"),
    ):
        done = await run(*bank(desk, "--dry-run", "--report", str(wrong)))
        assert (done.code, done.out) == (2, "")
        assert said in flat(done.err)
    assert (desk / "t.csv").read_text("gbk") == ROWS
    assert (desk / "key").read_text() == f"{KEY}\n"


async def test_a_report_is_written_again(run: Any, desk: Path) -> None:
    report = desk / "r.csv"
    (desk / "t.csv").write_text(ROWS.replace("转账", "汇款"), "gbk")
    for _ in range(2):
        done = await run(*bank(desk, "--dry-run", "--report", str(report)))
        assert done.code == 1
        assert len(report.read_text("utf-8-sig").splitlines()) == 2
