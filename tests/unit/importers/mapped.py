"""Tables of a mapping, read in a folder."""

import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from shared.events.envelope import Event, decode
from shared.events.types import Payment
from tanzhang.importers.mapped_rows import Sender
from tanzhang.importers.mapping import Mapping
from tanzhang.importers.mapping_files import read_mapping
from tanzhang.importers.pseudonyms import Key
from tanzhang.importers.reading import Fault
from tanzhang.importers.survey import Source, Survey, events, survey

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = b"correct horse battery staple"
SENDER = Sender("testbank", bank="testbank", key=Key(SECRET), reference_key=Key(SECRET[::-1]))
BANK = """\
event: payment
table: {csv: {}}
id: [no]
account: [account]
time: {column: day, format: "%Y%m%d", at: "12:00"}
skip:
  - {reason: credit, when: {side: [C, ＣＲ]}}
  - {reason: refund, positive: amount}
fields:
  kind: {column: code, codes: {"01": transfer, "02": purchase, "": bill_water}}
  channel:
    cases:
      - {when: {code: "02"}, word: qr}
      - {when: {code: ["01", ""], side: D}, word: mobile}
  amount: {column: amount, sign: negated}
  currency: {column: currency, codes: {人民币: CNY}, otherwise: XXX}
  reverses: undoes
  channel_ref: ref
"""
HEADER = "no,account,day,side,code,amount,currency,undoes,ref"
ROW = "t-1,6222021234567890128,20240131,D,01,-12.5,人民币,,"


@dataclass
class Read:
    """What came of a file."""

    found: Survey
    faults: list[Fault] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    raw: str = ""

    def said(self) -> list[str]:
        return [str(fault) for fault in self.faults]

    def payment(self, number: int = 0) -> Payment:
        data = self.events[number].data
        assert isinstance(data, Payment)
        return data


class Desk:
    """Reads tables of one mapping in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mapping(self, text: str) -> Mapping:
        path = self.folder / "m.yaml"
        path.write_text(text, encoding="utf-8")
        return read_mapping(path)

    def read(
        self, *rows: str, text: str = BANK, header: str = HEADER, sender: Sender = SENDER
    ) -> Read:
        path = self.folder / "t.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return read(Source(path, self.mapping(text), sender))


def read(source: Source) -> Read:
    faults: list[Fault] = []
    found = survey(source, now=NOW, describe=kind_of, on_fault=faults.append)
    made = list(events(source, found))
    raw = [json.dumps(event).encode() for _, event in made]
    return Read(
        found,
        faults,
        [line for line, _ in made],
        [decode(one, strict=True, now=NOW) for one in raw],
        b"\n".join(raw).decode(),
    )


def kind_of(event: Event) -> str:
    data = event.data
    return data.kind if isinstance(data, Payment) else str(getattr(data, "pathway", ""))


def token(*parts: str, secret: bytes = SECRET) -> str:
    """As the README says that a bank can make it by itself."""
    return hmac.new(secret, "\x1f".join(parts).encode(), sha256).hexdigest()[:32]
