"""The three greens of a farm: what it neutralises against what it emits."""

from fractions import Fraction

from services.grading.domain import reasons
from services.grading.domain.grades import UNGRADED, UNKNOWN, Grade
from services.grading.domain.rulebook import Rulebook
from shared.events.types import AgriAccount
from shared.methodology import AgriRule


def colour(ratio: Fraction, rule: AgriRule) -> str:
    """Light, medium from a half, deep from one; ungraded at zero and below."""
    if ratio >= rule.deep_green:
        return "deep_green"
    if ratio >= rule.medium_green:
        return "medium_green"
    return "light_green" if ratio > 0 else UNGRADED


def grade(account: AgriAccount, rules: Rulebook) -> Grade:
    """Grade one farm and year: neutralised over gross emissions, unrounded.

    Ungraded when gross emissions are not declared (gross_not_declared) or nothing is
    neutralised (nothing_neutralised).
    """
    if account.gross_t <= 0:
        return _ungraded(account, "gross_not_declared")
    ratio = Fraction(account.neutralised_t) / Fraction(account.gross_t)
    label = colour(ratio, rules.agri(account.type, account.year))
    if label == UNGRADED:
        return _ungraded(account, "nothing_neutralised")
    reason = reasons.agri(account, ratio, rules.name("agri", label))
    return Grade(label, reason, {"neutralisation": label}, ratio=ratio)


def _ungraded(account: AgriAccount, missing: str) -> Grade:
    return Grade(
        UNGRADED,
        reasons.agri_ungraded(account, missing),
        {"neutralisation": UNKNOWN},
        missing=missing,
    )
