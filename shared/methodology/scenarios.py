"""The everyday scenarios of the personal account."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Literal, cast

from shared.events.words import Channel, PaymentKind
from shared.methodology.reader import Document
from shared.methodology.rows import Confidence, ScenarioRow


@dataclass(frozen=True, slots=True)
class Scenario:
    """`factor_mg` mg CO2 per `unit`; `cap` units per account and local `cap_period`.

    `channels` earn, all others earn nothing. per_event counts 1 per payment, per_quantity its
    quantity, saving the fall of the month's quantity against the same month a year before.
    """

    number: int
    code: str
    kind: PaymentKind
    name_en: str
    name_zh: str
    factor_mg: Fraction
    unit: str
    formula: Literal["per_event", "per_quantity", "saving"]
    cap: Decimal | None
    cap_period: Literal["day", "month"]
    channels: frozenset[Channel]
    set: str
    version: str
    source: str
    confidence: Confidence
    valid_from: date
    valid_to: date | None

    @property
    def label(self) -> str:
        """Set and version in one word, as ledgers keep it."""
        return f"{self.set}@{self.version}"

    @property
    def needs_quantity(self) -> bool:
        """True when the payment must carry a quantity in `unit`."""
        return self.formula != "per_event"


@cache
def read_scenarios(document: Document) -> dict[str, Scenario]:
    """The scenarios of a file by payment kind, in the order of their numbers."""
    rows = [(code, cast(ScenarioRow, row)) for code, row in document.sections["scenarios"].items()]
    ordered = sorted(rows, key=lambda item: item[1].number)
    return {row.kind: _scenario(document, code, row) for code, row in ordered}


def _scenario(document: Document, code: str, row: ScenarioRow) -> Scenario:
    return Scenario(
        number=row.number,
        code=code,
        kind=row.kind,
        name_en=row.name_en,
        name_zh=row.name_zh,
        factor_mg=Fraction(row.factor_g) * 1000,
        unit=row.unit,
        formula=row.formula,
        cap=row.cap,
        cap_period=row.cap_period,
        channels=frozenset(row.channels),
        set=document.header.set,
        version=document.header.version,
        source=row.source,
        confidence=row.confidence,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
