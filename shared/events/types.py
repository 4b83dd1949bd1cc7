"""The event types of the city: what travels in `data`, one struct per type.

Amounts are exact decimals. Inputs are read strictly at the door (unknown fields
are refused) and leniently by consumers; outputs are written as decimal strings.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from shared.events.words import (
    Channel,
    FarmAnimal,
    FarmCrop,
    FarmInput,
    FarmLandUse,
    FarmPathway,
    FarmSoil,
    FarmTillage,
    ManureSystem,
    MeterExchange,
    MeterKind,
    PaymentKind,
    Quality,
)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Day = Annotated[
    str, msgspec.Meta(description="A date, or a timestamp that is midnight in the city's zone")
]


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload of an event."""

    def named(self) -> str | None:
        """The id of the event that this one replaces or reverses."""
        named: str | None = getattr(self, "replaces", None)
        return named


class MeterReading(Data, frozen=True, kw_only=True):
    """`value` in `unit`: the consumption of [start, end) (interval) or the counter at `end` (register).

    `exchange`, of a register only: the `final` reading of the old counter, the `initial` of the new.
    """

    meter_id: str
    kind: MeterKind
    end: Instant
    value: Decimal
    unit: str
    quality: Quality
    start: Instant | None = None
    exchange: MeterExchange | None = None
    replaces: str | None = None
    evidence: str | None = None


class ProductionReport(Data, frozen=True, kw_only=True):
    """`quantity` of `product` made in [start, end), dates of the city's calendar."""

    product: str
    start: Day
    end: Day
    quantity: Decimal
    unit: str
    asset_id: str | None = None
    replaces: str | None = None
    evidence: str | None = None


class EconomicReport(Data, frozen=True, kw_only=True):
    """Value added in [start, end), unit 1e4CNY."""

    start: Day
    end: Day
    value_added: Decimal
    unit: Literal["1e4CNY"]
    replaces: str | None = None


class ProcessActivity(Data, frozen=True, kw_only=True):
    """A process emission source: `quantity` in `unit`, `purity` and `content` as shares of one."""

    activity: str
    start: Day
    end: Day
    quantity: Decimal
    unit: str
    purity: Decimal | None = None
    content: dict[str, Decimal] | None = None
    asset_id: str | None = None
    replaces: str | None = None
    evidence: str | None = None


class FarmRecord(Data, frozen=True, kw_only=True):
    """One activity of a farm on a parcel; which fields are needed follows from `pathway`.

    Shares are of one. Straw: `burnt_before` is the share that used to be burnt in the field. Soil
    by measurement: stocks, or organic carbon with the bulk density and `stones` of the layer.
    Manure: `biogas_m3` in place of a fuel, and synthetic nitrogen in t before and after.
    """

    pathway: FarmPathway
    parcel_id: str
    start: Day
    end: Day
    since: int | None = None
    area_ha: Decimal | None = None
    straw_kg_per_ha: Decimal | None = None
    paddy: bool | None = None
    days_before_flooding: int | None = None
    crop: FarmCrop | None = None
    burnt_before: Decimal | None = None
    soil: FarmSoil | None = None
    land_use: FarmLandUse | None = None
    tillage_before: FarmTillage | None = None
    tillage_after: FarmTillage | None = None
    input_before: FarmInput | None = None
    input_after: FarmInput | None = None
    stock_before_t_per_ha: Decimal | None = None
    stock_after_t_per_ha: Decimal | None = None
    soc_before_g_per_kg: Decimal | None = None
    soc_after_g_per_kg: Decimal | None = None
    bulk_density_before_g_per_cm3: Decimal | None = None
    bulk_density_after_g_per_cm3: Decimal | None = None
    depth_cm: Decimal | None = None
    stones: Decimal | None = None
    stock_years: Decimal | None = None
    animal: FarmAnimal | None = None
    heads: Decimal | None = None
    system_before: ManureSystem | None = None
    system_after: ManureSystem | None = None
    biogas_m3: Decimal | None = None
    biogas_lhv_mj_per_m3: Decimal | None = None
    biogas_replaces: str | None = None
    synthetic_n_before_t: Decimal | None = None
    synthetic_n_after_t: Decimal | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    # "emission" records name what was used: a fuel, electricity, fertiliser_n, ...
    emission_source: str | None = msgspec.field(default=None, name="source")
    replaces: str | None = None
    evidence: str | None = None


class Payment(Data, frozen=True, kw_only=True):
    """One payment of a bank customer; CloudEvents `time` is the time of the behaviour."""

    kind: PaymentKind
    channel: Channel
    amount: Decimal
    currency: str
    quantity: Decimal | None = None
    mcc: str | None = None
    channel_ref: str | None = None
    reverses: str | None = None

    def named(self) -> str | None:
        return self.reverses


class State(Data, frozen=True, kw_only=True):
    """What every output carries: consumers ignore what is not newer than (epoch, sequence)."""

    epoch: int
    sequence: int


