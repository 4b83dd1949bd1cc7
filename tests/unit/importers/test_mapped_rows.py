"""Rows as events: fields, codes, rules, names that cannot be turned back, and every fault named."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from tanzhang.importers.mapped_rows import Sender, SenderError, check_sender
from tanzhang.importers.pseudonyms import Key, KeyRefusedError, key_of
from tanzhang.importers.reading import ImportRefusedError
from tanzhang.importers.survey import Source, events, survey
from tests.unit.importers.mapped import (
    BANK,
    HEADER,
    NOW,
    ROW,
    SECRET,
    SENDER,
    Desk,
    kind_of,
    read,
    token,
)


def test_a_row_becomes_a_payment(desk: Desk) -> None:
    done = desk.read(ROW)
    (event,) = done.events
    assert done.faults == []
    assert (event.source, event.subject) == (
        "testbank",
        f"testbank:{token('account', 'testbank', '6222021234567890128')}",
    )
    assert event.id == token("transaction", "testbank", "t-1")
    assert event.time == datetime(2024, 1, 31, 4, tzinfo=UTC)
    data = done.payment()
    assert (data.kind, data.channel, str(data.amount), data.currency) == (
        "transfer", "mobile", "12.5", "CNY",
    )  # fmt: skip
    assert (data.reverses, data.channel_ref, data.quantity) == (None, None, None)


def test_no_account_number_is_in_any_event(desk: Desk) -> None:
    done = desk.read(ROW, ROW.replace("t-1", "t-2").replace(",,", ",t-1,ref-0001-2"))
    assert len(done.events) == 2
    assert not any(text in done.raw for text in ("6222021234567890128", "t-1", "t-2", "ref-0001"))


def test_other_keys_and_banks_give_other_accounts(desk: Desk) -> None:
    other_key = Sender("testbank", bank="testbank", key=Key(b"another key altogether"), reference_key=Key(SECRET))  # fmt: skip
    other_bank = Sender("otherbank", bank="otherbank", key=Key(SECRET), reference_key=Key(SECRET))
    subjects = {
        desk.read(ROW, sender=sender).events[0].subject.partition(":")[2]
        for sender in (SENDER, other_key, other_bank)
    }
    assert len(subjects) == 3


def test_the_same_file_gives_the_same_events(desk: Desk) -> None:
    rows = [ROW, ROW.replace("t-1", "t-2")]
    assert desk.read(*rows).raw == desk.read(*rows).raw


def test_a_reversal_names_the_id_of_the_row_that_it_undoes(desk: Desk) -> None:
    done = desk.read(ROW, ROW.replace("t-1", "t-9").replace(",,", ",t-1,"))
    assert done.payment(1).reverses == done.events[0].id


def test_one_behaviour_has_one_reference_at_all_banks(desk: Desk) -> None:
    row = ROW.removesuffix(",") + ",union-pay-0042"
    other = Sender("b2", bank="b2", key=Key(SECRET * 2), reference_key=SENDER.reference_key)
    found = [desk.read(row, sender=sender).payment().channel_ref for sender in (SENDER, other)]
    assert found[0] == found[1] == token("behaviour", "union-pay-0042", secret=SECRET[::-1])


def test_a_reference_that_is_hashed_already_stays(desk: Desk) -> None:
    text = BANK.replace("channel_ref: ref", "channel_ref: {column: ref, hashed: true}")
    sender = Sender("b", bank="testbank", key=Key(SECRET))
    done = desk.read(ROW + "a1b2c3", text=text, sender=sender)
    assert done.payment().channel_ref == "a1b2c3"


def test_codes_cases_and_what_is_left_over(desk: Desk) -> None:
    done = desk.read(ROW.replace(",01,", ",02,").replace("人民币", "美元"))
    assert (done.payment().kind, done.payment().channel) == ("purchase", "qr")
    assert done.payment().currency == "XXX"
    done = desk.read(ROW.replace(",01,", ", ,"))
    assert (done.payment().kind, done.payment().channel) == ("bill_water", "mobile")


def test_rows_that_are_no_behaviour_are_counted_by_reason(desk: Desk) -> None:
    rows = [
        ROW.replace(",D,", ",C,"),
        ROW.replace(",D,", ",CR ,"),
        ROW.replace("-12.5", "12.5"),
        ROW,
    ]
    done = desk.read(*rows)
    assert done.found.left_out == Counter({"credit": 2, "refund": 1})
    assert (done.found.rows, done.found.count, done.lines) == (4, 1, [5])


def test_every_fault_of_a_row_is_named_and_the_rest_goes_on(desk: Desk) -> None:
    wrong = "t-1,,20240231,X,07,five,人民币,,"
    done = desk.read(wrong, ROW, "short,row")
    assert done.said() == [
        "line 2, account: expected a value, the cell is blank",
        "line 2, day: expected a date like %Y%m%d, got '20240231'",
        "line 2, code: expected one of the codes '01', '02', ''; got '07'",
        "line 2, code+side: expected a case that fits; there is none for code '07', side 'X'",
        "line 2, amount: expected a number, got 'five'",
        "line 4, row: expected 9 columns, got 2",
    ]
    assert (done.found.faulty, done.found.count, done.lines) == (2, 1, [3])


def test_what_the_door_would_refuse_is_named_with_its_column(desk: Desk) -> None:
    text = BANK.replace(
        "column: currency, codes: {人民币: CNY}, otherwise: XXX", "column: currency"
    )
    assert "column: currency}" in text
    done = desk.read(
        ROW.replace("人民币", "yuan"), ROW.replace("2024", "1989"), ROW.replace("2024", "2027"), text=text
    )  # fmt: skip
    assert done.said() == [
        "line 2, currency: must have at most 3 characters",
        "line 3, day: time must lie in 1990 to 2100",
        "line 4, day: time must be at most 24 h ahead",
    ]
    assert done.found.count == 0


def test_a_message_repeats_no_number_of_a_person(desk: Desk) -> None:
    done = desk.read(ROW.replace(",01,", ",13800138000,").replace("-12.5", "6222021234567890128"))
    assert all("looks like a" in said for said in done.said())
    assert not any("13800138000" in said or "6222" in said for said in done.said())


def test_an_id_again(desk: Desk) -> None:
    other = ROW.replace("12.5", "13")
    done = desk.read(ROW, ROW, other, ROW.replace("t-1", "t-2"))
    assert done.said() == [
        "line 4, no: expected another value, or the same row: line 2 has it with other content"
    ]
    assert (done.found.repeated, done.found.faulty, done.lines) == (1, 1, [2, 5])
    assert done.found.count == done.found.events["transfer"] == 2


def test_a_column_that_is_not_there_refuses_the_file(desk: Desk) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        desk.read(ROW, header=HEADER.replace("side", "Seite").replace("ref", "Ref"))
    there = "no, account, day, Seite, code, amount, currency, undoes, Ref"
    assert str(refused.value).splitlines() == [
        f"line 1, side: the column is not there; the header has {there}",
        f"line 1, ref: the column is not there; the header has {there}",
    ]


def test_a_time_that_clocks_skip(desk: Desk) -> None:
    text = BANK.replace("12:00", "02:30") + "zone: Europe/Berlin\n"
    done = desk.read(ROW.replace("20240131", "20240331"), text=text)
    assert "2024-03-31 02:30:00 does not exist in Europe/Berlin" in done.said()[0]


def test_a_time_in_two_columns(desk: Desk) -> None:
    text = BANK.replace('{column: day, format: "%Y%m%d", at: "12:00"}', '{columns: [day, side], format: "%Y%m%d %H%M%S"}')  # fmt: skip
    done = desk.read(ROW.replace(",D,", ",080500,").replace(",01,", ",02,"), text=text)
    assert done.events[0].time == datetime(2024, 1, 31, 0, 5, tzinfo=UTC)


def test_debits_and_credits_in_columns_of_their_own(desk: Desk) -> None:
    text = BANK.replace("{reason: refund, positive: amount}", '{reason: credit, when: {amount: ["", "0.00"]}}')  # fmt: skip
    done = desk.read(ROW.replace("-12.5", ""), ROW.replace("-12.5", "0.00"), ROW, text=text)
    assert (dict(done.found.left_out), done.lines) == ({"credit": 2}, [4])


def test_nothing_goes_without_a_key(desk: Desk) -> None:
    mapping = desk.mapping(BANK)
    with pytest.raises(SenderError, match="account numbers are never posted"):
        check_sender(mapping, Sender("testbank", bank="testbank"))
    with pytest.raises(SenderError, match="a reference key, the same at all banks of the city"):
        check_sender(mapping, Sender("testbank", bank="testbank", key=Key(SECRET)))
    check_sender(mapping, SENDER)


def test_the_key_of_the_bank_is_not_shared_with_other_banks(desk: Desk) -> None:
    sender = Sender("testbank", bank="testbank", key=Key(SECRET), reference_key=Key(SECRET))
    with pytest.raises(SenderError, match="other banks know the reference key: expected another"):
        check_sender(desk.mapping(BANK), sender)


@pytest.mark.parametrize("raw", [b"", b"short", b"0" * 64, b"abababababababababab", b"x" * 5000])
def test_keys_that_protect_nobody(raw: bytes) -> None:
    with pytest.raises(KeyRefusedError, match="expected a"):
        key_of(raw)


def test_a_key_is_never_shown_and_ends_before_its_line_end() -> None:
    assert key_of(SECRET + b"\r\n") == Key(SECRET)
    assert "horse" not in repr(SENDER)


def test_an_account_that_a_spreadsheet_has_rounded_is_nobodys(desk: Desk) -> None:
    found = desk.read(ROW.replace("6222021234567890128", "6.22202E+18"))
    assert (found.found.count, found.said()) == (0, [
        "line 2, account: expected all digits of a number, got '6.22202E+18': a spreadsheet has "
        "rounded it: export the file again, with this column as text",
    ])  # fmt: skip


def test_a_file_that_changes_after_it_was_checked(desk: Desk) -> None:
    path = desk.folder / "t.csv"
    second = ROW.replace("t-1", "t-2")
    path.write_text("\n".join([HEADER, ROW, second]), encoding="utf-8")
    source = Source(path, desk.mapping(BANK), SENDER)
    found = survey(source, now=NOW, describe=kind_of, on_fault=print)
    drawn = events(source, found)
    next(drawn)
    path.write_text("\n".join([HEADER, ROW]), encoding="utf-8")
    for late in (drawn, events(source, found)):
        with pytest.raises(ImportRefusedError, match="has changed while it was read"):
            list(late)


@pytest.mark.parametrize("side", ["#N/A", "=A1"])
def test_a_row_that_may_be_one_to_leave_out_is_a_fault(side: str, desk: Desk) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(HEADER.split(","))
    book.active.append([*ROW.split(",")[:3], side, *ROW.split(",")[4:]])
    path = desk.folder / "t.xlsx"
    book.save(path)
    # Column `side` only tells what to leave out: with "02" the channel doesn't ask for it.
    mapping = desk.mapping(BANK.replace("csv: {}", "xlsx: {}").replace(", side: D", ""))
    found = read(Source(path, mapping, SENDER))
    assert (found.found.count, found.found.left_out.total()) == (0, 0)
    (said,) = found.said()
    assert said.startswith("line 2, side: expected a value, got ")


def test_what_has_no_value_fits_no_case(desk: Desk) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["no", "account", "day", "amount", "how"])
    book.active.append(["1", "a-1", "20240131", "5", "#N/A"])
    path = desk.folder / "t.xlsx"
    book.save(path)
    text = """\
