"""Whether the rows of labels, their rules and policies fit together."""

from typing import cast

from shared.events.identifiers import BANK_FORM, is_bank
from shared.methodology.factors import sector_code
from shared.methodology.label_rows import (
    FARM_TYPES,
    LABEL_WORDS,
    AgriRule,
    CityRule,
    IndustrialRule,
    LabelName,
    PersonalRule,
    Policy,
    label_id,
)
from shared.methodology.reader import Document, MethodologyError

LABELS = tuple(label_id(kind, label) for kind, labels in LABEL_WORDS.items() for label in labels)


def check_industrial(document: Document) -> None:
    """Cut points in order, and what the gate and the validity may be."""
    for name, found in document.sections["industrial"].items():
        rule = cast(IndustrialRule, found)
        if name != "default":
            _check_sector(document, name)
        if not rule.deep_green < rule.light_green < rule.yellow:
            raise document.fault(f"industrial.{name}", "expected deep_green < light_green < yellow")
        if not rule.fall_deep_green > rule.fall_light_green > rule.fall_yellow:
            expected = "expected fall_deep_green > fall_light_green > fall_yellow"
            raise document.fault(f"industrial.{name}", expected)
        if not 1 <= rule.months_needed <= 12:
            raise document.fault(f"industrial.{name}.months_needed", "expected 1 to 12")
        _check_validity(document, f"industrial.{name}", rule)


def _check_sector(document: Document, code: str) -> None:
    """A row that is of no sector would be passed over."""
    try:
        bare = sector_code(code)
    except MethodologyError as error:
        raise document.fault(f"industrial.{code}", str(error)) from error
    if bare != code:
        raise document.fault(f"industrial.{code}", f"expected the code without its letter, {bare}")


def check_labels(document: Document) -> None:
    """The rules of the city's figures, of farms and of tiers."""
    for name, found in document.sections["city"].items():
        figures = cast(CityRule, found)
        if not 1 <= figures.median_enterprises <= figures.mean_enterprises:
            expected = "expected 1 <= median_enterprises <= mean_enterprises"
            raise document.fault(f"city.{name}", expected)
    for name, found in document.sections["agri"].items():
        farm = cast(AgriRule, found)
        own = {type for type in FARM_TYPES if name == "default" or type.startswith(name)}
        if not own:
            expected = f"expected default, {', '.join(FARM_TYPES)}"
            raise document.fault(f"agri.{name}", expected)
        if not farm.medium_green < farm.deep_green:
            raise document.fault(f"agri.{name}", "expected medium_green < deep_green")
        if not farm.peer_medium_green < farm.peer_deep_green:
            raise document.fault(f"agri.{name}", "expected peer_medium_green < peer_deep_green")
        if farm.peers_needed < 1:
            raise document.fault(f"agri.{name}.peers_needed", "expected 1 or more")
        _check_validity(document, f"agri.{name}", farm)
        if not own <= farm.peer_per.keys() <= set(FARM_TYPES):
            expected = f"expected {', '.join(sorted(own))}, of {', '.join(FARM_TYPES)}"
            raise document.fault(f"agri.{name}.peer_per", expected)
    for name, found in document.sections["personal"].items():
        tiers = cast(PersonalRule, found)
        if not tiers.light < tiers.medium < tiers.deep:
            raise document.fault(f"personal.{name}", "expected light < medium < deep")


def _check_validity(document: Document, at: str, rule: IndustrialRule | AgriRule) -> None:
    if rule.valid_months < 1:
        raise document.fault(f"{at}.valid_months", "expected 1 or more")


def check_names(document: Document) -> None:
    """Names are looked up as kind.label."""
    for name, found in document.sections["names"].items():
        row = cast(LabelName, found)
        if name != label_id(row.kind, row.label):
            raise document.fault(f"names.{name}", f"expected {label_id(row.kind, row.label)}")


def check_policies(document: Document) -> None:
    """Policies are looked up as kind.label, a bank's own as bank.kind.label."""
    for name, found in document.sections["policies"].items():
        row = cast(Policy, found)
        if row.bank is not None and not is_bank(row.bank):
            raise document.fault(f"policies.{name}.bank", f"expected {BANK_FORM}")
        expected = label_id(row.kind, row.label, row.bank)
        if name != expected:
            raise document.fault(f"policies.{name}", f"expected {expected}")
        if label_id(row.kind, row.label) not in LABELS:
            words = ", ".join(LABEL_WORDS[row.kind])
            raise document.fault(f"policies.{name}.label", f"expected one of {words}")
        _check_transition(document, name, row)


def _check_transition(document: Document, name: str, row: Policy) -> None:
    """A part of the terms would be passed over, or say nothing without the others."""
    needed = ("transition_step_bp", "transition_step_cut", "transition_max_bp")
    if row.transition_missed_bp or any(getattr(row, field) for field in needed):
        for field in needed:
            if not getattr(row, field):
                what = "expected other than 0, as the row has terms of a transition loan"
                raise document.fault(f"policies.{name}.{field}", what)
