"""Events come in: what is read, what counts as the same, what consumers tolerate."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.envelope import EventError, Outgoing, decode, encode
from shared.events.ids import derived_id, event_key, state_id
from shared.events.types import Payment, PersonalReduction
from shared.units.calendar import CITY

Sample = Callable[..., dict[str, Any]]
BANK = "jsrcb:a8f5f167f44f4964"
AT = datetime(2020, 3, 1, 0, 30, tzinfo=UTC)


def raw_payment(amount: str = "150.50", extra: str = "", space: str = "") -> bytes:
    data = f'{{"kind":"transfer",{space}"channel":"mobile","amount":{amount},"currency":"CNY"}}'
    head = '"specversion":"1.0","id":"e-1","source":"urn:test","type":"cn.tanzhang.payment.v1"'
    tail = f'"subject":"{BANK}","time":"2020-03-01T08:30:00+08:00"{extra}'
    return f'{{"data":{data},{space}{head},{tail}}}'.encode()


def test_every_input_type_is_read_strictly(sample: Sample, aliases: list[str]) -> None:
    for alias in aliases:
        body = sample(alias)
        raw = msgspec.json.encode(body)
        event = decode(raw, strict=True)
        assert (event.type, event.subject, event.raw) == (body["type"], body["subject"], raw)
        assert event.key == event_key("urn:test", "e-1")
        assert (len(event.key), len(event.content)) == (16, 8)


def test_a_payment_is_typed() -> None:
    event = decode(raw_payment(), strict=True)
    assert event.data == Payment(
        kind="transfer", channel="mobile", amount=Decimal("150.50"), currency="CNY"
    )
    assert event.time == AT
    assert event.target() is None


def test_the_target_is_of_the_same_source(sample: Sample) -> None:
    payment = decode(msgspec.json.encode(sample("payment", data={"reverses": "e-0"})), strict=True)
    reading = decode(msgspec.json.encode(sample("meter", data={"replaces": "e-0"})), strict=True)
    assert payment.target() == reading.target() == event_key("urn:test", "e-0")


@pytest.mark.parametrize(
    ("amount", "same"),
    [
        ("1.5", '"1.50"'),
        ("1.50", "1.5"),
        ("1E+3", "1000"),
        ('"1e3"', "1000.0"),
        ("0", "-0.0"),
        ("0.1", "1e-1"),
    ],
)
def test_spelling_of_amounts_does_not_count(amount: str, same: str) -> None:
    first, second = (decode(raw_payment(text), strict=True) for text in (amount, same))
    assert first.content == second.content


@pytest.mark.parametrize(
    "other",
    [
        raw_payment(extra=',"traceparent":"00-ab"'),
        raw_payment(space=" \n\t"),
        raw_payment(extra=',"datacontenttype":"application/json"'),
        raw_payment(amount='150.50,"mcc":null'),
        raw_payment().replace(b"08:30:00+08:00", b"00:30:00Z"),
        raw_payment().replace(b'"kind":"transfer"', b'"kind":"transf\\u0065r"'),
    ],
)
def test_formatting_extensions_and_nulls_do_not_count(other: bytes) -> None:
    assert decode(other, strict=True).content == decode(raw_payment(), strict=True).content


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json; charset=utf-8", 'APPLICATION/JSON ;Charset="UTF-8"'),
        *("application/json;charset=utf8", "application/json; charset=us-ascii"),
        *("application/json;", "application/json; odata=verbose; charset=utf-8"),
    ],
)
def test_json_is_json_whatever_else_its_type_says(sample: Sample, content_type: str) -> None:
    body = sample("payment", datacontenttype=content_type)
    assert decode(msgspec.json.encode(body), strict=True).id == body["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "jsrcb:b8f5f167f44f4964"},
        {"time": "2020-03-01T08:30:01+08:00"},
        {"data": {"amount": "150.51"}},
        {"data": {"mcc": "5411"}},
        {"data": {"channel_ref": "5411"}},
    ],
)
def test_what_is_said_counts(sample: Sample, change: dict[str, Any]) -> None:
    first = decode(msgspec.json.encode(sample("payment")), strict=True)
    other = decode(msgspec.json.encode(sample("payment", **change)), strict=True)
    assert first.key == other.key
    assert first.content != other.content


def test_a_day_is_the_midnight_it_begins_with(sample: Sample) -> None:
    day = sample("production", data={"start": "2020-01-01", "end": "2020-02-01"})
    midnight = sample(
        "production", data={"start": "2019-12-31T16:00:00Z", "end": "2020-02-01T00:00:00+08:00"}
    )
    first, second = (decode(msgspec.json.encode(e), strict=True) for e in (day, midnight))
    assert first.content == second.content


def test_a_midnight_is_that_of_the_city(sample: Sample) -> None:
    raw = msgspec.json.encode(
        sample("production", data={"start": "2020-01-01T00:00:00-05:00", "end": "2020-02-01"})
    )
    assert decode(raw, strict=True, zone=ZoneInfo("America/New_York"))
    with pytest.raises(EventError, match=r"/data/start must be a date .*, or midnight of the city"):
        decode(raw, strict=True)


def test_shares_are_compared_by_name(sample: Sample) -> None:
    contents = {
        decode(
            msgspec.json.encode(sample("process", data={"content": shares})), strict=True
        ).content
        for shares in ({"CaO": "0.5", "MgO": 0.1}, {"MgO": "0.10", "CaO": 0.50})
    }
    assert len(contents) == 1


@given(
    st.permutations(["kind", "channel", "amount", "currency"]), st.integers(0, 10**12), st.data()
)
def test_order_and_decimal_form_never_count(order: list[str], cents: int, data: Any) -> None:
    value = Decimal(cents).scaleb(-2)
    spellings = [format(value, "f"), f"{value:.5f}", f"{value:E}", f'"{value}"', f'"{value:E}"']
    spelling = data.draw(st.sampled_from(spellings))
    words = {"kind": '"loan"', "channel": '"qr"', "currency": '"CNY"', "amount": spelling}
    members = ", ".join(f'"{name}": {words[name]}' for name in order)
    head = raw_payment().decode().partition("},")[2]
    event = decode(f'{{"data":{{{members}}},{head}'.encode(), strict=True)
    plain = Payment(kind="loan", channel="qr", amount=value, currency="CNY")
    again = decode(
        encode(Outgoing(event.type, event.subject, event.id, event.source, AT, plain)), strict=True
    )
    assert (event.key, event.content, event.data) == (again.key, again.content, again.data)


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14),
    st.datetimes(
        timezones=st.timezones(), min_value=datetime(1990, 1, 2), max_value=datetime(2100, 1, 1)
    ),
    st.text(min_size=1),
)
def test_outputs_survive_the_way(grams: Decimal, at: datetime, cause: str) -> None:
    data = PersonalReduction(
        epoch=1, sequence=7, scenario="transfer", reduction_g=grams, occurred_at=at,
        capped=False, factor_set="2026", cause=cause,
    )  # fmt: skip
    sent = Outgoing("cn.tanzhang.personal.reduction.v1", BANK, "o-1", "urn:out", at, data)
    event, utc = decode(encode(sent), strict=False), at.astimezone(UTC)
    assert isinstance(event.data, PersonalReduction)
    assert (event.data.reduction_g, event.data.occurred_at, event.time) == (grams, utc, utc)
    assert event.data.cause == cause


def test_outgoing_decimals_are_plain_strings_and_times_utc() -> None:
    data = PersonalReduction(
        epoch=0, sequence=1, scenario="transfer", reduction_g=Decimal("1E+3"), capped=False,
        occurred_at=AT.astimezone(), factor_set="2026", cause="c",
    )  # fmt: skip
    sent = Outgoing("cn.tanzhang.personal.reduction.v1", BANK, "o-1", "urn:out", AT, data)
    assert msgspec.json.decode(encode(sent)) == {
        "specversion": "1.0",
        "id": "o-1",
        "source": "urn:out",
        "type": "cn.tanzhang.personal.reduction.v1",
        "subject": BANK,
        "time": "2020-03-01T00:30:00Z",
        "datacontenttype": "application/json",
        "data": {
            "epoch": 0,
            "sequence": 1,
            "scenario": "transfer",
            "reduction_g": "1000",
            "occurred_at": "2020-03-01T00:30:00Z",
            "capped": False,
            "factor_set": "2026",
            "cause": "c",
        },
    }
    assert sent.topic == "personal-reductions"


@pytest.mark.parametrize("grams", ["1E+3", "0E-7", "-1E-9", "23.096"])
def test_outputs_have_neither_exponents_nor_offsets(grams: str) -> None:
    at = datetime(2020, 3, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))
    data = PersonalReduction(
        epoch=0, sequence=1, scenario="transfer", reduction_g=Decimal(grams), capped=False,
        occurred_at=at, factor_set="2026", cause="c",
    )  # fmt: skip
    sent = Outgoing("cn.tanzhang.personal.reduction.v1", BANK, "o-1", "urn:out", at, data)
    written = msgspec.json.decode(encode(sent))
    assert written["data"]["reduction_g"] == format(Decimal(grams), "f")
    assert written["time"] == written["data"]["occurred_at"] == "2020-03-01T00:30:00Z"


def test_consumers_ignore_unknown_fields_and_the_door_does_not(sample: Sample) -> None:
    raw = msgspec.json.encode(sample("payment", data={"colour": "red"}))
    known = decode(msgspec.json.encode(sample("payment")), strict=False)
    assert decode(raw, strict=False).content == known.content
    with pytest.raises(EventError, match="/data/colour"):
        decode(raw, strict=True)


@pytest.mark.parametrize("amount", ['"NaN"', '"sNaN"', '"-Infinity"', "1e999999", "1e-999999"])
def test_consumers_survive_what_no_door_lets_in(amount: str) -> None:
    assert decode(raw_payment(amount), strict=False).content
    with pytest.raises(EventError, match="/data/amount"):
        decode(raw_payment(amount), strict=True)


def test_the_door_takes_no_outputs(sample: Sample) -> None:
    raw = msgspec.json.encode(sample("payment", type="cn.tanzhang.personal.erased.v1"))
    with pytest.raises(EventError, match=r"one of: cn\.tanzhang\.meter\.reading\.v1") as refused:
        decode(raw, strict=True)
    assert refused.value.name == "unknown-type"


def test_a_payment_may_be_a_day_ahead_at_most() -> None:
    assert decode(raw_payment(), strict=True, now=AT - timedelta(hours=24)).time == AT
    with pytest.raises(EventError, match="24 h ahead"):
        decode(raw_payment(), strict=True, now=AT - timedelta(hours=24, microseconds=1))


@pytest.mark.parametrize("alias", ["meter", "production", "economic", "process", "farm"])
def test_what_is_told_of_days_to_come_is_refused(sample: Sample, alias: str) -> None:
    """A reading is of what is over, other things have begun; a clock may be a day slow."""
    field = "end" if alias == "meter" else "start"
    at = datetime.fromisoformat(sample(alias)["data"][field])
    begins = at if at.tzinfo else datetime.combine(at, time(), CITY)
    raw = msgspec.json.encode(sample(alias))
    assert decode(raw, strict=True, now=begins - timedelta(hours=24))
    with pytest.raises(EventError, match="must be at most 24 h ahead") as refused:
        decode(raw, strict=True, now=begins - timedelta(hours=24, microseconds=1))
    assert [error.pointer for error in refused.value.errors] == [f"/data/{field}"]


def test_derived_ids_stay_what_they_are() -> None:
    key = event_key("urn:test", "e-1")
    assert key.hex() == "26e9cff2ac0762ac9d9e4579a390a835"
    assert (
        derived_id("cn.tanzhang.personal.reduction.v1", key.hex(), "0")
        == "0341161e-e195-5448-aa69-81fd87d1d8f4"
    )
    assert (
        state_id("industrial-accounts", "91350100M000100Y43", 2020, 1, 7)
        == "90698787-d8df-5d93-ad20-5848a43f7b63"
    )
    assert derived_id("a", "b") != derived_id("ab")
    assert decode(raw_payment(), strict=True).content.hex() == "5b19b75b278e9a6c"


CONTENTS = {
    "meter": "cc9915597db47978",
    "production": "74f9623ed7c99bd5",
    "economic": "400279cf51b8d2ed",
    "process": "0012be617e90e94c",
    "farm": "c5b532ca5260ffd9",
    "payment": "5b19b75b278e9a6c",
}


def test_contents_stay_what_they_are(sample: Sample, aliases: list[str]) -> None:
    """Ledgers hold them: with another hash every repeat would be a conflict."""
    raws = {alias: msgspec.json.encode(sample(alias)) for alias in aliases}
    found = {alias: decode(raw, strict=True).content.hex() for alias, raw in raws.items()}
    assert found == CONTENTS


LABEL = {
    "epoch": 1, "sequence": 2, "year": 2020, "label": "red", "ratio": "1.50",
    "dimensions": {"energy": "red"}, "reason": {"en": "x", "zh": "高"}, "rule_version": "1",
    "policy": {"en": "y"}, "valid_until": "2021-03-01T08:00:00+08:00",
    "current": {"year": 2020, "label": "red", "valid_until": "2021-03-01T00:00:00Z"},
}  # fmt: skip
ACCOUNT = {
    "epoch": 1, "sequence": 2, "year": 2020, "sector": "s", "district": "d", "product": "p",
    "product_unit": "t", "energy_t": "1.50", "process_t": 0, "avoided_t": "0.0", "total_t": "1.5",
    "output": "1E+3", "value_added_1e4cny": 1, "months_energy": 12, "months_output": 12,
    "quality": {"actual": "1.0"}, "factor_sets": ["2020"],
}  # fmt: skip
REDUCTION = {
    "epoch": 1, "sequence": 2, "scenario": "transfer", "reduction_g": "-23.0960",
    "occurred_at": "2020-03-01T08:30:00+08:00", "capped": False, "factor_set": "2020",
    "cause": "c",
}  # fmt: skip


@pytest.mark.parametrize(
    ("type", "data", "content"),
    [
        ("cn.tanzhang.label.changed.v1", LABEL, "b4f6c76428917b15"),
        ("cn.tanzhang.industrial.account.v1", ACCOUNT, "13a6b9c09c059751"),
        ("cn.tanzhang.personal.reduction.v1", REDUCTION, "e5a21324ca95c92c"),
    ],
)
def test_contents_of_outputs_stay_too(type: str, data: dict[str, Any], content: str) -> None:
    attributes = {"specversion": "1.0", "id": "1", "source": "s", "subject": "x", "type": type}
    event = attributes | {"time": "2020-03-01T08:30:00+08:00", "data": data}
    assert decode(msgspec.json.encode(event), strict=False).content.hex() == content


@pytest.mark.parametrize("place", [{"epoch": 2}, {"sequence": 7}, {"epoch": 9, "sequence": 1}])
def test_where_a_state_stands_in_the_stream_is_not_what_it_says(place: dict[str, int]) -> None:
    """A restored service tells again what it had told, in another order of batches."""
    event = {
        "specversion": "1.0", "id": "1", "source": "s", "subject": "x",
        "type": "cn.tanzhang.personal.reduction.v1", "time": "2020-03-01T08:30:00+08:00",
    }  # fmt: skip

    def content(**data: Any) -> bytes:
        raw = msgspec.json.encode(event | {"data": REDUCTION | data})
        return decode(raw, strict=False).content

    assert content(**place) == content()
    assert content(**place, reduction_g="-23.097") != content()
