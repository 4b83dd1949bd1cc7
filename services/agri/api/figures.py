"""The words of farm records and the figures behind them, as they are shown."""

from typing import Annotated, get_args

from shared.http.answers import Answer, DecimalText, Wording, Year, one_of, sample
from shared.methodology.rows import Confidence, Edition

Field = Annotated[str, sample("quantity")]
Unit = Annotated[str, sample("t")]


class Named(Answer, frozen=True, kw_only=True):
    name: Annotated[str, sample("straw_return")]
    name_en: Annotated[str, sample("straw return")]
    name_zh: Annotated[str, sample("秸秆还田")]


class Sourced(Answer, frozen=True, kw_only=True):
    """Where a figure is from."""

    source: Annotated[str, sample("IPCC 2019, volume 4, table 5.5")]
    confidence: Confidence
    note: Annotated[str, sample("of temperate regions")] | None


class NamedSourced(Sourced, frozen=True, kw_only=True):
    name: Annotated[str, sample("cropland")]
    name_en: Annotated[str, sample("cropland")]
    name_zh: Annotated[str, sample("耕地")]


class PathwayShown(Named, frozen=True, kw_only=True):
    """The fields that a record of it needs, and those that it may have too."""

    needs: list[Field]
    may_have: list[Field]


class EditionFigure(NamedSourced, frozen=True, kw_only=True):
    """`value` is of the edition in use; `unit` null: a plain factor."""

    value: DecimalText
    editions: dict[Annotated[str, sample("2019")], DecimalText]
    unit: Unit | None


class NamedFigure(Sourced, frozen=True, kw_only=True):
    name: Annotated[str, sample("carbon_to_co2")]
    value: DecimalText
    unit: Unit | None


class PaddyFigures(Sourced, frozen=True, kw_only=True):
    """Methane of a flooded season, and what returned straw adds to it (a memo)."""

    ch4_kg_per_ha_day: DecimalText
    days: int
    exponent: DecimalText
    cfoa_short: DecimalText
    cfoa_long: DecimalText


class StrawFigures(NamedSourced, frozen=True, kw_only=True):
    """Soil carbon by straw returned, of a region; `used` marks the city's."""

    slope: DecimalText
    intercept: DecimalText
    unit: Unit
    used: bool


class CropFigures(NamedSourced, frozen=True, kw_only=True):
    """t CO2e of a tonne of straw that is burned in the field."""

    burning_t_per_t: DecimalText


class AnimalFigures(NamedSourced, frozen=True, kw_only=True):
    vs_kg_per_day: DecimalText
    n_kg_per_day: DecimalText
    b0_m3_per_kg_vs: DecimalText


class SystemFigures(NamedSourced, frozen=True, kw_only=True):
    """A way of keeping manure, for one kind of animal; kg CO2e per head and year."""

    animal: Annotated[str, sample("pig")]
    ch4_g_per_kg_vs: DecimalText
    ef3: DecimalText
    kg_per_head_year: DecimalText


class SourceFactor(Answer, frozen=True, kw_only=True):
    id: Annotated[str, sample("farm.diesel")]
    set: Annotated[str, sample("agri")]
    version: Annotated[str, sample("2026")]
    t_per_unit: DecimalText
    unit: Unit
    warning: Annotated[str, sample("the factor of 2022 is used")] | None
    source: Annotated[str, sample("GB/T 32151.10")]
    confidence: Annotated[str, sample("V", "V, V2, D, R or P")]
    note: Annotated[str, sample("of temperate regions")] | None


class EmissionSource(Named, frozen=True, kw_only=True):
    """A source of gross emissions, and the units that a record may use."""

    units: list[Unit]
    factor: SourceFactor


class WarmingPotentials(Answer, frozen=True, kw_only=True):
    set: Annotated[str, sample("AR5")]
    CH4: DecimalText
    N2O: DecimalText


class Catalogue(Answer, frozen=True, kw_only=True):
    """The words of farm records, with the figures behind them as used for a year."""

    year: Year
    edition: Annotated[str, one_of(get_args(Edition))]
    gwp: WarmingPotentials
    factor_set: Annotated[str, sample("agri@2026")]
    farm_types: dict[Annotated[str, sample("planting")], Wording]
    pathways: list[PathwayShown]
    soil: list[EditionFigure]
    land_use: list[EditionFigure]
    tillage: list[EditionFigure]
    input: list[EditionFigure]
    nitrogen: list[EditionFigure]
    figures: list[NamedFigure]
    paddy: list[PaddyFigures]
    straw: list[StrawFigures]
    crops: list[CropFigures]
    animals: list[AnimalFigures]
    systems: list[SystemFigures]
    sources: list[EmissionSource]