class IndustrialAccount(State, frozen=True, kw_only=True):
    """One account and year after a change; emissions in t CO2e."""

    year: int
    sector: str
    district: str
    product: str
    product_unit: str
    energy_t: Decimal
    process_t: Decimal
    avoided_t: Decimal
    total_t: Decimal
    output: Decimal
    value_added_1e4cny: Decimal
    months_energy: int
    months_output: int
    quality: dict[str, Decimal]
    factor_sets: list[str]
    # The months (1 to 12) that `months_energy` and `months_output` count.
    energy_covered: list[int] | None = None
    output_covered: list[int] | None = None


class IndustrialWarning(State, frozen=True, kw_only=True):
    """A local day on which a line (`asset_id`) or the enterprise used more of a carrier than usual.

    `band` is the upper end of the usual, `median` that of the same weekday on `days` weeks before.
    """

    day: str
    asset_id: str | None = None
    carrier: str
    unit: str
    value: Decimal
    median: Decimal
    band: Decimal
    days: int
    reason: dict[str, str]


class AgriAccount(State, frozen=True, kw_only=True):
    """One farm and year after a change, in t CO2e."""

    year: int
    type: str
    district: str
    straw_t: Decimal
    soil_t: Decimal
    manure_t: Decimal
    neutralised_t: Decimal
    gross_t: Decimal
    ratio: Decimal | None = None
    # The fields of the year's records, and head-days of its herd: what figures are per.
    area_ha: Decimal | None = None
    head_days: Decimal | None = None


class PersonalReduction(State, frozen=True, kw_only=True):
    """Grams of one cause; negative when it takes back."""

    scenario: str
    reduction_g: Decimal
    occurred_at: Instant
    capped: bool
    factor_set: str
    cause: str


class PersonalErased(State, frozen=True, kw_only=True):
    """The account is gone: forget who it was."""


class CurrentLabel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    year: int
    label: str
    valid_until: Instant | None = None
    expired: bool | None = None


class LabelChanged(State, frozen=True, kw_only=True):
    """The label of one account and year changed, was renewed or expired (`expired`)."""

    year: int
    label: str
    previous: str | None = None
    intensity: Decimal | None = None
    # The unit of output; of a farm `ha` or `100_heads`.
    intensity_per: str | None = None
    benchmark: Decimal | None = None
    ratio: Decimal | None = None
    dimensions: dict[str, str]
    reason: dict[str, str]
    rule_version: str
    benchmark_version: str | None = None
    benchmark_kind: str | None = None
    policy: dict[str, str]
    valid_until: Instant | None = None
    # True or absent; `policy` is then that of an expired label.
    expired: bool | None = None
    current: CurrentLabel


class PointsMoved(State, frozen=True, kw_only=True):
    """Points credited, reversed, redeemed, expired or about to expire; `balance` after it."""

    points: Decimal
    balance: Decimal
    cause: str
    due: str | None = None


class PointsTier(State, frozen=True, kw_only=True):
    """The loan-rating tier of an account changed."""

    tier: str
    previous: str | None = None
    trailing_g: Decimal
    points: Decimal
    balance: Decimal
    cause: str


INPUTS: dict[str, tuple[str, type[Data]]] = {
    "cn.tanzhang.meter.reading.v1": ("meter-readings", MeterReading),
    "cn.tanzhang.production.report.v1": ("production-reports", ProductionReport),
    "cn.tanzhang.economic.report.v1": ("production-reports", EconomicReport),
    "cn.tanzhang.process.activity.v1": ("process-activities", ProcessActivity),
    "cn.tanzhang.farm.record.v1": ("farm-records", FarmRecord),
    "cn.tanzhang.payment.v1": ("payments", Payment),
}
OUTPUTS: dict[str, tuple[str, type[Data]]] = {
    "cn.tanzhang.industrial.account.v1": ("industrial-accounts", IndustrialAccount),
    "cn.tanzhang.industrial.warning.v1": ("industrial-accounts", IndustrialWarning),
    "cn.tanzhang.agri.account.v1": ("agri-accounts", AgriAccount),
    "cn.tanzhang.personal.reduction.v1": ("personal-reductions", PersonalReduction),
    "cn.tanzhang.personal.erased.v1": ("personal-reductions", PersonalErased),
    "cn.tanzhang.label.changed.v1": ("label-changes", LabelChanged),
    "cn.tanzhang.points.credited.v1": ("point-credits", PointsMoved),
    "cn.tanzhang.points.reversed.v1": ("point-credits", PointsMoved),
    "cn.tanzhang.points.redeemed.v1": ("point-credits", PointsMoved),
    "cn.tanzhang.points.expired.v1": ("point-credits", PointsMoved),
    "cn.tanzhang.points.expiring.v1": ("point-credits", PointsMoved),
    "cn.tanzhang.points.tier.v1": ("point-credits", PointsTier),
}
TYPES = INPUTS | OUTPUTS
TOPICS = tuple(dict.fromkeys(topic for topic, _ in TYPES.values()))
