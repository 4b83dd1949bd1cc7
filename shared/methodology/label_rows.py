"""The rows of labels, their rules, policies and sample benchmarks."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from shared.methodology.rows import LabelKind, Positive, Row, Share

# Best first.
LABEL_WORDS: Mapping[LabelKind, tuple[str, ...]] = {
    "industrial": ("deep_green", "light_green", "yellow", "red", "ungraded"),
    "agri": ("deep_green", "medium_green", "light_green", "ungraded"),
    "personal": ("deep", "medium", "light", "none"),
}
FARM_TYPES = ("planting", "breeding", "organic_fertiliser")
PeerUnit = Literal["ha", "100_heads"]


def label_id(kind: str, label: str, bank: str | None = None) -> str:
    """How the rows of a label are named; a bank's own begin with the bank."""
    return ".".join(part for part in (bank, kind, label) if part)


class LabelName(Row, frozen=True, kw_only=True):
    """A label as people read it; `rank` rises from worst to best."""

    kind: LabelKind
    label: str
    rank: int
    name_en: str
    name_zh: str
    word_en: str
    word_zh: str


class IndustrialRule(Row, frozen=True, kw_only=True):
    """Upper bounds (inclusive) of ratio r; lower bounds of the yearly fall; the quality gate.

    `overall` says how the three dimensions make the label: the first alone, or a step.
    """

    deep_green: Positive
    light_green: Positive
    yellow: Positive
    fall_deep_green: Share
    fall_light_green: Share
    fall_yellow: Share
    quality_months_share: Share
    quality_cap: Literal["deep_green", "light_green", "yellow", "red"]
    months_needed: int
    valid_months: int
    overall: Literal["first_dimension", "step"]


class CityRule(Row, frozen=True, kw_only=True):
    """How many enterprises a figure of the city takes: a mean, and a median below that."""

    mean_enterprises: int
    median_enterprises: int


class AgriRule(Row, frozen=True, kw_only=True):
    """Lower bounds of neutralised / gross (inclusive; light is above zero), and the peer rule.

    `peer_per` says, by type of farm, what its figure among its peers is per.
    """

    deep_green: Positive
    medium_green: Positive
    peer_deep_green: Share
    peer_medium_green: Share
    peers_needed: int
    peer_per: dict[str, PeerUnit]
    valid_months: int


class PersonalRule(Row, frozen=True, kw_only=True):
    """Tiers: grams of the trailing months, lower bounds inclusive."""

    deep: Positive
    medium: Positive
    light: Positive
    trailing_months: int


class Policy(Row, frozen=True, kw_only=True):
    """What banks grant for a label, or one `bank` in its place; rates in basis points on its own
    base rate."""

    bank: str | None = None
    kind: LabelKind
    label: str
    rate_bp: int
    line_multiplier: Decimal
    terms_en: str
    terms_zh: str
    channel_en: str
    channel_zh: str
    hook_en: str
    hook_zh: str
    transition_step_bp: int = 0
    transition_step_cut: Share = Share(0)
    transition_max_bp: int = 0
    transition_missed_bp: int = 0

    def facts(self) -> dict[str, str]:
        """The policy as the text pairs that a label change carries."""
        facts = {
            "id": label_id(self.kind, self.label, self.bank),
            "rate_bp": str(self.rate_bp),
            "line_multiplier": format(self.line_multiplier, "f"),
            "terms_en": self.terms_en,
            "terms_zh": self.terms_zh,
            "channel_en": self.channel_en,
            "channel_zh": self.channel_zh,
            "hook_en": self.hook_en,
            "hook_zh": self.hook_zh,
        }
        return facts | self._transition() if self.transition_step_bp else facts

    def _transition(self) -> dict[str, str]:
        """What a transition loan earns for each step of a cut in intensity, and loses if missed."""
        cut = Decimal(self.transition_step_cut.numerator) / self.transition_step_cut.denominator
        return {
            "transition_step_bp": str(self.transition_step_bp),
            "transition_step_cut": format(cut, "f"),
            "transition_max_bp": str(self.transition_max_bp),
            "transition_missed_bp": str(self.transition_missed_bp),
        }


class SampleBenchmark(Row, frozen=True, kw_only=True):
    """A benchmark for demonstration, per `unit` of `product`: never an official figure."""

    sector: str
    product: str
    unit: str
    benchmark: Decimal
    kind: Literal["norm", "published", "city_mean", "city_median"]
    name_en: str
    name_zh: str
    illustrative: bool
