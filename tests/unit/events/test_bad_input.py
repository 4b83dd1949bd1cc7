"""Whatever is wrong, the sender learns which field and what was expected."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.envelope import EventError, decode

Sample = Callable[..., dict[str, Any]]
NAUGHTY = Path(__file__).resolve().parents[4] / "shared/data/hostile/blns/blns.json"
CITIZEN = "11010519491231002X"


def refusal(raw: bytes) -> EventError:
    with pytest.raises(EventError) as refused:
        decode(raw, strict=True)
    return refused.value


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"", "not-json"),
        (b"{", "not-json"),
        (b"[]", "wrong-type"),
        (b"null", "wrong-type"),
        (b"\xff", "not-json"),
        (b'{"id":"\\ud800\\u0041"}', "not-json"),
        (b'{"x":"\xff"}', "not-json"),
        (b"[" * 60_000, "wrong-type"),
        (b'{"x":' + b"[" * 60_000, "not-json"),
        (b" " * 65_537, "too-large"),
    ],
)
def test_what_is_no_event(raw: bytes, name: str) -> None:
    assert refusal(raw).name == name


@pytest.mark.parametrize(
    ("changes", "name", "pointer", "detail"),
    [
        ({"specversion": "0.3"}, "wrong-specversion", "/specversion", '"1.0"'),
        ({"id": ...}, "missing-field", "/id", "is required"),
        ({"id": ""}, "missing-field", "/id", "must not be empty"),
        ({"id": 5}, "wrong-type", "/id", "must be text, not int"),
        ({"id": "x" * 129}, "too-long", "/id", "at most 128"),
        ({"id": "a\x00"}, "wrong-format", "/id", "control characters"),
        ({"source": "x" * 257}, "too-long", "/source", "at most 256"),
        ({"subject": ...}, "missing-field", "/subject", "is required"),
        ({"type": "x"}, "unknown-type", "/type", "cn.tanzhang.payment.v1"),
        ({"time": "2020-01-01T00:00:00"}, "wrong-format", "/time", "RFC 3339 time with an offset"),
        ({"time": "yesterday"}, "wrong-format", "/time", "RFC 3339 time with an offset"),
        ({"time": 5}, "wrong-format", "/time", "RFC 3339 time with an offset"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "out-of-range", "/time", "1990 to 2100"),
        ({"time": ...}, "missing-field", "/time", "is required"),
        ({"datacontenttype": "text/xml"}, "unsupported-data", "/datacontenttype", "json"),
        *(
            ({"datacontenttype": wrong}, "unsupported-data", "/datacontenttype", "in UTF-8")
            for wrong in (
                *("application/json; charset=gbk", "application/json-seq", ""),
                'application/json; x=1; charset="latin1"',
            )
        ),
        ({"data": ..., "data_base64": "e30="}, "unsupported-data", "/data_base64", "in data"),
        ({"data_base64": "e30="}, "unsupported-data", "/data_base64", "in data"),
        ({"data": []}, "wrong-type", "/data", "must be a JSON object"),
        ({"data": "{}"}, "wrong-type", "/data", "must be a JSON object"),
        ({"data": None}, "wrong-type", "/data", "must be a JSON object"),
        ({"data": {"a/b~c": 1}}, "unknown-field", "/data/a~1b~0c", "known: kind, channel"),
        ({"data": {"kind": ...}}, "missing-field", "/data/kind", "is required"),
        ({"data": {"kind": "tip"}}, "unknown-word", "/data/kind", "one of: transfer, bill_elect"),
        ({"data": {"channel": "fax"}}, "unknown-word", "/data/channel", "nfc, auto_debit"),
        ({"data": {"amount": True}}, "wrong-type", "/data/amount", "must be decimal, not bool"),
        ({"data": {"amount": "ten"}}, "wrong-format", "/data/amount", "plain decimal"),
        ({"data": {"amount": "NaN"}}, "wrong-format", "/data/amount", "plain decimal"),
        ({"data": {"amount": "Infinity"}}, "wrong-format", "/data/amount", "plain decimal"),
        ({"data": {"amount": "1_0"}}, "wrong-format", "/data/amount", "plain decimal"),
        ({"data": {"amount": " 10"}}, "wrong-format", "/data/amount", "plain decimal"),
        ({"data": {"amount": "１０"}}, "wrong-format", "/data/amount", "plain decimal"),
        ({"data": {"amount": "1e999999"}}, "out-of-range", "/data/amount", "below 1e15"),
        ({"data": {"amount": "0e999999"}}, "out-of-range", "/data/amount", "below 1e15"),
        ({"data": {"amount": "1e-999999"}}, "out-of-range", "/data/amount", "12 decimal places"),
        ({"data": {"amount": "1e15"}}, "out-of-range", "/data/amount", "below 1e15"),
        ({"data": {"amount": "0.0000000000001"}}, "out-of-range", "/data/amount", "12 decimal"),
        ({"data": {"amount": "1." + "0" * 33 + "1"}}, "out-of-range", "/data/amount", "12 decimal"),
        ({"data": {"amount": "-0.01"}}, "out-of-range", "/data/amount", "negative"),
        ({"data": {"currency": "cny"}}, "wrong-format", "/data/currency", "three capital"),
        ({"data": {"mcc": "54"}}, "wrong-format", "/data/mcc", "four digits"),
        ({"data": {"reverses": "e-1"}}, "wrong-target", "/data/reverses", "another event"),
        ({"data": {"kind": "walking"}}, "missing-field", "/data/quantity", "is required"),
        ({"data": {"quantity": -1}}, "out-of-range", "/data/quantity", "negative"),
        ({"subject": "jsrcb:short"}, "wrong-identifier", "/subject", "<bank>:<token>"),
    ],
)
def test_payment(
    sample: Sample, changes: dict[str, Any], name: str, pointer: str, detail: str
) -> None:
    error = refusal(msgspec.json.encode(sample("payment", **changes)))
    assert (error.name, error.errors[0].pointer) == (name, pointer)
    assert detail in error.errors[0].detail


def test_numbers_beyond_any_float_are_refused_at_once() -> None:
    for number in (b"1e999999", b"1e-999999", b"9" * 60_000, b"-1e15"):
        data = b'{"kind":"loan","channel":"qr","currency":"CNY","amount":' + number + b"}"
        head = b'"specversion":"1.0","id":"1","source":"s","type":"cn.tanzhang.payment.v1"'
        tail = b'"subject":"bank:abcdefgh","time":"2020-01-01T00:00:00Z"'
        error = refusal(b'{"data":' + data + b"," + head + b"," + tail + b"}")
        assert (error.name, error.errors[0].pointer) == ("out-of-range", "/data/amount")


@pytest.mark.parametrize(
    ("alias", "data", "name", "pointer", "detail"),
    [
        ("meter", {"start": ...}, "missing-field", "/data/start", "is required"),
        ("meter", {"kind": "register"}, "unexpected-field", "/data/start", "register"),
        ("meter", {"exchange": "final"}, "unexpected-field", "/data/exchange", "register"),
        ("meter", {"exchange": "swapped"}, "unknown-word", "/data/exchange", "final, initial"),
        ("meter", {"end": "2020-01-01T00:00:00+08:00"}, "wrong-order", "/data/end", "after start"),
        ("meter", {"end": "2021-01-02T00:00:00+08:00"}, "out-of-range", "/data/end", "366 days"),
        ("meter", {"end": "2020-01-01T00:15:00"}, "wrong-format", "/data/end", "offset"),
        ("meter", {"start": "1989-01-01T00:00:00Z"}, "out-of-range", "/data/start", "1990"),
        ("meter", {"value": -1}, "out-of-range", "/data/value", "negative"),
        ("meter", {"unit": "kwh"}, "unknown-word", "/data/unit", "Wh, kWh, MWh"),
        ("meter", {"quality": "good"}, "unknown-word", "/data/quality", "actual, estimated"),
        ("meter", {"meter_id": " "}, "missing-field", "/data/meter_id", "empty"),
        ("meter", {"meter_id": "13800138000"}, "personal-identifier", "/data/meter_id", "mobile"),
        ("meter", {"evidence": "x" * 513}, "too-long", "/data/evidence", "at most 512"),
        ("meter", {"replaces": "e-1"}, "wrong-target", "/data/replaces", "another event"),
        ("farm", {"parcel_id": "p-1 "}, "wrong-format", "/data/parcel_id", "no space"),
        ("production", {"start": "1.1.2020"}, "wrong-format", "/data/start", "2020-01-31"),
        ("production", {"start": "2020-02-30"}, "wrong-format", "/data/start", "2020-01-31"),
        (
            "production",
            {"start": "2020-01-01T01:00:00+08:00"},
            "wrong-format",
            "/data/start",
            "mid",
        ),
        (
            "production",
            {"start": "0001-01-01T00:00:00+14:00"},
            "wrong-format",
            "/data/start",
            "mid",
        ),
        ("production", {"end": "2020-01-01"}, "wrong-order", "/data/end", "after start"),
        ("production", {"end": "2200-01-01"}, "out-of-range", "/data/end", "1990 to 2100"),
        ("production", {"quantity": -1}, "out-of-range", "/data/quantity", "negative"),
        ("economic", {"unit": "CNY"}, "unknown-word", "/data/unit", "1e4CNY"),
        ("process", {"purity": "1.1"}, "out-of-range", "/data/purity", "0 to 1"),
        ("process", {"content": {"a/b": 2}}, "out-of-range", "/data/content/a~1b", "0 to 1"),
        ("process", {"content": {"": 1}}, "missing-field", "/data/content", "empty"),
        ("process", {"content": {"CaO": "x"}}, "wrong-format", "/data/content", "plain decimal"),
        ("process", {"content": {"CaO": "NaN"}}, "wrong-format", "/data/content/CaO", "decimal"),
        (
            "process",
            {"content": {f"c{n}": 0 for n in range(21)}},
            "out-of-range",
            "/data/content",
            "20",
        ),
        ("process", {"unit": "lb"}, "unknown-word", "/data/unit", "kg, t"),
        ("farm", {"pathway": "biochar"}, "unknown-word", "/data/pathway", "straw_return"),
        ("farm", {"area_ha": ...}, "missing-field", "/data/area_ha", "is required"),
        ("farm", {"area_ha": 0}, "out-of-range", "/data/area_ha", "0.0001 to"),
        (
            "farm",
            {"heads": 5},
            "unexpected-field",
            "/data/heads",
            "area_ha, straw_kg_per_ha, paddy",
        ),
        ("farm", {"start": "2019-12-01", "end": "2020-02-01"}, "out-of-range", "/data/end", "year"),
        ("farm", {"since": "2019"}, "wrong-type", "/data/since", "must be int, not text"),
    ],
)
def test_other_inputs(
    sample: Sample, alias: str, data: dict[str, Any], name: str, pointer: str, detail: str
) -> None:
    error = refusal(msgspec.json.encode(sample(alias, data=data)))
    assert (error.name, error.errors[0].pointer) == (name, pointer)
    assert detail in error.errors[0].detail


def test_missing_and_unknown_fields_are_listed_together(sample: Sample) -> None:
    missing = refusal(msgspec.json.encode(sample("payment", data={"kind": ..., "amount": ...})))
    assert [e.pointer for e in missing.errors] == ["/data/kind", "/data/amount"]
    unknown = refusal(msgspec.json.encode(sample("payment", data={"x": 1, "y": 2})))
    assert [e.pointer for e in unknown.errors] == ["/data/x", "/data/y"]
    straw: dict[str, Any] = {"area_ha": ..., "straw_kg_per_ha": ...}
    manure = refusal(
        msgspec.json.encode(sample("farm", data=straw | {"pathway": "manure_utilisation"}))
    )
    assert manure.detail == (
        "missing: /data/animal, /data/heads, /data/system_before, /data/system_after"
    )


SOIL = {
    "soil": "LAC",
    "land_use": "perennial",
    "tillage_before": "full",
    "tillage_after": "full",
    "input_before": "medium",
    "input_after": "high_manure",
}
STOCKS = {"stock_before_t_per_ha": 30, "stock_after_t_per_ha": 31, "stock_years": 5}


@pytest.mark.parametrize("given", [SOIL, STOCKS, SOIL | {"since": 2018}, STOCKS | {"since": 2018}])
def test_soil_by_defaults_or_by_stocks(sample: Sample, given: dict[str, Any]) -> None:
    data = {"pathway": "soil_carbon", "straw_kg_per_ha": ...} | given
    event = decode(msgspec.json.encode(sample("farm", data=data)), strict=True)
    assert event.subject == "farm:sanyiyi"


def test_soil_not_by_both(sample: Sample) -> None:
    data = {"pathway": "soil_carbon", "straw_kg_per_ha": ...} | SOIL | STOCKS
    error = refusal(msgspec.json.encode(sample("farm", data=data)))
    assert (error.name, len(error.errors)) == ("unexpected-field", len(SOIL))


@pytest.mark.parametrize(
    ("alias", "changes"),
    [
        ("payment", {"subject": f"jsrcb:{CITIZEN}"}),
        ("payment", {"subject": "jsrcb:13800138000"}),
        ("payment", {"subject": "jsrcb:6222021234567890128"}),
        ("payment", {"id": f"pay-{CITIZEN}"}),
        ("payment", {"source": "tel:+8613800138000"}),
        ("payment", {"data": {"channel_ref": "4111 1111 1111 1111"}}),
        ("payment", {"data": {"reverses": "１３８００１３８０００"}}),
        ("meter", {"subject": CITIZEN}),
        ("meter", {"data": {"replaces": CITIZEN.lower()}}),
        ("meter", {"id": "4111111111111111"}),
        ("farm", {"subject": "farm:13800138000"}),
        ("farm", {"data": {"parcel_id": "138 0013 8000"}}),
        ("farm", {"data": {"evidence": f"scan/{CITIZEN}.pdf"}}),
    ],
)
def test_persons_are_not_named_and_not_repeated(
    sample: Sample, alias: str, changes: dict[str, Any]
) -> None:
    error = refusal(msgspec.json.encode(sample(alias, **changes)))
    text = f"{error} {error.errors}"
    assert error.name == "personal-identifier"
    assert not any(part in text for part in ("1380", "0013", "4949", "4111", "6222", "19491231"))


def test_no_error_repeats_what_was_sent(sample: Sample) -> None:
    for data in ({"kind": CITIZEN}, {"amount": CITIZEN}, {"currency": CITIZEN}, {"mcc": CITIZEN}):
        error = refusal(msgspec.json.encode(sample("payment", data=data)))
        assert CITIZEN not in f"{error} {error.errors}"


def test_personal_names_of_unknown_fields_are_not_repeated(sample: Sample) -> None:
    error = refusal(msgspec.json.encode(sample("payment", data={CITIZEN: 1})))
    assert CITIZEN not in f"{error} {error.errors}"


def naughty() -> Iterator[str]:
    if not NAUGHTY.exists():
        pytest.skip(f"no {NAUGHTY.name}: the outside data is not beside the project")
    yield from msgspec.json.decode(NAUGHTY.read_bytes())


PLACES = [("id",), ("source",), ("subject",), ("type",), ("time",), ("specversion",), ("data",)] + [
    ("data", name) for name in ("kind", "amount", "currency", "mcc", "reverses", "channel_ref")
]


def test_naughty_strings_break_nothing(sample: Sample) -> None:
    taken = 0
    for text in naughty():
        for raw in (text.encode(), base64.b64encode(text.encode())):
            assert refusal(raw).name
        for place in PLACES:
            event = sample("payment")
            (event if len(place) == 1 else event["data"])[place[-1]] = text
            taken += _survives(msgspec.json.encode(event))
        taken += _survives(msgspec.json.encode(sample("process", data={"content": {text: "0.1"}})))
    assert taken > 100


def _survives(raw: bytes) -> bool:
    try:
        event = decode(raw, strict=True)
    except EventError as error:
        assert error.detail
        return False
    assert decode(raw, strict=False).content == event.content
    return True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["1e9999", "register"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([place[-1] for place in PLACES]), JSON), JSON, st.binary())
def test_nothing_but_event_errors(changes: dict[str, Any], data: Any, junk: bytes) -> None:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "cn.tanzhang.meter.reading.v1",
        "subject": "91350100M000100Y43",
        "data": data,
    } | changes
    for raw in (msgspec.json.encode(event), junk):
        for strict in (True, False):
            try:
                decode(raw, strict=strict)
            except EventError as error:
                assert error.detail
