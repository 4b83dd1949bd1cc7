"""The three greens of a farm: what it neutralises against what it emits, or against its peers."""

from dataclasses import replace
from fractions import Fraction

from services.grading.domain import farm_peers, reasons
from services.grading.domain.farm_peers import FarmPeers
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


def grade(account: AgriAccount, rules: Rulebook, peers: FarmPeers | None = None) -> Grade:
    """Grade one farm and year: neutralised over gross emissions, unrounded.

    Without declared gross emissions by its peers: neutralised per hectare (per 100 heads) within
    the type. Ungraded when nothing is neutralised (nothing_neutralised); without gross emissions
    also when its records name no size (no_size), or when too few peers are known
    (gross_not_declared). The intensity of gross emissions stands beside the label.
    """
    rule = rules.agri(account.type, account.year)
    if account.gross_t <= 0:
        return _by_peers(account, rules, peers)
    ratio = Fraction(account.neutralised_t) / Fraction(account.gross_t)
    label = colour(ratio, rule)
    if label == UNGRADED:
        found = _ungraded(account, "nothing_neutralised", rule)
    else:
        reason = reasons.agri(account, ratio, rules.name("agri", label))
        found = Grade(label, reason, {"neutralisation": label}, ratio=ratio)
    per = rule.peer_per[account.type]
    size = farm_peers.size(account, per)
    if size is None:
        return found
    return replace(found, intensity=Fraction(account.gross_t) / size, intensity_per=per)


def _by_peers(account: AgriAccount, rules: Rulebook, peers: FarmPeers | None) -> Grade:
    rule = rules.agri(account.type, account.year)
    per = rule.peer_per[account.type]
    figure = farm_peers.figure(account, per)
    known = peers is not None and peers.per == per and peers.farms >= rule.peers_needed
    if account.neutralised_t <= 0 and known:
        return _ungraded(account, "nothing_neutralised", rule, peers)
    if not known or peers is None:
        return _ungraded(account, "gross_not_declared", rule, peers)
    if figure is None:
        return _ungraded(account, "no_size", rule, peers)
    label = peers.colour(figure)
    reason = reasons.agri_by_peers(account, figure, peers, rules.name("agri", label))
    return Grade(label, reason, {"neutralisation": UNKNOWN, "peers": label}, peers=peers)


def _ungraded(
    account: AgriAccount, missing: str, rule: AgriRule, peers: FarmPeers | None = None
) -> Grade:
    return Grade(
        UNGRADED,
        reasons.agri_ungraded(account, missing, rule),
        {"neutralisation": UNKNOWN},
        missing=missing,
        peers=peers,
    )
