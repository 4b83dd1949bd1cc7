"""The default rules that tell which scenario a payment belongs to, and why some earn nothing."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import cast

from shared.events.words import Channel, PaymentKind
from shared.methodology.editions import Editions
from shared.methodology.reader import Document
from shared.methodology.rows import Row

RULE_ID = re.compile("[a-z][a-z0-9_]{1,39}")
MCC = re.compile("[0-9]{4}")


class RuleRow(Row, frozen=True, kw_only=True):
    """What is left out fits every payment; either `scenario` (its code) or `reason`."""

    priority: int
    kind: PaymentKind | None = None
    channel: Channel | None = None
    mcc_from: str | None = None
    mcc_to: str | None = None
    with_quantity: bool = False
    scenario: str | None = None
    reason: str | None = None


class ReasonRow(Row, frozen=True, kw_only=True):
    """Why a payment earns nothing or less; `for_rules` when a rule may say it."""

    name_en: str
    name_zh: str
    for_rules: bool = False


@dataclass(frozen=True, slots=True)
class ClassificationRule:
    """A default rule: of those that fit a payment the lowest (priority, id) decides.

    It holds on the days from `begins` to before `ends`; `valid_from` is the date of its file, and
    the earliest file holds before its date too.
    """

    id: str
    valid_from: date
    begins: date
    ends: date
    row: RuleRow


@cache
def read_rules(editions: Editions) -> tuple[ClassificationRule, ...]:
    """The rules of all editions of the file, each until the next edition begins."""
    documents = editions.documents
    begins = [date.min, *(document.header.valid_from for document in documents[1:])]
    ends = [*begins[1:], date.max]
    return tuple(
        ClassificationRule(id, document.header.valid_from, begin, end, cast(RuleRow, row))
        for document, begin, end in zip(documents, begins, ends, strict=True)
        for id, row in document.sections["rules"].items()
    )


def check_rules(document: Document) -> None:
    """MethodologyError names the rule and the field that is wrong."""
    reasons = document.sections["reasons"]
    chosen = [name for name, row in reasons.items() if cast(ReasonRow, row).for_rules]
    for id, found in document.sections["rules"].items():
        row, at = cast(RuleRow, found), f"rules.{id}"
        if not RULE_ID.fullmatch(id):
            raise document.fault(at, "expected 2 to 40 of a-z, 0-9 and _, a letter first")
        if (row.scenario is None) == (row.reason is None):
            raise document.fault(at, "expected either scenario or reason")
        if row.reason is not None and row.reason not in chosen:
            raise document.fault(f"{at}.reason", f"expected one of {', '.join(chosen)}")
        for name in ("mcc_from", "mcc_to"):
            if (code := getattr(row, name)) is not None and not MCC.fullmatch(code):
                raise document.fault(f"{at}.{name}", "expected four digits")
        if row.mcc_to is not None and (row.mcc_from is None or row.mcc_to < row.mcc_from):
            raise document.fault(f"{at}.mcc_to", "expected mcc_from, and not before it")


def check_scenarios(rules: Editions, scenarios: Editions) -> None:
    """Rules name scenarios that every edition has, so that a day never lacks one."""
    known = [edition.sections["scenarios"] for edition in scenarios.documents]
    for document in rules.documents:
        for id, row in document.sections["rules"].items():
            code = cast(RuleRow, row).scenario
            for names in known:
                if code is not None and code not in names:
                    expected = f"expected one of {', '.join(names)}"
                    raise document.fault(f"rules.{id}.scenario", expected)
