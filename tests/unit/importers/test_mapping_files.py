"""Mapping files: what they may say, and what is said when they don't."""

from pathlib import Path

import pytest

from tanzhang.importers.event_fields import event_fields
from tanzhang.importers.mapping_files import (
    SHIPPED,
    MappingError,
    find_mapping,
    read_mapping,
    shipped,
)

BANK = """\
event: payment
table: {csv: {}}
id: [no]
account: [account]
time: {column: day}
fields:
  kind: {column: what, codes: {T: transfer}}
  channel: {constant: online}
  amount: amount
  currency: {constant: CNY}
"""


def refusal(text: str, folder: Path) -> str:
    path = folder / "m.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        read_mapping(path)
    return str(refused.value)


def test_those_that_come_along() -> None:
    assert shipped() == ["berka", "farm_ledger"]
    events = {name: read_mapping(find_mapping(name)).event for name in shipped()}
    assert events == {"berka": "payment", "farm_ledger": "farm_record"}


def test_a_file_or_a_name(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(BANK)
    assert find_mapping(str(path)) == path
    with pytest.raises(MappingError, match=r"or one of berka, farm_ledger; got 'berks'"):
        find_mapping("berks")


def test_the_fields_are_those_of_the_event_type() -> None:
    kinds = {name: field.kind for name, field in event_fields("payment").items()}
    assert kinds == {
        "kind": "word", "channel": "word", "amount": "number", "currency": "text",
        "quantity": "number", "mcc": "text", "channel_ref": "text", "reverses": "named",
    }  # fmt: skip
    farm = event_fields("farm_record")
    assert (farm["start"].kind, farm["since"].kind, farm["paddy"].kind) == ("day", "whole", "flag")
    assert "source" in farm
    assert [name for name, field in farm.items() if field.required] == [
        "pathway", "parcel_id", "start", "end",
    ]  # fmt: skip


def test_scalars_are_codes_as_written(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(BANK.replace("{T: transfer}", "{01: transfer, no: purchase, 1e3: loan}"))
    assert list(read_mapping(path).fields["kind"].codes) == ["01", "no", "1e3"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("event: payment", "event: payments", "m.yaml:1: event: expected one of payment, farm_record, got 'payments'"),
        ("event: payment\n", "", "m.yaml:1: event: expected a value, it is missing"),
        ("id: [no]", "id: no", "m.yaml:3: id: expected a list, got text"),
        ("id: [no]", "id: []", "m.yaml:3: id: expected the columns that tell rows apart"),
        ("id: [no]", "ids: [no]", "m.yaml:3: ids: unknown key; expected one of event, table, id, fields"),
        ("table: {csv: {}}", "table: {}", "m.yaml:2: table: expected csv or xlsx, or both"),
        ("csv: {}", "csv: {separator: ;}", "m.yaml:2: table.csv.separator: unknown key; expected one of delimiter, quote"),
        ("csv: {}", 'csv: {delimiter: ";;"}', "m.yaml:2: table.csv.delimiter: expected one character"),
        ("csv: {}", "csv: {encoding: morse}", "table.csv.encoding: expected an encoding such as utf-8-sig or gb18030, got 'morse'"),
        ("csv: {}", "csv: {}, header: first", "m.yaml:2: table.header: expected a number, got text"),
        ("csv: {}", "csv: {}, header: 0", "m.yaml:2: table.header: expected the row of the column names"),
        ("csv: {}", "csv: {columns: [no]}", "m.yaml:2: table.csv.columns: expected `header: 0`"),
        ("account: [account]\n", "", "m.yaml:1: account: expected the columns of the bank's account"),
        ("time: {column: day}\n", "", "m.yaml:1: time: expected the time of the payment"),
        ("column: day", "column: day, format: yymmdd", "m.yaml:5: time.format: expected strptime formats, iso or excel; got 'yymmdd'"),
        ("column: day", "column: day, at: noon", "m.yaml:5: time.at: expected a time of the day such as 12:00, got 'noon'"),
        ("column: day", "column: day, plus: day", "m.yaml:5: time.plus: is for days only"),
        ("id: [no]", "id: [no]\nzone: Mars", "m.yaml:4: zone: expected a zone such as Asia/Shanghai, got 'Mars'"),
        ("id: [no]", "id: [no]\nfarm: {column: f}", "m.yaml:4: farm: is for farm_record only"),
        ("  amount: amount\n", "", "m.yaml:6: fields.amount: expected, the event needs it"),
        ("amount: amount", "amount: amount\n  price: p", "m.yaml:10: fields.price: no field of payment; expected one of kind, channel, amount"),
        ("amount: amount", "amount: [amount]", "m.yaml:9: fields.amount: expected keys and values, got a list"),
        ("amount: amount", "amount: {}", "m.yaml:9: fields.amount: expected one of column, columns, constant or cases"),
        ("amount: amount", "amount: {column: a, constant: '1'}", "m.yaml:9: fields.amount: expected one of column"),
        ("amount: amount", "amount: {column: a, decimal: ';'}", "m.yaml:9: fields.amount.decimal: expected . or ,"),
        ("amount: amount", "amount: {column: a, thousands: '.'}", "m.yaml:9: fields.amount.thousands: expected one other character"),
        ("amount: amount", "amount: {column: a, times: 0}", "m.yaml:9: fields.amount.times: expected a number above zero such as 0.5 or 1/15, got '0'"),
        ("amount: amount", "amount: {column: a, sign: minus}", "m.yaml:9: fields.amount.sign: expected one of plain, negated, absolute, got 'minus'"),
        ("amount: amount", "amount: {column: a, format: iso}", "m.yaml:9: fields.amount.format: is for dates only"),
        ("amount: amount", "amount: {constant: much}", "m.yaml:9: fields.amount: expected a number, got 'much'"),
        ("constant: CNY", "constant: CNY, times: 2", "m.yaml:10: fields.currency.times: is for numbers only"),
        ("constant: CNY", "column: c, hashed: yes", "m.yaml:10: fields.currency.hashed: expected"),
        ("constant: CNY", "column: c, hashed: true", "m.yaml:10: fields.currency.hashed: is for channel_ref only"),
        ("T: transfer", "T: payment", "m.yaml:7: fields.kind.codes.T: expected one of transfer, bill_electricity"),
        ("T: transfer", "T: transfer, Ｔ: loan", "m.yaml:7: fields.kind.codes.Ｔ: expected once"),
        ("T: transfer", "T: transfer, T: loan", "m.yaml:7: fields.kind.codes.T: expected once, it is here twice"),
        ("constant: online", "constant: line", "m.yaml:8: fields.channel.constant: expected one of online, mobile"),
        ("constant: online", "column: c, otherwise: online", "m.yaml:8: fields.channel.otherwise: expected codes or cases"),
        ("constant: online", "cases: [{word: online}]", "m.yaml:8: fields.channel.cases.0.when: expected a value"),
        ("constant: online", "cases: [{when: {}, word: online}]", "m.yaml:8: fields.channel.cases.0.when: expected columns"),
        ("constant: online", "cases: [{when: {a: {}}, word: online}]", "m.yaml:8: fields.channel.cases.0.when: expected text or a list"),
        ("amount: amount", "amount: amount\n  reverses: {columns: [a, b]}", "m.yaml:10: fields.reverses: expected as many columns as `id` has (1)"),
        ("id: [no]", "id: [no]\nskip: [{reason: r}]", "m.yaml:4: skip.0: expected when, positive or negative"),
        ("id: [no]", "id: [no]\nskip: [{reason: r, positive: kind}]", "m.yaml:4: skip.0.positive: expected a number field of this mapping"),
        ("event: payment", "event: &e payment\nname: *e", "m.yaml:2: references (*) are not taken"),
        ("event: payment", "event: [payment", "not YAML"),
        ("constant: CNY", "constant: CNY, blank: ['-']", "m.yaml:10: fields.currency.blank: expected a column beside it"),
        ("event: payment", "event: payment\n? [a]\n: b", "m.yaml:2: expected a text before the colon"),
        ("csv: {}", "csv: {encoding: undefined}", "m.yaml:2: table.csv.encoding: expected an encoding"),
        ("csv: {}", "csv: {encoding: unicode_escape}", "m.yaml:2: table.csv.encoding: expected an encoding"),
        ("csv: {}", 'csv: {encoding: "a\\0"}', "m.yaml:2: table.csv.encoding: expected an encoding"),
        ("csv: {}", 'csv: {quote: "\\n"}', "m.yaml:2: table.csv.quote: expected one character, or none"),
        ("constant: online", "cases: [{when: {a: []}, word: online}]", "m.yaml:8: fields.channel.cases.0.when.a: expected a text or several"),
        ("id: [no]", "id: [no]\nskip: [{reason: r, when: {a: []}}]", "m.yaml:4: skip.0.when.a: expected a text or several"),
        ("amount: amount", "amount: amount\n  reverses: {column: r, codes: {'0': ''}}", "m.yaml:10: fields.reverses.codes: has none"),
        ("amount: amount", "amount: {column: a, decimal: ',', codes: {x: '0.5'}}", "m.yaml:9: fields.amount: expected a number such as 1234,5, got '0.5'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_and_key(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    assert old in BANK
    assert message in refusal(BANK.replace(old, new, 1), tmp_path)


@pytest.mark.parametrize("text", ["", "- a\n", "payment\n"])
def test_what_is_no_mapping_at_all(text: str, tmp_path: Path) -> None:
    assert "expected keys and values" in refusal(text, tmp_path)


def test_a_mapping_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes("event: 碳账".encode("gb18030"))
    with pytest.raises(MappingError, match=r"m\.yaml: expected UTF-8, byte 9 is none"):
        read_mapping(path)


def test_a_farm_mapping_has_no_account(tmp_path: Path) -> None:
    text = "event: farm_record\ntable: {csv: {}}\nid: [n]\naccount: [a]\nfields: {unit: u}\n"
    assert "m.yaml:4: account: is for payment only" in refusal(text, tmp_path)


def test_the_example_that_is_explained(tmp_path: Path) -> None:
    explained = (SHIPPED.parent / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "m.yaml"
    path.write_text(explained.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    mapping = read_mapping(path)
    assert (mapping.account, list(mapping.fields)) == (
        ("账号",),
        ["kind", "channel", "amount", "currency", "reverses"],
    )


FARM = """\
event: farm_record
table: {csv: {}}
farm: {column: farm}
id: [no]
fields:
  pathway: {constant: soil_carbon}
  parcel_id: parcel
  start: first
  end: last
  since: {constant: "2020"}
"""


def test_a_year_may_stand_in_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(FARM)
    assert read_mapping(path).fields["since"].constant == "2020"
    assert "m.yaml:10: fields.since.constant: expected a whole number, got 'soon'" in refusal(
        FARM.replace("2020", "soon"), tmp_path
    )
    moved = FARM.replace('{constant: "2020"}', "{column: since, plus: year}")
    assert "m.yaml:10: fields.since.plus: is for days only" in refusal(moved, tmp_path)