event: payment
table: {xlsx: {}}
id: [no]
account: [account]
time: {column: day, format: "%Y%m%d"}
fields:
  kind: {constant: transfer}
  channel: {cases: [{when: {how: [手机, ""]}, word: mobile}], otherwise: counter}
  amount: amount
  currency: {constant: CNY}
"""
    assert read(Source(path, desk.mapping(text), SENDER)).said() == [
        "line 2, how: expected a value, got the error #N/A"
    ]


@pytest.mark.parametrize("mark", ["0", "-", "－", "", "无"])
def test_texts_that_stand_for_nothing(mark: str, desk: Desk) -> None:
    blank = 'blank: ["0", "-", 无]'
    text = BANK.replace("reverses: undoes", f"reverses: {{column: undoes, {blank}}}")
    text = text.replace("channel_ref: ref", f"channel_ref: {{column: ref, {blank}}}")
    text = text.replace("codes: {人民币", f"{blank}, codes: {{人民币")
    found = desk.read(f"t-1,a,20240131,D,01,-12.5,{mark},{mark},{mark}", text=text)
    payment = found.payment()
    assert (payment.reverses, payment.channel_ref, payment.currency) == (None, None, "XXX")
    found = desk.read("t-2,a,20240131,D,01,-12.5,人民币,t-1,r", text=text)
    payment = found.payment()
    assert payment.reverses == token("transaction", "testbank", "t-1")
    assert (payment.channel_ref is None, payment.currency) == (False, "CNY")


def test_a_value_that_must_be_there_and_stands_for_nothing(desk: Desk) -> None:
    text = BANK.replace("{column: amount, ", '{column: amount, blank: ["/"], ')
    found = desk.read(ROW.replace("-12.5", "/"), text=text)
    assert found.said() == ["line 2, amount: expected a value, the cell is blank"]


@settings(max_examples=20, deadline=None)
@given(
    rows=st.permutations([f"t-{n}" for n in range(6)]), columns=st.permutations(HEADER.split(","))
)
def test_the_order_of_rows_and_columns_changes_no_event(
    rows: list[str], columns: list[str]
) -> None:
    usual = HEADER.split(",")

    def content(desk: Desk, numbers: Sequence[str], names: Sequence[str]) -> dict[str, bytes]:
        cells = [dict(zip(usual, ROW.replace("t-1", n).split(","), strict=True)) for n in numbers]
        table = [",".join(row[name] for name in names) for row in cells]
        return {e.id: e.content for e in desk.read(*table, header=",".join(names)).events}

    with TemporaryDirectory() as folder:
        before = content(Desk(Path(folder)), rows[:3], columns)
        after = content(Desk(Path(folder)), sorted(rows), usual)
    assert (len(before), len(after)) == (3, 6)
    assert before.items() <= after.items()
